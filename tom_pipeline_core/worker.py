"""
A worker: Huey's consumer, and the housekeeping that does not depend on the queue.

Processes start in two ways. Usually a message wakes a thread. When the broker is away, or lost a
message, idle threads' places are given to rows that have waited for a few seconds.
"""

from __future__ import annotations

import logging
import os
import platform
import signal
import socket
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from types import FrameType
from typing import Any, NoReturn

from django.db import Error as DatabaseError
from django.db import close_old_connections, connection
from django.db.models.functions import Now
from huey.consumer import Consumer

from tom_pipeline_core import __version__, conf, recovery
from tom_pipeline_core.executors import ExecutorPool
from tom_pipeline_core.executors.base import Executor
from tom_pipeline_core.models import PipelineProcess, Worker
from tom_pipeline_core.notifications.outbox import deliver_due
from tom_pipeline_core.queues import get_queue
from tom_pipeline_core.states import UNFINISHED
from tom_pipeline_core.supervisor import Supervisor
from tom_pipeline_core.supervisor.watchdog import Watchdog

logger = logging.getLogger(__name__)

NOTICES_ROUND = 3.0  # seconds between looks for notices that are due
ROUND = 1.0  # seconds between looks for rows that no message announces
SWEEP_EVERY = 3600.0  # seconds between looks for left-over files
SEEN_LIMIT = timedelta(seconds=60)  # a worker silent for longer is shown as gone
POLL_FIRST, POLL_MOST = 0.05, 0.5  # seconds; Huey's own back-off goes up to ten


