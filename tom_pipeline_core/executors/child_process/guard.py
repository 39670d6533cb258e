"""
The guard: a small process between the supervisor and a run. It imports no Django.

It forks the run, and then

* kills everything when the lifeline ends: the supervisor has died, in whatever way;
* obeys the orders on the lifeline (:mod:`.wire`);
* kills everything when no renewal came for as long as the lease: the supervisor hangs, is stopped
  or has lost the database, and the run must be over before another worker may start it again;
* kills the run when the memory of the whole tree passes the limit;
* kills what the run leaves behind, daemons included, and reports the end as the last record.

The run dies with its guard. What a killed guard leaves is killed by the preloaded parent.
"""

from __future__ import annotations

import contextlib
import os
import resource
import select
import signal
import sys
import time
import traceback
from typing import Any, NoReturn

from tom_pipeline_core.executors.child_process import process_tree, wire

LOOK_LIMITED = 0.25  # seconds between looks at the memory when it is limited
LOOK_IDLE = 1.0  # and when it is only noted
KILL_AGAIN = 0.2
CODE_PARENT_GONE = 250
CODE_STOPPED = 143  # what shells report for SIGTERM

# Counts suspension too: a lease goes on while a laptop or a virtual machine sleeps.
CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def now() -> float:
    """Return seconds of a clock that cannot be set."""
    return time.clock_gettime(CLOCK)


def guard(request: dict[str, Any], lifeline: int, records: int) -> NoReturn:
    """
    Run what the request says, in a child of this process, and end with it.

    Parameters
    ----------
    request : dict
        ``lease``, ``grace`` (seconds), ``memory_limit`` (bytes), and what :mod:`.run` reads.
    lifeline : int
        Descriptor that orders come from.
    records : int
        Descriptor that records go to. Output of the run goes to descriptors 1 and 2.
    """
    process_tree.adopt_orphans()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    if _has_ended(lifeline):
        os._exit(0)  # the supervisor has given up; begin nothing
    me = os.getpid()
    pid = os.fork()
    if pid == 0:
        signal.set_wakeup_fd(-1)
        for descriptor in (wake_read, wake_write, lifeline):
            os.close(descriptor)
        _become_run(request, records, me)
    with contextlib.suppress(OSError):
        os.setpgid(pid, pid)
    _Watch(request, pid, lifeline, wake_read, records).until_over()


def _has_ended(descriptor: int) -> bool:
    poller = select.poll()
    poller.register(descriptor, 0)  # the end is always told
    return bool(poller.poll(0))


def _become_run(request: dict[str, Any], records: int, parent: int) -> NoReturn:
    """Become the pipeline's process: a group of its own that dies with the guard."""
    code = 1
    try:
        for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        os.setpgid(0, 0)
        if not process_tree.die_with_parent(parent):
            os._exit(CODE_PARENT_GONE)
        _limit(request)
        from tom_pipeline_core.executors.child_process import run

        code = run.main(request, records)
    except BaseException:  # noqa: BLE001 - nothing may escape into the guard's own code
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _limit(request: dict[str, Any]) -> None:
    if request.get("nice"):
        os.nice(request["nice"])
    # When the machine runs out of memory the kernel shall take the run, not the worker.
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123
        file.write("500")
    if limit := request.get("memory_limit"):
        # Most pipelines then meet a MemoryError with a traceback, instead of being killed. What
        # the interpreter holds already is not the pipeline's.
        with contextlib.suppress(OSError, ValueError):
            allowed = limit + _data_size()
            resource.setrlimit(resource.RLIMIT_DATA, (allowed, allowed))


def _data_size() -> int:
    """Return the bytes of this process that RLIMIT_DATA counts."""
    with open("/proc/self/status") as file:  # noqa: PTH123
        for line in file:
            if line.startswith("VmData:"):
                return int(line.split()[1]) * 1024
    return 0


