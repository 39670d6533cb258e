"""Prints and log records of a run, as lines for its reporter."""

from __future__ import annotations

import io
import logging
import time
import traceback

from tom_pipeline_core.runner.reporter import Reporter


class LineWriter(io.TextIOBase):
    """A text stream that hands complete lines to a reporter, the rest when it is closed."""

    def __init__(self, reporter: Reporter, level: int) -> None:
        self._reporter = reporter
        self._level = level
        self._rest = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._reporter.line(time.time(), "out", self._level, line)
        return len(text)

    def close(self) -> None:
        if self._rest:
            self.write("\n")
        super().close()


class ReportHandler(logging.Handler):
    """Hands log records to a reporter, tracebacks included."""

    def __init__(self, reporter: Reporter) -> None:
        super().__init__()
        self._reporter = reporter

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = record.getMessage()
            if record.exc_info:
                text += "\n" + "".join(traceback.format_exception(*record.exc_info))
            for line in text.splitlines() or [""]:
                self._reporter.line(record.created, "log", record.levelno, line)
        except Exception:  # noqa: BLE001 - logging's own way with what cannot be written
            self.handleError(record)
