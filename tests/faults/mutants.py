"""
The protocol with one of its guards taken out: the campaign must notice every one of them.

A Django app, so that workers, preloaded parents and runs all get the same mutant. Without
``SOAK_MUTANT`` in the environment it does nothing.
"""

from __future__ import annotations

import os
import time
from contextlib import nullcontext
from dataclasses import replace as changed
from datetime import datetime, timedelta, timezone
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from django.apps import AppConfig


class MutantsConfig(AppConfig):
    name = "tests.faults.mutants"
    label = "soak_mutants"
    path = os.path.dirname(__file__)  # noqa: PTH120

    def ready(self) -> None:
        if name := os.environ.get("SOAK_MUTANT"):
            MUTANTS[name]()


def replaced(owner: Any, name: str, value: Any) -> None:
    """Put a mutant in the place of an attribute that is there."""
    assert hasattr(owner, name)
    setattr(owner, name, value)


def claim_without_condition() -> None:
    """Read the state first, and write without asking again."""
    from django.db.models import F
    from django.db.models.functions import Now

    from tom_pipeline_core import supervisor
    from tom_pipeline_core.models import PipelineProcess

    claims = import_module(
        "tom_pipeline_core.supervisor.claim"
    )  # the package has a function so named

    def read_then_write(pk: int, worker: str, lease: float) -> PipelineProcess | None:
        if PipelineProcess.objects.get(pk=pk).state != "queued":
            return None
        time.sleep(0.2)
        PipelineProcess.objects.filter(pk=pk).update(
            state="running",
            worker=worker,
            attempt=F("attempt") + 1,
            lease_until=claims.lease_end(lease),
            started_at=Now(),
        )
        return PipelineProcess.objects.get(pk=pk)

    replaced(claims, "claim", read_then_write)
    replaced(supervisor, "claim", read_then_write)


def no_fence() -> None:
    """Write whatever the worker believes, whoever the process belongs to by now."""
    from django.db.models import Q

    from tom_pipeline_core import supervisor
    from tom_pipeline_core.models import PipelineProcess, moves

    Supervisor = supervisor.Supervisor

    def any_active(self: Any, process: PipelineProcess) -> Any:
        return PipelineProcess.objects.filter(pk=process.pk, state__in=["running", "cancelling"])

    replaced(Supervisor, "_mine", any_active)
    replaced(Supervisor, "_look", lambda self, process: "")

    def unconditional(*args: Any, where: Q | None = None, **changes: Any) -> bool:
        return moves.move(*args, **changes)

    replaced(supervisor, "move", unconditional)
    from tom_pipeline_core import runner

    replaced(runner, "move", unconditional)


def no_lease_in_the_child() -> None:
    """The guard hears of no lease, so a run goes on while its worker is frozen."""
    from tom_pipeline_core.executors.child_process.executor import ChildProcessExecutor

    start = ChildProcessExecutor.start

    def without_lease(self: Any, spec: Any, sink: Any) -> Any:
        return start(self, changed(spec, lease=None), sink)

    replaced(ChildProcessExecutor, "start", without_lease)
    # As on another machine: on the same one a run that is still alive is found and killed.
    replaced(ChildProcessExecutor, "reap", lambda self, handle_id: False)


def no_transaction_around_outputs() -> None:
    """Each row is on its own; and there is time between them to be killed in."""
    from tom_pipeline_core import saving

    write = saving._write

    def slowly(*args: Any, **options: Any) -> Any:
        result = write(*args, **options)
        time.sleep(0.3)
        return result

    saving._write = slowly
    replaced(saving, "transaction", SimpleNamespace(atomic=nullcontext))


def clock_of_the_worker() -> None:
    """Leases end by the clock of each machine, and one of them is an hour ahead."""
    from django.db.models import Q

    from tom_pipeline_core import recovery, supervisor

    ahead = timedelta(seconds=float(os.environ.get("SOAK_CLOCK", "0")))

    def host_now() -> datetime:
        return datetime.now(tz=timezone.utc) + ahead

    def lease_end(seconds: float) -> Any:
        return host_now() + timedelta(seconds=seconds)

    replaced(import_module("tom_pipeline_core.supervisor.claim"), "lease_end", lease_end)
    replaced(supervisor, "lease_end", lease_end)

    class ByHostClock:
        """Stands where ``EXPIRED`` stood, and is read anew at each use."""

        def __and__(self, other: Q) -> Q:
            return self._q() & other

        def resolve_expression(self, *args: Any, **options: Any) -> Any:
            return self._q().resolve_expression(*args, **options)

        conditional = True

        def _q(self) -> Q:
            return Q(lease_until__isnull=True) | Q(lease_until__lte=host_now())

    replaced(recovery, "EXPIRED", ByHostClock())


def no_watchdog() -> None:
    """A worker whose database never answers waits for ever."""
    from tom_pipeline_core.supervisor.watchdog import Watchdog

    replaced(Watchdog, "start", lambda self: None)


MUTANTS = {
    "claim": claim_without_condition,
    "fence": no_fence,
    "lease": no_lease_in_the_child,
    "transaction": no_transaction_around_outputs,
    "clock": clock_of_the_worker,
    "watchdog": no_watchdog,
}
