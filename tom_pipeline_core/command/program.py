"""Run one program, hear what it says, and say why it failed."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from tom_pipeline_core.command.declaration import Patterns
from tom_pipeline_core.exceptions import AsyncError

LAST_WORDS = 300  # characters of the last line that are repeated in a message


class Listener(Protocol):
    """The process, as far as a program's words concern it."""

    def log(self, msg: object) -> None: ...

    def update_status(self, status: str) -> object: ...

    def progress(self, done: float, total: float | None) -> None: ...


def run_program(
    arguments: Sequence[str],
    *,
    folder: Path,
    variables: Mapping[str, str],
    patterns: Patterns,
    listener: Listener,
) -> None:
    """
    Run a program to its end, its output going to the process's log.

    Raises
    ------
    AsyncError
        If it cannot be started, fails, or is killed; with its own words where it had any.
    """
    name = Path(arguments[0]).name
    try:
        # In the run's own session: whoever ends the run ends the program with it.
        program = subprocess.Popen(
            list(arguments), cwd=folder, env=dict(variables), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8",
            errors="replace",
        )  # fmt: skip
    except FileNotFoundError as error:
        raise AsyncError(
            f"The program {arguments[0]!r} is not installed where the pipeline runs."
        ) from error
    except OSError as error:
        raise AsyncError(f"The program {arguments[0]!r} cannot be started: {error}") from error
    last, reason = "", ""
    with program:
        assert program.stdout is not None
        for line in program.stdout:  # a carriage return ends a line too
            text = line.rstrip("\n")
            if not text.strip():
                continue
            last = text.strip()
            listener.log(text)
            _heed(text, patterns, listener)
            if patterns.error and (found := re.search(patterns.error, text)):
                reason = found[1] or reason
    if program.returncode == 0:
        return
    words = reason or last[-LAST_WORDS:]
    said = f": {words}" if words else " and said nothing."
    if program.returncode < 0:
        number = -program.returncode
        known = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
        raise AsyncError(f"{name} was killed by {known}{said}")
    raise AsyncError(f"{name} ended with exit code {program.returncode}{said}")


def _heed(text: str, patterns: Patterns, listener: Listener) -> None:
    if patterns.status and (found := re.search(patterns.status, text)):
        listener.update_status(found[1])
    if patterns.progress and (found := re.search(patterns.progress, text)):
        groups = found.groupdict()
        if groups.get("percent"):
            listener.progress(float(groups["percent"]), 100.0)
        elif groups.get("done"):
            total = groups.get("total")
            listener.progress(float(groups["done"]), float(total) if total else None)
