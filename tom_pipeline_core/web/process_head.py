"""The head of a process's page: where it is, since when, and what can be done."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

from django.db.models import Count, Exists, F, IntegerField, Min, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils import timezone

from tom_pipeline_core import conf, permissions
from tom_pipeline_core.models import LogLine, PipelineProcess, ProcessEvent, Worker
from tom_pipeline_core.states import State
from tom_pipeline_core.web import lookup
from tom_pipeline_core.web.failure_help import help_for

SAMPLE = 20
"""How many earlier processes the usual duration is taken from."""


def live_queryset(processes: QuerySet[PipelineProcess]) -> QuerySet[PipelineProcess]:
    """Return processes with all that a poll needs, so that it is one query."""
    waiting = PipelineProcess.objects.filter(
        state=State.QUEUED.value, queue_alias=OuterRef("queue_alias"), pk__lt=OuterRef("pk")
    )
    log = LogLine.objects.filter(process=OuterRef("pk")).order_by("-pk")
    events = ProcessEvent.objects.filter(process=OuterRef("pk")).order_by("-pk")
    return processes.select_related("user", "target").annotate(
        ahead=Coalesce(
            Subquery(
                waiting.order_by().values("queue_alias").annotate(n=Count("pk")).values("n"),
                output_field=IntegerField(),
            ),
            0,
        ),
        log_end=Subquery(log.values("pk")[:1]),
        event_end=Subquery(events.values("pk")[:1]),
        worker_alive=Exists(workers_alive().filter(queue=OuterRef("queue_alias"))),
    )


def workers_alive() -> QuerySet[Worker]:
    """Return the workers that were seen not longer ago than a lease lasts."""
    return Worker.objects.filter(seen_at__gte=timezone.now() - timedelta(seconds=conf.get().lease))


def head_context(request: HttpRequest, process: PipelineProcess) -> dict[str, Any]:
    """Return what the head of the page shows, which a poll may replace."""
    end = process.terminal_timestamp or timezone.now()
    begin = process.started_at or (process.terminal_timestamp if process.is_terminal else None)
    return {
        "process": process,
        "elapsed": (end - begin).total_seconds() if begin else None,
        "percent": percent(process),
        "may_cancel": not process.is_terminal and permissions.may_manage(request.user, process),
        "may_run": permissions.may_submit(request.user) and process.target_id is not None,
        "run_again_key": secrets.token_urlsafe(16),
        "help": help_for(process) if process.state == State.FAILED.value else None,
        "show_traceback": bool(request.user.is_staff),
    }


def percent(process: PipelineProcess) -> int | None:
    """Return the progress in per cent; None if the pipeline did not say of how much."""
    done, total = process.progress_done, process.progress_total
    if not total or total < 0 or done is None:
        return None
    return int(max(0.0, min(100.0, 100 * done / total)))


def usual_seconds(request: HttpRequest, process: PipelineProcess) -> float | None:
    """Return the median duration of the latest successes of the same pipeline."""
    latest = (
        lookup.processes(request)
        .filter(
            pipeline_name=process.pipeline_name,
            state=State.SUCCEEDED.value,
            started_at__isnull=False,
            terminal_timestamp__isnull=False,
        )
        .order_by("-pk")
        .values_list(F("terminal_timestamp") - F("started_at"), flat=True)[:SAMPLE]
    )
    durations = sorted(latest)
    return durations[len(durations) // 2].total_seconds() if durations else None


def worker_missing(request: HttpRequest) -> dict[str, Any] | None:
    """Return how many visible processes wait in queues that no worker serves; None if none do."""
    served = workers_alive().values("queue")
    found = (
        lookup.processes(request)
        .filter(state=State.QUEUED.value)
        .exclude(queue_alias__in=served)
        .aggregate(count=Count("pk"), oldest=Min("queued_at"))
    )
    return found if found["count"] else None
