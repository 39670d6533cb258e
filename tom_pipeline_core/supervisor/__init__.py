"""
The thin supervisor: claims a process, starts its run, keeps the lease, records how it ended.

One call of :meth:`Supervisor.run_next` per process, in a thread that only waits. All policy is here
(leases, cancelling, time limits, what an ending means); executors have only mechanism.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from django.db import Error as DatabaseError  # InterfaceError is no DatabaseError
from django.db import close_old_connections
from django.db.models import F, Q
from django.db.models.functions import Now

from tom_pipeline_core import conf
from tom_pipeline_core.executors import ExecutorPool
from tom_pipeline_core.executors.base import Executor, Handle, Outcome, RunSpec, Unavailable
from tom_pipeline_core.models import ASYNC_STATUS_FAILED, ASYNC_STATUS_PENDING, PipelineProcess
from tom_pipeline_core.models.moves import move
from tom_pipeline_core.process_log import clean_text, say
from tom_pipeline_core.states import ACTIVE, FailureKind, State
from tom_pipeline_core.supervisor.claim import claim, claim_next, lease_end
from tom_pipeline_core.supervisor.sink import RowSink
from tom_pipeline_core.supervisor.verdict import Verdict, judge
from tom_pipeline_core.supervisor.watchdog import Watchdog

logger = logging.getLogger(__name__)

TICK = 0.25  # seconds that a wait for the run lasts
LOOK = 1.0  # seconds between looks at the row: a request to cancel is seen that soon
SELF_FENCE = 0.8  # of the lease: by then the run has ended, before anybody else may start it
BLOCKING_LEASE = 24 * 3600.0  # for executors that cannot renew because they run in this thread
LAST_WAIT = 15.0  # seconds for a run to end whose supervision failed
FINISH_TRIES = 60
FINISH_PAUSE = 0.5
UNAVAILABLE_PAUSE = 5.0  # before a process that could not be started is tried again


def worker_name() -> str:
    """Return a name for this worker: one with the same process id after a restart is another."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"


