"""
Import every plugin in a child process and report what fails.

A plugin may end the interpreter, or never return from its import; the caller must survive both.
Run as a module this is the child.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from typing import Any

from tom_pipeline_core.faults import Fault, check_id

TIME_LIMIT = 60.0
"""Seconds that one plugin's import may take."""

HOOKS = "hooks"
SETTINGS_VARIABLE = "DJANGO_SETTINGS_MODULE"


def examine(*, time_limit: float = TIME_LIMIT) -> list[Fault]:
    """
    Return what fails when plugins are imported, each in turn, in a child process.

    Needs the settings to be a module; with settings made in memory nothing is examined.

    Parameters
    ----------
    time_limit : float
        Seconds for each plugin; the first also waits for Django.
    """
    from tom_pipeline_core import registry

    if not os.environ.get(SETTINGS_VARIABLE):
        return []
    entries = {entry.qualified_id: entry for entry in registry.listing() if entry.usable}
    waiting = [HOOKS, *entries]
    found: list[Fault] = []
    while waiting:
        faults, unfinished, ending = _one_child(waiting, time_limit)
        found += faults
        if unfinished is None:
            break
        entry = entries.get(unfinished)
        where = entry.where if entry is not None else "the hooks of plugins"
        subject = f"{entry.target} of {where}" if entry is not None else where
        found.append(
            Fault(
                id=check_id("E020" if entry is not None else "E030"),
                what=f"Importing {subject} {ending}.",
                where=where,
                hint="Uninstall it, or name its distribution in TOM_PIPELINES['DENY'].",
                subject=entry.name if entry is not None else "",
            )
        )
        waiting = waiting[waiting.index(unfinished) + 1 :]
    return found


def _one_child(names: list[str], time_limit: float) -> tuple[list[Fault], str | None, str]:
    """Return the faults, what was being imported when the child ended, and how it ended."""
    reading, writing = os.pipe()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with (
        tempfile.TemporaryFile() as said,
        os.fdopen(reading, "rb", buffering=0) as reports,
        subprocess.Popen(
            [sys.executable, "-m", __name__, str(writing), json.dumps(names)],
            pass_fds=[writing],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            env=environment,
            start_new_session=True,
        ) as child,
    ):
        os.close(writing)
        faults, busy, timed_out = _follow(reports, names[0], time_limit)
        if busy is not None:
            child.kill()
        child.wait()
        said.seek(0)
        last_words = said.read().decode("utf-8", "replace").strip().splitlines()[-1:]
    if busy is None:
        return faults, None, ""
    if timed_out:
        return faults, busy, f"took longer than {time_limit:g} seconds"
    ending = f"ended the interpreter (exit code {child.returncode})"
    return faults, busy, ending + "".join(f", last saying: {line}" for line in last_words)


def _follow(reports: Any, first: str, time_limit: float) -> tuple[list[Fault], str | None, bool]:
    """Read reports until the child is done, silent for too long, or gone."""
    faults: list[Fault] = []
    busy: str | None = first
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(reports, selectors.EVENT_READ)
        deadline = time.monotonic() + time_limit
        while True:
            if not selector.select(max(0.0, deadline - time.monotonic())):
                return faults, busy, True
            data = reports.read(65536)
            if not data:
                return faults, busy, False
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                report = json.loads(line)
                deadline = time.monotonic() + time_limit
                faults += [Fault(**fault) for fault in report.get("faults", ())]
                busy = report["busy"]


def _child(descriptor: int, names: list[str]) -> None:
    import django

    django.setup()
    from tom_pipeline_core import hooks, registry
    from tom_pipeline_core.exceptions import PipelineError

    def report(busy: str | None, *faults: Fault) -> None:
        line = json.dumps({"busy": busy, "faults": [asdict(fault) for fault in faults]})
        os.write(descriptor, line.encode() + b"\n")

    for name in names:
        report(name)
        if name == HOOKS:
            hooks.load()
            report(name, *hooks.faults())
            continue
        before = set(registry.faults())
        try:
            registry.load(name)
        except PipelineError:
            report(name, *(fault for fault in registry.faults() if fault not in before))
    report(None)


if __name__ == "__main__":
    _child(int(sys.argv[1]), json.loads(sys.argv[2]))
