"""
What may outlive a guard that was killed, and how it is found.

A run dies with its guard. Programs that it started may not: they carry the run's mark in their
environment. What was forked without an exec carries none; those become children of the preloaded
parent, which kills them.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from dataclasses import dataclass

from tom_pipeline_core.executors.child_process import process_tree
from tom_pipeline_core.executors.child_process.environment import MARK

PASSES = 50
PAUSE = 0.02


@dataclass(frozen=True)
class HandleId:
    """Enough to find a run again, on its machine."""

    host: str
    guard: int
    started: str
    mark: str

    def text(self) -> str:
        """Return it as stored with the process."""
        return f"{self.host}:{self.guard}:{self.started}:{self.mark}"

    @classmethod
    def parse(cls, text: str) -> HandleId | None:
        """Return what a text says, or None if no child process has such an id."""
        try:
            host, guard, started, mark = text.rsplit(":", 3)
            return cls(host, int(guard), started, mark)
        except ValueError:
            return None


def reap(handle_id: str) -> bool:
    """
    End a run whose worker does not look after it any more.

    Returns
    -------
    bool
        True if it is surely over: it ran on this machine, and nothing of it is left.
    """
    run = HandleId.parse(handle_id)
    if run is None or run.host != socket.gethostname():
        return False
    if process_tree.is_running(run.guard, run.started):
        over = process_tree.kill_below(run.guard)
        if process_tree.is_running(run.guard, run.started):
            process_tree.send_signal(signal.SIGKILL, [run.guard])
    else:
        over = True
    return kill_marked(run.mark) and over


def kill_marked(mark: str) -> bool:
    """Kill all programs that carry the mark of a run; whether none is left."""
    for _ in range(PASSES):
        pids = _marked(mark)
        if not pids:
            return True
        process_tree.send_signal(signal.SIGKILL, pids)
        time.sleep(PAUSE)
    return False


def _marked(mark: str) -> list[int]:
    if not process_tree.HAS_PROC:
        return []
    wanted = f"{MARK}={mark}".encode()
    found = []
    for pid in process_tree.all_pids():
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123
                if wanted in file.read().split(b"\0") and pid != os.getpid():
                    found.append(pid)
        except OSError:
            continue  # it ended, or is somebody else's
    return found
