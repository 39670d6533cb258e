"""The page of one process."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from tom_pipeline_core import permissions
from tom_pipeline_core.models import PipelineProcess
from tom_pipeline_core.web import log_view, lookup, process_outputs


@require_safe
def process_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Show where the process is, what it says, and what came out."""
    queryset = lookup.processes(request).select_related("user", "group", "target")
    process = lookup.process_or_404(request, pk, queryset)
    part = log_view.tail(process)
    return render(
        request,
        "tom_pipeline_core/process_detail.html",
        {
            **header_context(request, process),
            "part": part,
            "after": part.last,
            "outputs": process_outputs.outputs_for(request.user, process),
            "inputs": process_outputs.inputs_for(request.user, process),
        },
    )


def header_context(request: HttpRequest, process: PipelineProcess) -> dict[str, Any]:
    """Return what the head of the page shows, which a poll may replace."""
    return {
        "process": process,
        "may_cancel": not process.is_terminal and permissions.may_manage(request.user, process),
        "show_traceback": bool(request.user.is_staff),
    }
