"""How the machinery does, for staff: as a page, and as JSON for monitors."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Count, Min, Q
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from tom_pipeline_core import conf
from tom_pipeline_core.models import PipelineProcess, Worker
from tom_pipeline_core.states import ACTIVE, State
from tom_pipeline_core.web.process_head import workers_alive

PATIENCE = timedelta(minutes=10)
"""A process that waits longer while workers are alive and idle is worth a look."""


def _staff_only(request: HttpRequest) -> None:
    if not request.user.is_staff:
        raise Http404("There is no such page.")


@never_cache
@require_safe
def health(request: HttpRequest) -> HttpResponse:
    """Show the machinery's condition."""
    _staff_only(request)
    workers = list(Worker.objects.all())
    alive = set(workers_alive().values_list("pk", flat=True))
    return render(
        request,
        "tom_pipeline_core/health.html",
        {"facts": facts(), "workers": workers, "alive": alive},
    )


@never_cache
@require_safe
def health_json(request: HttpRequest) -> JsonResponse:
    """Answer the same facts as JSON; the status is 503 when something is wrong."""
    _staff_only(request)
    found = facts()
    return JsonResponse(found, status=503 if found["problems"] else 200)


def facts() -> dict[str, Any]:
    """Return counts, and sentences that say what is wrong."""
    now = timezone.now()
    day = now - timedelta(days=1)
    active = [state.value for state in ACTIVE]
    counts = PipelineProcess.objects.filter(Q(state__in=[State.QUEUED.value, *active])).aggregate(
        waiting=Count("pk", filter=Q(state=State.QUEUED.value)),
        running=Count("pk", filter=Q(state__in=active)),
        lease_over=Count("pk", filter=Q(state__in=active, lease_until__lt=now)),
        waiting_since=Min("queued_at", filter=Q(state=State.QUEUED.value)),
    )
    ended = PipelineProcess.objects.filter(terminal_timestamp__gte=day).aggregate(
        succeeded=Count("pk", filter=Q(state=State.SUCCEEDED.value)),
        failed=Count("pk", filter=Q(state=State.FAILED.value)),
        cancelled=Count("pk", filter=Q(state=State.CANCELLED.value)),
    )
    alive = workers_alive().count()
    unserved = (
        PipelineProcess.objects.filter(state=State.QUEUED.value)
        .exclude(queue_alias__in=workers_alive().values("queue"))
        .order_by()
        .values_list("queue_alias", flat=True)
        .distinct()
    )
    problems = [
        f"Processes wait in the queue {alias!r}, and no worker serves it." for alias in unserved
    ]
    if counts["lease_over"]:
        problems.append(
            f"{counts['lease_over']} running processes have lost their worker; "
            "a worker will queue them again or end them."
        )
    since = counts["waiting_since"]
    if alive and since is not None and now - since > PATIENCE and not problems:
        problems.append(f"A process has waited since {since:%Y-%m-%d %H:%M} UTC.")
    return {
        "workers_alive": alive,
        **counts,
        **{f"{name}_last_day": count for name, count in ended.items()},
        "queues": sorted(conf.get().queues),
        "problems": problems,
    }
