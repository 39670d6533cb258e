"""
The process log: rows that are only appended, written in batches.

The cost of a line does not grow with the log. Text is made safe for every database, lines and
their number are bounded, and the log itself says what was left out.
"""

from __future__ import annotations

import logging
import re
import time as clock
from collections.abc import Iterable
from datetime import datetime, timezone

from django.db import Error as DatabaseError
from django.db import models

from tom_pipeline_core.models import LogLine, PipelineProcess

logger = logging.getLogger(__name__)

LINE_MAX = 8192  # characters; longer lines are cut and say so
FLUSH_SECONDS = 0.3
FLUSH_LINES = 500
KEPT_WHILE_UNWRITABLE = 20_000

_UNSTORABLE = re.compile(
    "[\x00\ud800-\udfff]"
)  # PostgreSQL refuses NUL, and no database takes lone surrogates


def clean_text(text: str, limit: int | None = LINE_MAX) -> str:
    """Return text that any database stores, cut to ``limit`` characters with a mark."""
    text = _UNSTORABLE.sub("\ufffd", text)
    if limit is not None and len(text) > limit:
        return f"{text[:limit]} … [{len(text) - limit} more characters cut]"
    return text


class LogWriter:
    """
    Append lines to the log of one attempt of a process.

    Not thread-safe: its supervisor's thread owns it.

    Parameters
    ----------
    pk, attempt : int
        The process and the claim.
    max_lines : int
        Lines kept of this attempt; beyond it only warnings and errors, up to twice as many.
    """

    def __init__(self, pk: int, attempt: int, *, max_lines: int) -> None:
        self.pk = pk
        self.attempt = attempt
        self.max_lines = max_lines
        self.count = 0
        self.warnings = 0
        self.dropped = 0
        self._buffer: list[LogLine] = []
        self._last_flush = clock.monotonic()

    def line(self, time: float, stream: str, level: int, text: str) -> None:
        """Take a line; it is in the database after the next flush."""
        self.count += 1
        if level >= logging.WARNING:
            self.warnings += 1
        if self.count > self.max_lines and (
            level < logging.WARNING or self.count - self.dropped > 2 * self.max_lines
        ):
            self.dropped += 1
            return
        self._append(time, stream, level, text)
        if len(self._buffer) >= FLUSH_LINES:
            self.flush()

    def _append(self, time: float, stream: str, level: int, text: str) -> None:
        self._buffer.append(
            LogLine(
                process_id=self.pk,
                attempt=self.attempt,
                time=datetime.fromtimestamp(time, tz=timezone.utc),
                stream=stream,
                level=max(0, min(level, 100)),
                text=clean_text(text),
            )
        )

    def flush_if_due(self) -> None:
        """Write what waits if the last write is long enough ago."""
        if self._buffer and clock.monotonic() - self._last_flush >= FLUSH_SECONDS:
            self.flush()

    def flush(self) -> bool:
        """Write what waits; False if the database did not take it (it is kept for the next)."""
        self._last_flush = clock.monotonic()
        if not self._buffer:
            return True
        rows, self._buffer = self._buffer, []
        try:
            LogLine.objects.bulk_create(rows, batch_size=FLUSH_LINES)
        except DatabaseError as error:
            logger.warning("Log of process %s not written, kept: %s", self.pk, error)
            self.dropped += max(0, len(rows) - KEPT_WHILE_UNWRITABLE)
            self._buffer = rows[-KEPT_WHILE_UNWRITABLE:] + self._buffer
            return False
        return True

    def close(self) -> bool:
        """Say what was left out, and write the rest."""
        if self.dropped:
            self._append(
                clock.time(),
                LogLine.Stream.SUPERVISOR,
                logging.WARNING,
                f"{self.dropped} lines were not kept: a process keeps {self.max_lines} lines "
                "(setting TOM_PIPELINES['LOG_MAX_LINES'])",
            )
            self.dropped = 0
        return self.flush()


def lines_after(process: PipelineProcess, after: int, limit: int) -> Iterable[LogLine]:
    """Return at most ``limit`` lines with a primary key above ``after``, oldest first."""
    return process.log_lines.filter(pk__gt=after).order_by("pk")[:limit]


def say(pk: int, attempt: int, text: str, *, level: int = logging.INFO) -> None:
    """Append one line of the machinery's own, such as why a process was queued again."""
    LogLine.objects.create(
        process_id=pk,
        attempt=attempt,
        time=models.functions.Now(),
        stream=LogLine.Stream.SUPERVISOR,
        level=level,
        text=clean_text(text),
    )
