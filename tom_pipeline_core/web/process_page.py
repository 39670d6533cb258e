"""The page of one process, with its tabs; each tab is an address of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from tom_pipeline_core.models import PipelineProcess
from tom_pipeline_core.states import State
from tom_pipeline_core.web import log_view, lookup, process_about, process_outputs
from tom_pipeline_core.web.process_head import head_context, live_queryset, usual_seconds
from tom_pipeline_core.web.process_live import poller_context
from tom_pipeline_core.web.process_panels import render_panels
from tom_pipeline_core.web.timeline import timeline


@never_cache
@require_safe
def process_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Show where the process is, what it says, and what came out."""
    queryset = live_queryset(lookup.processes(request)).select_related("group")
    process = lookup.process_or_404(request, pk, queryset)
    asked = request.GET.get("tab", "")
    tab = asked if asked in TABS else default_tab(process)
    context = {
        **head_context(request, process),
        **poller_context(process),
        **TABS[tab][1](request, process),
        "tab": tab,
        "tab_was_asked": asked in TABS,
        "tabs": [(name, label) for name, (label, _context) in TABS.items()],
        "tab_template": f"tom_pipeline_core/process/tab_{tab}.html",
    }
    if request.headers.get("HX-Target") == "tpc-tab":
        return render(request, "tom_pipeline_core/process/tab.html", context)
    context["timeline"] = timeline(process)
    context["panels"] = render_panels(request, process)
    context["usual"] = usual_seconds(request, process)
    return render(request, "tom_pipeline_core/process_detail.html", context)


def default_tab(process: PipelineProcess) -> str:
    """Return the tab that answers the reader's first question."""
    return "outputs" if process.state == State.SUCCEEDED.value else "log"


def _log(request: HttpRequest, process: PipelineProcess) -> dict[str, Any]:
    wanted = log_view.Wanted.of(request.GET)
    before = log_view.number(request.GET.get("before"))
    part = log_view.tail(process, wanted, before=before)
    return {
        "part": part,
        "wanted": wanted,
        "before": before,
        "levels": log_view.LEVELS,
        "cursor": process.log_end or 0,  # type: ignore[attr-defined]
        **log_view.counts(process, wanted),
    }


TABS: dict[str, tuple[str, Callable[[HttpRequest, PipelineProcess], dict[str, Any]]]] = {
    "outputs": ("Outputs", process_outputs.outputs_tab),
    "log": ("Log", _log),
    "inputs": ("Inputs", process_outputs.inputs_tab),
    "parameters": ("Parameters", process_about.parameters_tab),
    "about": ("About", process_about.about_tab),
}


@never_cache
@require_safe
def process_log(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer with lines of the log: the newest ones between ``after`` and ``before``."""
    process = lookup.process_or_404(request, pk)
    wanted = log_view.Wanted.of(request.GET)
    after = log_view.number(request.GET.get("after")) or 0
    before = log_view.number(request.GET.get("before"))
    part = log_view.tail(process, wanted, after=after, before=before)
    return render(
        request,
        "tom_pipeline_core/process/log_chunk.html",
        {"process": process, "part": part, "wanted": wanted, "since": after},
    )


@never_cache
@require_safe
def process_log_text(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    """Send the log as a text file; with ``q`` or ``level`` only the lines that fit."""
    process = lookup.process_or_404(request, pk)
    response = StreamingHttpResponse(
        log_view.as_text(process, log_view.Wanted.of(request.GET)),
        content_type="text/plain; charset=utf-8",
        headers={"X-Content-Type-Options": "nosniff"},
    )
    response["Content-Disposition"] = f'attachment; filename="{lookup.file_name(process)}.log"'
    return response
