"""Which process runs next, and the one UPDATE that makes it this worker's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from tom_pipeline_core.models import PipelineProcess
from tom_pipeline_core.models.moves import move
from tom_pipeline_core.states import ACTIVE, State

TRIES = 20  # how many candidates may be snatched away before the worker goes back to waiting


def lease_end(seconds: float) -> models.Expression:
    """Return the moment ``seconds`` from now by the database's clock, the only one all share."""
    return models.ExpressionWrapper(
        Now() + timedelta(seconds=seconds), output_field=models.DateTimeField()
    )


def claim(pk: int, worker: str, lease: float) -> PipelineProcess | None:
    """Make a queued process this worker's, or return None if it is no longer queued."""
    claimed = move(
        pk,
        State.QUEUED,
        State.RUNNING,
        detail=worker,
        worker=worker,
        attempt=F("attempt") + 1,
        handle="",
        lease_until=lease_end(lease),
        started_at=Now(),
        terminal_timestamp=None,
        exit_code=None,
        progress_done=None,
        progress_total=None,
    )
    return PipelineProcess.objects.get(pk=pk) if claimed else None


def claim_next(
    queue: str, worker: str, lease: float, *, queued_before: Any = None
) -> PipelineProcess | None:
    """
    Claim the process that is due next in a queue.

    Users take turns: first those who have least running, then whoever waits longest. So a user's
    hundred processes do not keep another's one waiting.
    """
    for _ in range(TRIES):
        pk = next_candidate(queue, queued_before=queued_before)
        if pk is None:
            return None
        process = claim(pk, worker, lease)
        if process is not None:
            return process
    return None


def next_candidate(queue: str, *, queued_before: Any = None) -> int | None:
    """Return the primary key of the queued process that is due next."""
    queued = PipelineProcess.objects.filter(state=State.QUEUED.value, queue_alias=queue)
    if queued_before is not None:
        queued = queued.filter(Q(queued_at__lt=queued_before) | Q(queued_at=None))
    waiting = {
        row["user"]: row["first"]
        for row in queued.order_by().values("user").annotate(first=models.Min("pk"))
    }
    if not waiting:
        return None
    running = {
        row["user"]: row["count"]
        for row in PipelineProcess.objects.filter(state__in=[state.value for state in ACTIVE])
        .order_by()
        .values("user")
        .annotate(count=models.Count("pk"))
    }
    due: int = min(waiting.items(), key=lambda item: (running.get(item[0], 0), item[1]))[1]
    return due