class PipelineWorker:
    """
    Runs processes of one queue until it is told to stop.

    Parameters
    ----------
    queue : str
        Alias of the queue.
    threads : int
        How many processes run at the same time.
    drain : bool
        End when nothing is queued or running.
    """

    def __init__(self, queue: str, *, threads: int, drain: bool = False) -> None:
        settings = conf.get()
        self.queue = get_queue(queue)
        self.threads = threads
        self.drain = drain
        self.grace = settings.shutdown_grace
        # The watchdog must have ended this worker before its leases are taken over.
        self.watchdog = Watchdog(settings.lease * 0.75)
        executors = ExecutorPool()
        executors.check()
        self.supervisor = Supervisor(executors, watchdog=self.watchdog)
        self.housekeeping_every = settings.lease / 3
        self._slots = threading.BoundedSemaphore(threads)
        self._stop = threading.Event()
        self._started_threads: list[threading.Thread] = []
        self._consumer: Consumer | None = None

    # -- life -----------------------------------------------------------------------------------

    def run(self) -> None:
        """Work until SIGTERM or SIGINT, or until drained."""
        for number in (signal.SIGTERM, signal.SIGINT):  # until the consumer has set its own
            signal.signal(number, self._leave_early)
        try:
            self._register()
            self.queue.serve(self._on_message)
            self.watchdog.start()
            self._start_thread("pipelines-housekeeping", self._housekeeping)
            self._start_thread("pipelines-rows", self._watch_rows)
            self._start_thread("pipelines-notices", self._send_notices)
            self._start_thread("pipelines-prepare", self._prepare)
            self._consumer = _Consumer(
                self.queue.huey,
                self.begin_shutdown,
                workers=self.threads,
                worker_type="thread",
                periodic=False,
                initial_delay=POLL_FIRST,
                max_delay=POLL_MOST,
                graceful_signal="TERM",
                shutdown_timeout=self.grace + 30,
            )
            logger.info(
                "Worker %s serves queue %r with %d threads",
                self.supervisor.name,
                self.queue.alias,
                self.threads,
            )
            self._consumer.run()  # type: ignore[no-untyped-call]
        finally:
            self._stop.set()
            self._wait_for_runs()
            self.watchdog.stop()
            self.supervisor.close()
            self._unregister()

    def _leave_early(self, number: int, frame: FrameType | None) -> NoReturn:
        """Undo what is undone at any end, rather than die with a row that says otherwise."""
        self.begin_shutdown(impatient=True)
        raise SystemExit(0)

    def begin_shutdown(self, impatient: bool) -> None:
        """Take no more processes; those that run get the grace time, then go back to the queue."""
        self._stop.set()
        timer = threading.Timer(0 if impatient else self.grace, self.supervisor.stopping.set)
        timer.daemon = True
        timer.start()

    def _wait_for_runs(self) -> None:
        deadline = time.monotonic() + self.grace + 30
        while self.supervisor.running and time.monotonic() < deadline:
            time.sleep(0.05)

    def _start_thread(self, name: str, work: Callable[[], None]) -> None:
        threading.Thread(target=work, name=name, daemon=True).start()

    def _prepare(self) -> None:
        """Make the usual executor ready, so that the first process does not wait for it."""
        executor = self._executor_or_none("default")
        if executor is not None:
            executor.prepare()

    # -- ways to start a process ----------------------------------------------------------------

    def _on_message(self, pk: int) -> None:
        """Run what is due next; the message's own process, or one that waits longer for its turn."""
        while not self._slots.acquire(timeout=ROUND):
            if self._stop.is_set():
                return
        try:
            if not self._stop.is_set():
                self.supervisor.run_next(self.queue.alias)
        finally:
            self._slots.release()

    def _watch_rows(self) -> None:
        """Give free places to queued rows whose message does not come."""
        while not self._stop.wait(ROUND):
            try:
                self._start_waiting_rows()
                if self.drain and self._is_drained():
                    self._end_consumer()
            except DatabaseError as error:
                logger.warning("Queued processes cannot be looked up: %s", error)
            close_old_connections()

    def _start_waiting_rows(self) -> None:
        while not self._stop.is_set() and self._has_waiting_row():
            if not self._slots.acquire(blocking=False):
                return
            thread = threading.Thread(target=self._run_row, name="pipelines-row", daemon=True)
            thread.start()
            thread.join(0.2)  # let it claim before looking again

    def _has_waiting_row(self) -> bool:
        with self.watchdog.database():
            return PipelineProcess.objects.filter(
                state="queued",
                queue_alias=self.queue.alias,
                queued_at__lt=Now() - recovery.MESSAGE_AGE,
            ).exists()

    def _run_row(self) -> None:
        try:
            self.supervisor.run_next(self.queue.alias, queued_before=Now() - recovery.MESSAGE_AGE)
        finally:
            self._slots.release()
            connection.close()

    # -- notices --------------------------------------------------------------------------------

    def _send_notices(self) -> None:
        """Tell people and programs; slow mail servers hold up nothing but this thread."""
        while not self._stop.wait(NOTICES_ROUND):
            try:
                deliver_due()
            except Exception:
                logger.exception("Sending notices failed and is tried again")
            close_old_connections()

    # -- draining -------------------------------------------------------------------------------

    def _is_drained(self) -> bool:
        if self.supervisor.running:
            return False
        with self.watchdog.database():
            return not PipelineProcess.objects.filter(
                state__in=[state.value for state in UNFINISHED], queue_alias=self.queue.alias
            ).exists()

    def _end_consumer(self) -> None:
        logger.info("Nothing is queued or running; the worker ends")
        os.kill(os.getpid(), signal.SIGTERM)

    # -- housekeeping ---------------------------------------------------------------------------

    def _housekeeping(self) -> None:
        last_sweep = float("-inf")
        while True:
            try:
                self._beat()
                reaped = recovery.reap(self._executor_or_none)
                if reaped != recovery.Reaped():
                    logger.warning("Lost workers: %s", reaped)
                recovery.push_forgotten(self.queue.alias)
                if time.monotonic() - last_sweep > SWEEP_EVERY:
                    last_sweep = time.monotonic()
                    recovery.remove_left_over_folders()
                    recovery.remove_orphan_files()
                    recovery.forget_old_workers()
            except Exception:
                # Broker and database come back; the thread must be there when they do.
                logger.exception("Housekeeping failed and is tried again")
            close_old_connections()
            if self._stop.wait(min(self.housekeeping_every, 10.0)):
                return

    def _executor_or_none(self, alias: str) -> Executor | None:
        try:
            return self.supervisor.executors.get(alias)
        except Exception:
            logger.exception("Executor %r cannot be made", alias)
            return None

    # -- being seen -----------------------------------------------------------------------------

    def _register(self) -> None:
        Worker.objects.create(
            name=self.supervisor.name,
            host=socket.gethostname()[:150],
            pid=os.getpid(),
            queue=self.queue.alias,
            threads=self.threads,
            version=f"{__version__} (Python {platform.python_version()})",
            started_at=Now(),
            seen_at=Now(),
        )

    def _beat(self) -> None:
        with self.watchdog.database():
            if not Worker.objects.filter(name=self.supervisor.name).update(seen_at=Now()):
                self._register()

    def _unregister(self) -> None:
        try:
            Worker.objects.filter(name=self.supervisor.name).delete()
        except DatabaseError as error:
            logger.warning("This worker stays listed until it is forgotten: %s", error)


class _Consumer(Consumer):
    """Huey's consumer, which tells the worker when it is asked to stop."""

    def __init__(self, huey: Any, on_stop: Callable[[bool], None], **options: Any) -> None:
        super().__init__(huey, **options)  # type: ignore[no-untyped-call]
        self._on_stop = on_stop

    def stop(self, graceful: bool = False) -> None:
        # Always graceful for Huey: it would cut threads off, while supervisors end their runs
        # properly and say so in the database.
        self._on_stop(not graceful)
        super().stop(graceful=True)  # type: ignore[no-untyped-call]
