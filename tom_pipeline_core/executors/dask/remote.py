"""On a Dask worker: start a guarded child process, and pass on what it says and what it is told."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import asdict
from typing import Any

from distributed import get_client, get_worker

from tom_pipeline_core.executors.base import Handle, RunSpec, Sink, Unavailable
from tom_pipeline_core.executors.child_process import ChildProcessExecutor
from tom_pipeline_core.executors.dask import tickets

TICK = 0.2  # seconds between two parcels of words
PARCEL = 2000  # words; a larger one is sent at once

_executors: dict[str, ChildProcessExecutor] = {}
_handles: dict[str, Handle] = {}
_lock = threading.Lock()


class Words(Sink):
    """Collects what a run says and sends it to the supervisor in parcels."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._worker = get_worker()
        self._words: list[tuple[Any, ...]] = []
        self.parcels = 0

    def line(self, time: float, stream: str, level: int, text: str) -> None:
        self._add("line", time, stream, level, text)

    def status(self, text: str) -> None:
        self._add("status", text)

    def progress(self, done: float, total: float | None) -> None:
        self._add("progress", done, total)

    def _add(self, *word: Any) -> None:
        self._words.append(word)
        if len(self._words) >= PARCEL:
            self.send()

    def send(self) -> None:
        """Send what waits."""
        if self._words:
            parcel = {"number": self.parcels, "words": self._words}
            self.parcels += 1
            self._words = []
            self._worker.log_event(self._key, parcel)


def supervise(key: str, spec: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """
    Run one process to its end; the task that the scheduler places.

    Returns
    -------
    dict
        ``outcome``, and ``parcels``: how many parcels of words were sent. Without an outcome the
        run was started before, or was withdrawn.
    """
    executor = _executor(options)
    executor.prepare()  # the lease begins when the run does
    if not get_client().run_on_scheduler(tickets.take, key):
        return {"outcome": None, "parcels": 0}
    words = Words(key)
    try:
        handle = executor.start(RunSpec(**spec), words)
    except Unavailable as error:
        reason = f"could not be started on the Dask cluster: {error}"
        return {"outcome": {"ok": False, "exit_code": None, "reason": reason}, "parcels": 0}
    _handles[key] = handle
    words._worker.log_event(key, {"number": -1, "words": []})  # it has started
    try:
        sent = time.monotonic()
        while (outcome := handle.wait(TICK)) is None:
            if time.monotonic() - sent >= TICK:
                words.send()
                sent = time.monotonic()
        words.send()
    finally:
        del _handles[key]
    return {"outcome": asdict(outcome), "parcels": words.parcels}


def _executor(options: dict[str, Any]) -> ChildProcessExecutor:
    """Return the executor of these options; its preloaded parent serves all their runs."""
    name = json.dumps(options, sort_keys=True, default=str)
    with _lock:
        if name not in _executors:
            _executors[name] = ChildProcessExecutor(**options)
        return _executors[name]


def order(key: str, what: str) -> bool:
    """Do what the supervisor says with a run, if it is on this worker; whether it is."""
    handle = _handles.get(key)
    if handle is None:
        return False
    if what == "renew":
        handle.renew()
    elif what in ("stop", "force"):
        handle.stop(force=what == "force")
    return True
