"""
What is new about a process, for the page that shows it.

One small request tells the page its state, its progress and the lines since ``after``. The larger
parts (steps, outputs) are only announced by an event, and the page fetches them itself.
"""

from __future__ import annotations

from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from tom_pipeline_core.web import log_view, lookup
from tom_pipeline_core.web.process_page import header_context

STOP_POLLING = 286
"""htmx stops asking when it reads this status."""

INTERVALS = (1, 1, 1, 2, 2, 3, 5)
"""Seconds until the next question, by the number of answers without news."""


@never_cache
@require_GET
def process_poll(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer with the parts of the page that changed."""
    queryset = (
        lookup.processes(request)
        .select_related("user", "target")
        .annotate(log_end=Max("log_lines__pk"))
    )
    process = lookup.process_or_404(request, pk, queryset)
    after = number(request.GET.get("after"))
    part = log_view.tail(process, after=after or 0)
    return render(
        request,
        "tom_pipeline_core/process_poll.html",
        {**header_context(request, process), "part": part, "after": part.last or after or 0},
        status=STOP_POLLING if process.is_terminal else 200,
    )


def number(text: str | None) -> int | None:
    """Return a primary key from a query string, or None."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else None