class Supervisor:
    """
    Runs processes, one call each; shared by the threads of a worker.

    Parameters
    ----------
    executors : ExecutorPool
        The executors of the settings.
    watchdog : Watchdog, optional
        Told when a thread talks to the database.
    """

    def __init__(
        self,
        executors: ExecutorPool | None = None,
        *,
        name: str = "",
        watchdog: Watchdog | None = None,
    ) -> None:
        settings = conf.get()
        self.name = name or worker_name()
        self.executors = executors or ExecutorPool()
        self.lease = settings.lease
        self.heartbeat = settings.heartbeat
        self.max_losses = settings.max_worker_losses
        self.max_lines = settings.log_max_lines
        self.stopping = threading.Event()
        self.running: set[int] = set()
        self._watchdog = watchdog

    def _database(self) -> Any:
        return self._watchdog.database() if self._watchdog else nullcontext()

    # -- ways in ------------------------------------------------------------------------------

    def run_next(self, queue: str, *, queued_before: Any = None) -> int | None:
        """Claim what is due next in a queue and run it to its end; the process's key, or None."""
        with self._database():
            process = claim_next(queue, self.name, self.lease, queued_before=queued_before)
        return self._run(process)

    def run(self, pk: int) -> int | None:
        """Claim this process if it is queued and run it to its end."""
        with self._database():
            process = claim(pk, self.name, self.lease)
        return self._run(process)

    def close(self) -> None:
        """Let go of the executors."""
        self.executors.close()

    # -- one run ------------------------------------------------------------------------------

    def _run(self, process: PipelineProcess | None) -> int | None:
        if process is None:
            return None
        pk: int = process.pk
        self.running.add(pk)
        try:
            self._supervise(process)
        except Exception:
            # Ours, not the pipeline's. The process must not stay running because of it.
            logger.exception("Supervising process %s failed", pk)
            self._finish(
                process,
                Verdict(
                    State.FAILED,
                    FailureKind.EXECUTOR,
                    "The worker that ran the process failed. Tell the site's staff.",
                ),
                Outcome(ok=False),
            )
        finally:
            self.running.discard(pk)
        return pk

    def _supervise(self, process: PipelineProcess) -> None:
        alias = process.executor_alias
        sink = RowSink(process, max_lines=self.max_lines)
        try:
            executor = self.executors.get(alias)
        except Exception as error:
            logger.exception("Executor %r cannot be made", alias)
            self._finish(
                process,
                Verdict(
                    State.FAILED,
                    FailureKind.EXECUTOR,
                    f"The executor {alias!r} cannot be used: {error}. The site's staff find it in "
                    "TOM_PIPELINES['EXECUTORS'].",
                ),
                Outcome(ok=False),
            )
            return
        time_limit = self.executors.time_limit(alias)
        if executor.blocks:
            self._mine(process).update(lease_until=lease_end(BLOCKING_LEASE))
        spec = RunSpec(
            pk=process.pk,
            attempt=process.attempt,
            lease=None if executor.blocks else self.lease * SELF_FENCE,
        )
        try:
            handle = executor.start(spec, sink)
        except Unavailable as reason:
            self._put_back(process, str(reason))
            return
        try:
            self._note_handle(process, handle)
            outcome, stopped_for = self._watch(process, executor, handle, sink, time_limit)
        except BaseException:
            # The process is about to be recorded as failed: its run must not go on.
            handle.stop(force=True)
            handle.wait(LAST_WAIT)
            raise
        if stopped_for == "lost":
            logger.warning(
                "Process %s was taken from this worker; it writes no more of it", process.pk
            )
            return
        verdict = judge(
            outcome,
            stopped_for,
            losses_left=self.max_losses - process.losses,
            time_limit=time_limit,
        )
        self._finish(process, verdict, outcome, sink)

    def _note_handle(self, process: PipelineProcess, handle: Handle) -> None:
        """Store where the run is: others need it only if this worker is lost."""
        if not handle.id:
            return
        try:
            with self._database():
                self._mine(process).update(handle=handle.id)
        except DatabaseError as error:
            logger.warning("The handle of process %s was not stored: %s", process.pk, error)
            close_old_connections()

    def _mine(self, process: PipelineProcess) -> Any:
        """Return the row while it is this worker's and active."""
        return PipelineProcess.objects.filter(
            pk=process.pk,
            attempt=process.attempt,
            worker=self.name,
            state__in=[state.value for state in ACTIVE],
        )

    # -- while it runs ------------------------------------------------------------------------

    def _watch(
        self,
        process: PipelineProcess,
        executor: Executor,
        handle: Handle,
        sink: RowSink,
        time_limit: float | None,
    ) -> tuple[Outcome, str]:
        """Wait for the end; return the outcome and why the run was asked to stop, if it was."""
        began = last_renewal = time.monotonic()
        next_beat = began + self.heartbeat
        next_look = began
        stopped_for = ""
        while True:
            outcome = handle.wait(TICK)
            if outcome is not None:
                return outcome, stopped_for
            with self._database():
                sink.flush_if_due()
            now = time.monotonic()
            try:
                if now >= next_look:
                    next_look = now + LOOK
                    wish = self._look(process)
                    if wish and not stopped_for:
                        stopped_for = wish
                        handle.stop(force=wish == "lost")
                if now >= next_beat and not executor.blocks and stopped_for != "lost":
                    next_beat = now + self.heartbeat
                    asked = time.monotonic()
                    if self._renew(process):
                        # By the time before the UPDATE: the run must end before the row's lease.
                        last_renewal = asked
                        if time.monotonic() - asked < self.lease * (1 - SELF_FENCE) / 2:
                            handle.renew()
                        else:
                            next_beat = asked  # too late an answer to start the run's clock by
            except DatabaseError as error:
                logger.warning("Process %s: the database does not answer: %s", process.pk, error)
                close_old_connections()
                next_beat = min(next_beat, now + LOOK)
            if (
                not executor.blocks
                and stopped_for != "lost"
                and time.monotonic() - last_renewal > self.lease * SELF_FENCE
            ):
                stopped_for = "lost"
                handle.stop(force=True)
            if not stopped_for and time_limit and now - began > time_limit:
                stopped_for = "time limit"
                handle.stop()
            if not stopped_for and self.stopping.is_set():
                stopped_for = "shutdown"
                handle.stop()

    def _look(self, process: PipelineProcess) -> str:
        """Read the row: ``''`` to go on, ``cancel``, or ``lost`` if it is not ours any more."""
        with self._database():
            row = (
                PipelineProcess.objects.filter(pk=process.pk)
                .values_list("state", "attempt", "worker")
                .first()
            )
        if row is None:
            return "lost"  # deleted, with its target perhaps
        state, attempt, worker = row
        if (attempt, worker) != (process.attempt, self.name):
            return "lost"
        if state == State.CANCELLING.value:
            return "cancel"
        if state in {State.RUNNING.value, State.SUCCEEDED.value}:
            return ""  # succeeded: the run has committed and is on its way out
        return "lost"

    def _renew(self, process: PipelineProcess) -> bool:
        with self._database():
            return bool(self._mine(process).update(lease_until=lease_end(self.lease)))

    # -- how it ends --------------------------------------------------------------------------

    def _put_back(self, process: PipelineProcess, reason: str) -> None:
        """Nothing could be started: the process waits for another try."""
        logger.warning("Process %s goes back to the queue: %s", process.pk, reason)
        self._insist(process, lambda: self._move_back(process, reason))
        self.stopping.wait(UNAVAILABLE_PAUSE)

    def _move_back(self, process: PipelineProcess, reason: str) -> None:
        moved = move(
            process.pk,
            State.RUNNING,
            State.QUEUED,
            where=Q(attempt=process.attempt, worker=self.name),
            detail=f"could not be started: {reason}",
            worker="",
            lease_until=None,
            queued_at=Now(),
        )
        if moved:
            say(
                process.pk,
                process.attempt,
                f"The run could not be started and is tried again: {reason}",
                level=logging.WARNING,
            )
        else:
            self._move_cancelled(process, {})

    def _finish(
        self,
        process: PipelineProcess,
        verdict: Verdict,
        outcome: Outcome,
        sink: RowSink | None = None,
    ) -> None:
        """Record the ending, with the log before it as long as there is hope for the log."""
        log_tries = iter(range(FINISH_TRIES // 2))

        def record() -> None:
            if sink is not None and not sink.flush() and next(log_tries, None) is not None:
                raise DatabaseError("the log is not written yet")
            self._record(process, verdict, outcome, sink)

        self._insist(process, record)

    def _insist(self, process: PipelineProcess, write: Callable[[], None]) -> None:
        """Write to the row; what became of a process must not be lost to a busy database."""
        for _ in range(FINISH_TRIES):
            try:
                with self._database():
                    write()
            except DatabaseError as error:
                logger.warning("Ending of process %s not recorded yet: %s", process.pk, error)
                close_old_connections()
                time.sleep(FINISH_PAUSE)
            else:
                return
        logger.error("Ending of process %s could not be recorded; its lease decides", process.pk)

    def _record(
        self,
        process: PipelineProcess,
        verdict: Verdict,
        outcome: Outcome,
        sink: RowSink | None,
    ) -> None:
        usage: dict[str, Any] = {
            **(sink.last_values() if sink is not None else {}),
            "exit_code": outcome.exit_code,
            "peak_memory": outcome.usage.get("peak_memory"),
            "cpu_seconds": outcome.usage.get("cpu_seconds"),
        }
        mine = Q(attempt=process.attempt, worker=self.name)
        if outcome.ok:
            # The run has moved the row itself, with its outputs; only what it used is missing.
            ended = PipelineProcess.objects.filter(mine, pk=process.pk, state=State.SUCCEEDED.value)
            if ended.update(lease_until=None, **usage):
                return
        if verdict.state is State.QUEUED:
            self._requeue(process, verdict, mine, usage)
        elif verdict.state is State.CANCELLED or not move(
            process.pk,
            State.RUNNING,
            State.FAILED,
            where=mine,
            detail=verdict.message,
            status=ASYNC_STATUS_FAILED,
            failure_kind=str(verdict.kind or ""),
            failure_message=clean_text(verdict.message, None),
            failure_traceback=clean_text(outcome.traceback, None),
            terminal_timestamp=Now(),
            lease_until=None,
            **usage,
        ):
            self._move_cancelled(process, usage)

    def _requeue(
        self, process: PipelineProcess, verdict: Verdict, mine: Q, usage: dict[str, Any]
    ) -> None:
        lost = verdict.kind is FailureKind.WORKER_LOST
        moved = move(
            process.pk,
            State.RUNNING,
            State.QUEUED,
            where=mine,
            detail=verdict.message,
            status=ASYNC_STATUS_PENDING,
            worker="",
            lease_until=None,
            queued_at=Now(),
            losses=F("losses") + (1 if lost else 0),
        )
        if moved:
            say(
                process.pk,
                process.attempt,
                f"{verdict.message} It is queued again.",
                level=logging.WARNING,
            )
        else:
            self._move_cancelled(process, usage)

    def _move_cancelled(self, process: PipelineProcess, usage: dict[str, Any]) -> bool:
        """Somebody cancelled meanwhile: whatever else happened, that is how it ends."""
        return move(
            process.pk,
            State.CANCELLING,
            State.CANCELLED,
            where=Q(attempt=process.attempt, worker=self.name),
            status=str(State.CANCELLED),
            terminal_timestamp=Now(),
            lease_until=None,
            **usage,
        )
