"""The worker's side of runs on a Dask cluster."""

from __future__ import annotations

import logging
import os
import queue
import secrets
import threading
import time
from collections.abc import Callable
from typing import Any

import cloudpickle
from distributed import Client, Future

from tom_pipeline_core.executors.base import Executor, Handle, Outcome, RunSpec, Sink, Unavailable
from tom_pipeline_core.executors.child_process.options import Options
from tom_pipeline_core.executors.dask import remote, tickets

logger = logging.getLogger(__name__)

cloudpickle.register_pickle_by_value(tickets)

PREFIX = "tom-pipelines-"
CONNECT_LIMIT = 10.0  # seconds
ORDER_LIMIT = 10.0
WORDS_LIMIT = 10.0  # seconds to wait for the last words of a run that is over
MARGIN = 1.0  # seconds for what was under way when sight of a run was lost


class DaskExecutor(Executor):
    """
    Places runs on a Dask cluster.

    Parameters
    ----------
    address : str
        Of the scheduler, such as ``tcp://cluster.example.org:8786``.
    resources : mapping of str to number, optional
        What a run takes of its Dask worker's declared resources, such as ``{'gpu': 1}``.
    **options
        As of ``child_process``; the settings module is passed on.

    Raises
    ------
    ValueError
        If an option is unknown or its value of no use.
    """

    remote = True

    def __init__(
        self, address: str, resources: dict[str, float] | None = None, **options: Any
    ) -> None:
        if "://" not in str(address):
            raise ValueError(f"address must be such as 'tcp://host:8786', not {address!r}")
        Options.read(**options)
        self._address = address
        self._resources = resources or None
        settings = os.environ.get("DJANGO_SETTINGS_MODULE", "")
        self._options = {
            **options,
            "env": {"DJANGO_SETTINGS_MODULE": settings, **options.get("env", {})},
        }
        self._client: Client | None = None
        self._lock = threading.Lock()
        self._orders: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._clerk: threading.Thread | None = None

    # -- the cluster ----------------------------------------------------------------------------

    def client(self) -> Client:
        """
        Return a live connection to the scheduler.

        Raises
        ------
        OSError
            If there is none to be had.
        """
        with self._lock:
            if self._client is not None and self._client.status != "running":
                self._client.close(timeout=0)
                self._client = None
            if self._client is None:
                self._client = Client(
                    self._address, timeout=CONNECT_LIMIT, set_as_default=False, name="tom-pipelines"
                )
            if self._clerk is None:
                self._clerk = threading.Thread(target=self._work, daemon=True)
                self._clerk.start()
            return self._client

    def _work(self) -> None:
        """Carry out orders one by one: a cluster that is away must not hold up a supervisor."""
        while (order := self._orders.get()) is not None:
            try:
                order()
            except Exception as error:  # noqa: BLE001 - a cluster fails in many ways
                logger.warning("An order to the Dask cluster failed: %s", error)

    def tell(self, key: str, what: str, then: Callable[[bool], None] | None = None) -> None:
        """Have every Dask worker told about a run; one of them has it."""

        def carry_out() -> None:
            found = self._ask_workers(key, what)
            if then is not None:
                then(found)

        self._orders.put(carry_out)

    def _ask_workers(self, key: str, what: str) -> bool:
        answers = self.client().run(remote.order, key, what, on_error="ignore")
        return any(answer is True for answer in answers.values())

    def take_ticket(self, key: str) -> bool:
        """Keep a run from being started; False if it has been."""
        taken: bool = self.client().run_on_scheduler(tickets.take, key)
        return taken

    # -- the contract ---------------------------------------------------------------------------

    def start(self, spec: RunSpec, sink: Sink) -> Handle:
        key = f"{PREFIX}{spec.pk}-{spec.attempt}-{secrets.token_hex(8)}"
        try:
            client = self.client()
            if not client.scheduler_info()["workers"]:
                raise Unavailable(f"the Dask cluster at {self._address} has no workers")
            handle = DaskHandle(self, client, key, spec, sink)
            handle.future = client.submit(
                remote.supervise,
                key,
                spec.as_dict(),
                self._options,
                key=key,
                pure=False,
                retries=0,
                resources=self._resources,
            )
        except (OSError, RuntimeError, TimeoutError) as error:
            raise Unavailable(
                f"the Dask cluster at {self._address} cannot be reached: {error}"
            ) from error
        return handle

    def reap(self, handle_id: str) -> bool:
        if not handle_id.startswith(PREFIX):
            return False
        try:
            if self.take_ticket(handle_id):
                return True
            deadline = time.monotonic() + ORDER_LIMIT
            while self._ask_workers(handle_id, "force"):
                if time.monotonic() > deadline:
                    return False
                time.sleep(0.1)
        except (OSError, RuntimeError, TimeoutError) as error:
            logger.warning("A run on the Dask cluster cannot be looked for: %s", error)
            return False
        return True

    def close(self) -> None:
        self._orders.put(None)
        if self._clerk is not None:
            self._clerk.join(2)
        if self._client is not None:
            self._client.close(timeout=2)
            self._client = None


