"""
What is new about a process, for the page that shows it.

One small request tells the page its state, its progress and the lines since ``after``; parts that
did not change are not sent. The larger parts (steps, outputs) are only announced by an event, and
the page fetches them itself.
"""

from __future__ import annotations

import zlib
from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from tom_pipeline_core import permissions
from tom_pipeline_core.models import PipelineProcess
from tom_pipeline_core.web import log_view, lookup
from tom_pipeline_core.web.log_view import number
from tom_pipeline_core.web.process_head import head_context, live_queryset
from tom_pipeline_core.web.timeline import timeline

STOP_POLLING = 286
"""htmx stops asking when it reads this status."""

AFTERMATH = timedelta(seconds=5)
"""The last lines and steps of a run may be written a moment after its end."""

INTERVALS = (1, 1, 1, 2, 2, 3, 3, 5)
"""Seconds until the next question, by the number of answers without news."""


@never_cache
@require_safe
def process_poll(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer with the parts of the page that changed."""
    openly = live_queryset(permissions.openly_visible_processes(request.user)).filter(pk=pk)
    process = openly.first() or lookup.process_or_404(
        request, pk, live_queryset(lookup.processes(request))
    )
    seen = request.GET
    context = head_context(request, process)
    marks = marks_of(process)
    context["changed"] = {name for name, mark in marks.items() if seen.get(name) != mark}
    news = bool(context["changed"])

    after = number(seen.get("after"))
    if after is not None:
        wanted = log_view.Wanted.of(seen)
        log_end: int = process.log_end or 0  # type: ignore[attr-defined]
        part = log_view.tail(process, wanted, after=after) if log_end > after else None
        if part is not None and part.lines:
            context["part"], news = part, True
        context["cursor"] = max(after, log_end, part.last if part else 0)
        context["since"] = after

    quiet = 0 if news else (number(seen.get("quiet")) or 0) + 1
    context.update(poller_context(process, quiet=quiet))
    response = render(
        request,
        "tom_pipeline_core/process/poll.html",
        context,
        status=STOP_POLLING if context["settled"] else 200,
    )
    events = {"steps": "tpc-steps"} if "steps" in context["changed"] else {}
    if process.is_terminal and "state" in context["changed"]:
        events["ended"] = "tpc-ended"
    if events:
        response["HX-Trigger"] = ", ".join(events.values())
    return response


def marks_of(process: PipelineProcess) -> dict[str, str]:
    """Return a short mark per part of the page, which changes when the part does."""
    return {
        "state": f"{process.state}.{process.attempt}.{getattr(process, 'ahead', 0)}."
        f"{getattr(process, 'worker_alive', True):d}",
        "now": f"{process.progress_done}.{process.progress_total}.{hash_of(process.status)}",
        "steps": str(getattr(process, "event_end", 0) or 0),
    }


def hash_of(text: str) -> str:
    """Return a short digest; it tells changes apart and protects nothing."""
    return f"{zlib.crc32(text.encode()):08x}"


def poller_context(process: PipelineProcess, *, quiet: int = 0) -> dict[str, Any]:
    """Return what the element needs that asks for news."""
    ended = process.terminal_timestamp if process.is_terminal else None
    return {
        "marks": marks_of(process),
        "settled": process.is_terminal and (ended is None or timezone.now() - ended > AFTERMATH),
        "quiet": quiet,
        "interval": INTERVALS[min(quiet, len(INTERVALS) - 1)],
    }


@never_cache
@require_safe
def process_steps(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer with the steps alone."""
    process = lookup.process_or_404(request, pk)
    return render(
        request,
        "tom_pipeline_core/process/steps.html",
        {"process": process, "timeline": timeline(process)},
    )
