"""All processes that the reader may see."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from tom_pipeline_core.web import lookup

PAGE_ROWS = 25


@require_safe
def process_list(request: HttpRequest) -> HttpResponse:
    """Show processes, newest first."""
    rows = lookup.processes(request).select_related("user", "target").order_by("-pk")
    page = Paginator(rows, PAGE_ROWS).get_page(request.GET.get("page"))
    return render(request, "tom_pipeline_core/process_list.html", {"page": page})