class _Watch:
    """One run, from its fork to its last record."""

    def __init__(
        self, request: dict[str, Any], pid: int, lifeline: int, wake: int, records: int
    ) -> None:
        self.pid = pid
        self.lifeline = lifeline
        self.wake = wake
        self.records = records
        self.grace = float(request.get("grace", 5.0))
        self.limit: int | None = request.get("memory_limit")
        self.lease: float | None = request.get("lease")
        self.lease_end = None if self.lease is None else now() + self.lease
        self.status: int | None = None
        self.reason = ""
        self.kill_at: float | None = None
        self.peak = 0
        self.look_at = now() + 0.05
        self.look_every = LOOK_LIMITED if self.limit else LOOK_IDLE
        self.poller = select.poll()
        self.poller.register(lifeline, select.POLLIN)
        self.poller.register(wake, select.POLLIN)

    def until_over(self) -> NoReturn:
        while self.status is None:
            for descriptor, _event in self.poller.poll(self._sleep() * 1000):
                if descriptor == self.wake:
                    os.read(self.wake, 512)
                else:
                    self._obey(os.read(self.lifeline, 1))
            self._check_lease()
            self.status = process_tree.reap_children().get(self.pid)
            if self.status is None:
                self._check_memory()
                self._kill_if_due()
        self._report()
        os._exit(0)

    def _sleep(self) -> float:
        due = [self.look_at, self.lease_end, self.kill_at]
        return max(0.0, min(moment for moment in due if moment is not None) - now())

    def _kill(self, reason: str) -> None:
        self.reason = self.reason or reason
        self.kill_at = now()

    def _obey(self, order: bytes) -> None:
        if order == b"":
            self.poller.unregister(self.lifeline)
            self._kill("supervisor gone")
        elif order == wire.KILL:
            self._kill("killed")
        elif order == wire.RENEWED:
            if self.lease is not None and self.lease_end is not None:
                self.lease_end = now() + self.lease
        elif order == wire.STOP and self.kill_at is None:
            self.reason = self.reason or "terminated"
            self.kill_at = now() + self.grace
            process_tree.send_signal(
                signal.SIGTERM, process_tree.descendants(os.getpid()), self.pid
            )

    def _check_lease(self) -> None:
        if self.lease_end is not None and now() >= self.lease_end:
            self.lease_end = None
            # More than any reason before: the row may soon be somebody else's.
            self.reason = ""
            self._kill(f"lease not renewed for {self.lease:g} s")

    def _check_memory(self) -> None:
        if now() < self.look_at:
            return
        self.look_at = now() + self.look_every
        pids = process_tree.descendants(os.getpid())
        used = process_tree.resident_memory(pids)
        if self.limit and used > self.limit:
            used = process_tree.proportional_memory(pids)
            if used > self.limit:
                self._kill(f"memory limit ({used >> 20} MiB > {self.limit >> 20} MiB)")
        self.peak = max(self.peak, used)

    def _kill_if_due(self) -> None:
        if self.kill_at is not None and now() >= self.kill_at:
            process_tree.send_signal(
                signal.SIGKILL, process_tree.descendants(os.getpid()), self.pid
            )
            self.kill_at = now() + KILL_AGAIN

    def _report(self) -> None:
        assert self.status is not None
        left = len(process_tree.descendants(os.getpid()))
        # Also what joined the group and was adopted by somebody else, where orphans are not ours.
        process_tree.send_signal(signal.SIGKILL, [], self.pid)
        clean = process_tree.kill_below(os.getpid())
        process_tree.reap_children()
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        largest = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        ended = wire.record(
            "exit",
            code=os.waitstatus_to_exitcode(self.status),
            reason=self.reason,
            leftovers=left,
            clean=clean,
            cpu_seconds=usage.ru_utime + usage.ru_stime,
            peak_memory=max(self.peak, largest),
        )
        with contextlib.suppress(OSError):
            # A line end first: the run may have died in the middle of a record.
            wire.write_all(self.records, b"\n" + ended)


def main(root: str, lifeline: int, records: int) -> NoReturn:
    """Guard a run in this interpreter, freshly started; the request comes on the lifeline."""
    request = wire.unpack(lambda size: os.read(lifeline, size))
    sys.path[:] = [*request["sys_path"]]
    if root not in sys.path:
        sys.path.append(root)
    guard(request, lifeline, records)
