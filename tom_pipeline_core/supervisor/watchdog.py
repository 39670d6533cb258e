"""
Ends a worker whose database has stopped answering.

A connection that is accepted and never answered blocks a thread for ever: it can neither renew its
lease nor stop its run. A worker that is gone is started again by whoever keeps it running.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

logger = logging.getLogger(__name__)

EXIT_CODE = 70  # EX_SOFTWARE: the service manager starts the worker again


class Watchdog:
    """Knows which threads wait for the database, and since when."""

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self._since: dict[int, float] = {}
        self._stop = threading.Event()

    @contextmanager
    def database(self) -> Iterator[None]:
        """Mark that this thread talks to the database."""
        key = threading.get_ident()
        self._since[key] = time.monotonic()
        try:
            yield
        finally:
            self._since.pop(key, None)

    def waiting(self) -> float:
        """Return how long the slowest thread has waited, in seconds."""
        now = time.monotonic()
        return max((now - since for since in list(self._since.values())), default=0.0)

    def start(self) -> None:
        """Watch from a thread of its own until ``stop``."""
        threading.Thread(target=self._watch, name="pipelines-watchdog", daemon=True).start()

    def stop(self) -> None:
        """Watch no longer."""
        self._stop.set()

    def _watch(self) -> None:
        while not self._stop.wait(min(1.0, self.limit / 4)):
            waited = self.waiting()
            if waited > self.limit:
                logger.critical(
                    "The database has not answered for %.0f s; this worker ends, its runs end with "
                    "it, and their processes are queued again",
                    waited,
                )
                os._exit(EXIT_CODE)
