"""
In the run: everything that the pipeline says, on its way down the pipes.

What Python logs and warns goes down the record pipe with its time and level. What anybody writes to
descriptors 1 and 2 (``print``, compiled code, programs that the pipeline starts) is in the output
pipe already. The stack of a crash goes down the record pipe as plain lines.
"""

from __future__ import annotations

import faulthandler
import io
import logging
import os
import sys
import threading
import time
import traceback

from tom_pipeline_core.executors.child_process import wire
from tom_pipeline_core.executors.child_process.text import cut_failure, cut_line, storable


class PipeReporter:
    """Writes what the runner reports as records; the pipe blocks when the reader is slower."""

    def __init__(self, records: int) -> None:
        self._records = records
        self._lock = threading.RLock()
        self._torn = False
        # A process that the pipeline forks while another thread holds the lock must not wait for it.
        os.register_at_fork(after_in_child=self._new_lock)

    def _new_lock(self) -> None:
        self._lock = threading.RLock()

    def line(self, time: float, stream: str, level: int, text: str) -> None:
        """Report a line of log; a text of several lines makes several."""
        for part in text.split("\n"):
            self._send("line", time=time, stream=stream, level=level, text=cut_line(part))

    def status(self, text: str) -> None:
        """Report what the run is doing."""
        self._send("status", text=cut_line(text))

    def progress(self, done: float, total: float | None) -> None:
        """Report how far the run is."""
        self._send("progress", done=float(done), total=None if total is None else float(total))

    def end(
        self, *, ok: bool, reason: str = "", kind: str = "", message: str = "", trace: str = ""
    ) -> None:
        """Report how the run ended, as its last word."""
        self._send(
            "end",
            ok=ok,
            reason=storable(reason),
            kind=kind,
            message=cut_failure(message),
            traceback=cut_failure(trace),
        )

    def _send(self, kind: str, /, **values: object) -> None:
        data = wire.record(kind, **values)
        with self._lock:
            if self._torn:
                data = b"\n" + data
            self._torn = True  # until it is written: a signal may raise in the middle
            wire.write_all(self._records, data)
            self._torn = False


class RecordHandler(logging.Handler):
    """Sends log records to the reporter, with their tracebacks."""

    def __init__(self, reporter: PipeReporter) -> None:
        super().__init__()
        self._reporter = reporter

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = record.getMessage()
            if record.exc_info:
                text += "\n" + "".join(traceback.format_exception(*record.exc_info))
            self._reporter.line(record.created, "log", record.levelno, text.rstrip("\n"))
        except Exception:  # noqa: BLE001 - logging's own way with what cannot be written
            self.handleError(record)


def capture_streams(records: int) -> None:
    """
    Make Python's streams anew on descriptors 1 and 2, and have crashes told.

    Objects that were made before the fork may describe other files.
    """
    os.set_inheritable(records, False)
    faulthandler.enable(file=records, all_threads=True)
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        stream = io.TextIOWrapper(
            io.BufferedWriter(io.FileIO(descriptor, "w", closefd=False)),
            encoding="utf-8",
            errors="backslashreplace",
            line_buffering=True,
            write_through=True,
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def capture_logging(reporter: PipeReporter) -> None:
    """
    Send all logging and warnings to the reporter.

    Handlers that print to a console give way, or each line would come twice; a site's handlers
    that write elsewhere (files, mail) stay.
    """
    handler = RecordHandler(reporter)
    root = logging.getLogger()
    loggers = [
        logger
        for logger in logging.root.manager.loggerDict.values()
        if isinstance(logger, logging.Logger)
    ]
    for logger in [root, *loggers]:
        consoles = [one for one in logger.handlers if type(one) is logging.StreamHandler]
        for console in consoles:
            logger.removeHandler(console)
        if consoles and not logger.propagate and logger is not root:
            logger.addHandler(handler)
    root.addHandler(handler)
    root.setLevel(min(root.level or logging.INFO, logging.INFO))
    logging.captureWarnings(True)


def flush() -> None:
    """Write out what Python's streams and logging still hold."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            continue  # the pipeline closed or replaced it
    logging.shutdown()


def say(text: str) -> None:
    """Write a line to the run's output, before anything better is there."""
    os.write(2, f"{time.strftime('%H:%M:%S')} {text}\n".encode())
