"""
Processes below a process: who they are, what memory they hold, how they are ended.

Linux tells through ``/proc``; elsewhere ``ps`` is asked, which every Unix has.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

PROC = Path("/proc")
HAS_PROC = (PROC / "self" / "stat").exists()
PAGE = os.sysconf("SC_PAGE_SIZE")

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def prctl(option: int, value: int) -> None:
    """Set an attribute of the calling process; only Linux has it."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent ends, daemons included."""
    prctl(PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(parent: int) -> bool:
    """
    Be killed when the parent ends; False if it has ended already.

    It is the *thread* that forked whose end counts, so only single-threaded parents qualify.
    """
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    return os.getppid() == parent


def start_time(pid: int) -> str:
    """
    Return when a process started, in whatever unit: it tells a recycled pid from the old one.

    Raises
    ------
    ProcessLookupError
        If there is no such process.
    """
    if HAS_PROC:
        try:
            stat = (PROC / str(pid) / "stat").read_bytes()
        except OSError as error:
            raise ProcessLookupError(pid) from error
        fields = stat[stat.rindex(b")") + 2 :].split()
        if fields[0] in (b"Z", b"X"):
            raise ProcessLookupError(pid)
        return fields[19].decode()
    shown = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout
    if not shown.strip():
        raise ProcessLookupError(pid)
    return "-".join(shown.split())


def is_running(pid: int, started: str) -> bool:
    """Whether the process that had this pid and start time still runs."""
    try:
        return start_time(pid) == started
    except ProcessLookupError:
        return False


def _parents() -> dict[int, int]:
    """Return pid → parent's pid of every process that is no zombie."""
    parents = {}
    if HAS_PROC:
        for name in os.listdir(PROC):  # noqa: PTH208 - called four times a second
            if not name.isdigit():
                continue
            try:
                with open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123
                    stat = file.read()
            except OSError:
                continue  # it ended while we looked
            fields = stat[stat.rindex(b")") + 2 :].split(None, 2)
            if fields[0] not in (b"Z", b"X"):
                parents[int(name)] = int(fields[1])
        return parents
    shown = subprocess.run(
        ["ps", "-axo", "pid=,ppid=,stat="], capture_output=True, text=True, check=False
    ).stdout
    for line in shown.splitlines():
        pid, parent, state = line.split(None, 2)
        if not state.startswith("Z"):
            parents[int(pid)] = int(parent)
    return parents


def all_pids() -> list[int]:
    """Return every process that is no zombie."""
    return list(_parents())


def descendants(root: int, *, without: Iterable[int] = ()) -> list[int]:
    """
    Return the processes below ``root``, parents before children.

    ``without`` names processes that are left out together with what is below them.
    """
    children: dict[int, list[int]] = {}
    for pid, parent in _parents().items():
        children.setdefault(parent, []).append(pid)
    spared = set(without)
    found = []
    todo = [root]
    while todo:
        for pid in children.get(todo.pop(), ()):
            if pid not in spared:
                found.append(pid)
                todo.append(pid)
    return found


def resident_memory(pids: Iterable[int]) -> int:
    """Return the sum of resident memory in bytes; shared pages count once per process."""
    if not HAS_PROC:
        listed = ",".join(map(str, pids))
        if not listed:
            return 0
        shown = subprocess.run(
            ["ps", "-o", "rss=", "-p", listed], capture_output=True, text=True, check=False
        ).stdout
        return sum(int(word) for word in shown.split()) * 1024
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/statm", "rb") as file:  # noqa: PTH123
                total += int(file.read().split()[1]) * PAGE
        except (OSError, IndexError, ValueError):
            continue
    return total


def proportional_memory(pids: Iterable[int]) -> int:
    """Return resident memory in bytes with shared pages divided among those who share them."""
    pids = list(pids)
    if not HAS_PROC:
        return resident_memory(pids)
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/smaps_rollup", "rb") as file:  # noqa: PTH123
                for line in file:
                    if line.startswith(b"Pss:"):
                        total += int(line.split()[1]) * 1024
                        break
        except (OSError, IndexError, ValueError):
            continue
    return total


def send_signal(number: int, pids: Iterable[int], group: int | None = None) -> None:
    """Signal a process group and single processes; those that are gone do not matter."""
    if group is not None:
        try:
            os.killpg(group, number)
        except OSError:
            pass
    for pid in pids:
        try:
            os.kill(pid, number)
        except OSError:
            pass


def kill_below(root: int, *, without: Iterable[int] = (), limit: float = 5.0) -> bool:
    """
    Kill everything below ``root`` until nothing is left, for at most ``limit`` seconds.

    A tree that goes on forking does not outrun it: each pass also hits the new ones.

    Returns
    -------
    bool
        Whether nothing is left.
    """
    end = time.monotonic() + limit
    while True:
        pids = descendants(root, without=without)
        if not pids:
            return True
        send_signal(signal.SIGKILL, pids)
        if time.monotonic() > end:
            return False
        time.sleep(0.01)


def reap_children() -> dict[int, int]:
    """Take the wait status of every child that has ended: pid → status."""
    ended: dict[int, int] = {}
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        ended[pid] = status
