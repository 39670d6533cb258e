"""The process log as a reader sees it: tail first, older and newer lines by range."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from django.db.models import QuerySet
from django.http import QueryDict

from tom_pipeline_core.models import LogLine, PipelineProcess

PAGE_LINES = 500
LEVELS = ((0, "All levels"), (20, "Info"), (30, "Warnings"), (40, "Errors"))

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def readable(text: str) -> str:
    """Return a line without colour codes, controls, and marks that reorder text."""
    return _CONTROL.sub("", _ANSI.sub("", text))


@dataclass(frozen=True)
class Wanted:
    """Which lines a reader wants to see."""

    level: int = 0
    text: str = ""

    @classmethod
    def of(cls, query: QueryDict) -> Wanted:
        """Read ``level`` and ``q`` of a query string; nonsense is no filter."""
        level = number(query.get("level")) or 0
        return cls(level=level if level in dict(LEVELS) else 0, text=query.get("q", "")[:200])

    def __bool__(self) -> bool:
        return bool(self.level or self.text)

    def apply(self, rows: QuerySet[LogLine]) -> QuerySet[LogLine]:
        """Return the rows that fit."""
        if self.level:
            rows = rows.filter(level__gte=self.level)
        if self.text:
            rows = rows.filter(text__icontains=self.text)
        return rows


@dataclass
class LogPart:
    """Consecutive lines of a log, oldest first."""

    lines: list[LogLine] = field(default_factory=list)
    more_before: bool = False
    """Whether older lines exist in the range that are not in this part."""

    @property
    def first(self) -> int:
        return self.lines[0].pk if self.lines else 0

    @property
    def last(self) -> int:
        return self.lines[-1].pk if self.lines else 0


def tail(
    process: PipelineProcess,
    wanted: Wanted | None = None,
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
    if wanted:
        rows = wanted.apply(rows)
    newest = list(rows.order_by("-pk")[: limit + 1])
    return LogPart(lines=newest[:limit][::-1], more_before=len(newest) > limit)


def counts(process: PipelineProcess, wanted: Wanted) -> dict[str, int]:
    """Return how many lines there are, and how many of them fit."""
    total = process.log_lines.count()
    found = wanted.apply(process.log_lines.all()).count() if wanted else total
    return {"total": total, "found": found}


def as_text(process: PipelineProcess, wanted: Wanted) -> Iterator[str]:
    """Yield the log as a text file, in parts: time in UTC, level, text."""
    rows: Iterable[Any] = (
        wanted.apply(process.log_lines.all())
        .order_by("pk")
        .values_list("time", "level", "text")
        .iterator(chunk_size=2000)
    )
    batch: list[str] = []
    for time, level, text in rows:
        batch.append(f"{stamp(time)} {level_name(level)} {readable(text)}\n")
        if len(batch) == 1000:
            yield "".join(batch)
            batch.clear()
    yield "".join(batch)


def stamp(time: datetime) -> str:
    """Return a time as ``2026-03-01T12:00:00.123Z``."""
    exact = time.astimezone(timezone.utc)
    return f"{exact.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def level_name(level: int) -> str:
    """Return the name of the nearest standard level at or below."""
    for least, name in ((50, "CRITICAL"), (40, "ERROR"), (30, "WARNING"), (20, "INFO")):
        if level >= least:
            return name
    return "DEBUG"


def number(text: str | None) -> int | None:
    """Return a whole number from a query string, or None."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else None