class DaskHandle(Handle):
    """A run somewhere on the cluster."""

    future: Future[Any]

    def __init__(
        self, executor: DaskExecutor, client: Client, key: str, spec: RunSpec, sink: Sink
    ) -> None:
        self.id = key
        self._executor = executor
        self._client = client
        self._spec = spec
        self._sink = sink
        self._parcels: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._waiting: dict[int, list[Any]] = {}
        self._next = 0
        self._outcome: Outcome | None = None
        self._result: dict[str, Any] | None = None
        self._words_until = 0.0
        self._withdrawn = False
        self._renewed = time.monotonic()
        self._lost: str = ""
        client.subscribe_topic(key, self._receive)

    def _receive(self, event: tuple[Any, dict[str, Any]]) -> None:
        """Called in the client's own thread."""
        self._parcels.put(event[1])

    # -- orders ---------------------------------------------------------------------------------

    def stop(self, force: bool = False) -> None:
        if self._outcome is None:
            self._executor.tell(self.id, "force" if force else "stop", self._withdraw_unless)

    def _withdraw_unless(self, found: bool) -> None:
        """If no worker has it, keep it from being started."""
        if not found and self._executor.take_ticket(self.id):
            self._withdrawn = True

    def renew(self) -> None:
        if self._outcome is None and not self._lost:
            self._executor.tell(self.id, "renew", self._note_renewal)

    def _note_renewal(self, found: bool) -> None:
        self._renewed = time.monotonic()

    # -- words and the end ----------------------------------------------------------------------

    def wait(self, timeout: float) -> Outcome | None:
        deadline = time.monotonic() + timeout
        while self._outcome is None:
            left = deadline - time.monotonic()
            try:
                parcel = self._parcels.get(timeout=max(0.0, min(left, 0.05)))
            except queue.Empty:
                self._look()
            else:
                self._deliver(parcel)
            if left <= 0:
                break
        return self._outcome

    def _deliver(self, parcel: dict[str, Any]) -> None:
        if parcel["number"] < 0:
            return
        self._waiting[parcel["number"]] = parcel["words"]
        while (words := self._waiting.pop(self._next, None)) is not None:
            self._next += 1
            for kind, *values in words:
                getattr(self._sink, kind)(*values)

    def _look(self) -> None:
        """See whether the run is over, when it has nothing to say."""
        if self._withdrawn:
            self.future.cancel()
            self._over(Outcome(ok=False, exit_code=143, reason="terminated"))
        elif self._lost:
            self._wait_out()
        elif self._result is not None:
            self._take_result()
        elif self.future.status == "finished":
            try:
                self._result = self.future.result(timeout=ORDER_LIMIT)
            except Exception as error:  # noqa: BLE001 - whatever: it is not known how the run is
                self._lost = f"its result cannot be had: {error}"
            self._words_until = time.monotonic() + WORDS_LIMIT
        elif self.future.status in ("error", "lost", "cancelled"):
            self._lost = self._reason()

    def _reason(self) -> str:
        if self.future.status == "error":
            error = self.future.exception(timeout=ORDER_LIMIT)
            return f"{type(error).__name__}: {error}"
        return f"the task is {self.future.status}"

    def _take_result(self) -> None:
        assert self._result is not None
        if self._result["outcome"] is None:
            self._lost = "Dask started the task again, which was not done"
        elif self._next >= self._result["parcels"] or time.monotonic() > self._words_until:
            self._over(Outcome(**self._result["outcome"]))

    def _wait_out(self) -> None:
        """
        Report a lost run when its lease has ended it for certain.

        It may be alive: a scheduler that dies leaves its workers' tasks running.
        """
        if time.monotonic() < self._renewed + (self._spec.lease or 0) + MARGIN:
            time.sleep(0.02)
            return
        self._over(
            Outcome(
                ok=False,
                exit_code=None,
                error="the Dask cluster lost the run",
                reason=f"lost on the Dask cluster ({self._lost})",
            )
        )

    def _over(self, outcome: Outcome) -> None:
        self._outcome = outcome
        try:
            self._client.unsubscribe_topic(self.id)
        except (OSError, RuntimeError, ValueError) as error:
            logger.debug("Unsubscribing failed: %s", error)
