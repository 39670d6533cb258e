"""The process log as a reader sees it: tail first, older and newer lines by range."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timezone

from tom_pipeline_core.models import LogLine, PipelineProcess

PAGE_LINES = 500

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def readable(text: str) -> str:
    """Return a line without colour codes, controls, and marks that reorder text."""
    return _CONTROL.sub("", _ANSI.sub("", text))


@dataclass
class LogPart:
    """Consecutive lines of a log, oldest first."""

    lines: list[LogLine] = field(default_factory=list)
    more_before: bool = False
    """Whether older lines exist that are not in this part."""

    @property
    def first(self) -> int:
        return self.lines[0].pk if self.lines else 0

    @property
    def last(self) -> int:
        return self.lines[-1].pk if self.lines else 0


def tail(
    process: PipelineProcess,
    *,
    after: int = 0,
    before: int | None = None,
    limit: int = PAGE_LINES,
) -> LogPart:
    """
    Return the newest lines between two primary keys, in one query.

    A reader who fell behind gets the newest lines and is told that some lie between.
    """
    rows = process.log_lines.filter(pk__gt=after)
    if before is not None:
        rows = rows.filter(pk__lt=before)
    newest = list(rows.order_by("-pk")[: limit + 1])
    return LogPart(
        lines=newest[limit - 1 :: -1] if len(newest) > limit else newest[::-1],
        more_before=len(newest) > limit,
    )


def as_text(lines: Iterable[tuple[datetime, int, str]]) -> Iterable[str]:
    """Yield lines of a text file: time in UTC, level, text."""
    for time, level, text in lines:
        stamp = time.astimezone(timezone.utc)
        yield f"{stamp:%Y-%m-%dT%H:%M:%S}.{stamp.microsecond // 1000:03d}Z {level_name(level)} {readable(text)}\n"


def level_name(level: int) -> str:
    """Return the name of the nearest standard level at or below."""
    for least, name in ((50, "CRITICAL"), (40, "ERROR"), (30, "WARNING"), (20, "INFO")):
        if level >= least:
            return name
    return "DEBUG"
