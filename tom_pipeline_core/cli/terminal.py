"""Show on a terminal what a run says: log lines, and a bar while it makes progress."""

from __future__ import annotations

import logging
import shutil
import sys
import time as clock
from typing import TextIO

from tom_pipeline_core.executors.base import Sink

BAR = 24
REDRAW_SECONDS = 0.1


class Terminal(Sink):
    """
    Write to standard error, so that standard output holds results alone.

    Parameters
    ----------
    quiet : bool
        Show warnings and errors of the log only, and no bar.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._stream: TextIO = sys.stderr  # kept, because a run redirects it
        self._quiet = quiet
        self._live = not quiet and self._stream.isatty()
        self._status = ""
        self._bar = ""
        self._drawn = 0.0

    def line(self, time: float, stream: str, level: int, text: str) -> None:
        if self._quiet and (stream == "out" or level < logging.WARNING):
            return
        self._erase()
        prefix = f"{logging.getLevelName(level)}: " if level >= logging.WARNING else ""
        self._stream.write(f"{prefix}{text}\n")
        self._draw()

    def status(self, text: str) -> None:
        if text == self._status:
            return
        self._status = text
        if self._live:
            self._draw()
        elif not self._quiet:
            self._stream.write(f"{text} …\n")

    def progress(self, done: float, total: float | None) -> None:
        if total:
            share = min(max(done / total, 0.0), 1.0)
            full = round(share * BAR)
            self._bar = f"[{'#' * full}{'.' * (BAR - full)}] {done:g}/{total:g} "
        else:
            self._bar = f"{done:g} "
        if self._live and (done == total or clock.monotonic() - self._drawn > REDRAW_SECONDS):
            self._draw()

    def end(self) -> None:
        """Take the bar away."""
        self._erase()

    def _erase(self) -> None:
        if self._live:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def _draw(self) -> None:
        if not self._live:
            return
        self._drawn = clock.monotonic()
        width = shutil.get_terminal_size().columns - 1
        self._stream.write("\r\x1b[K" + f"{self._bar}{self._status}"[:width])
        self._stream.flush()
