"""What people do to processes; every request here is a POST."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from tom_pipeline_core import permissions, submission
from tom_pipeline_core.exceptions import SubmissionRefused
from tom_pipeline_core.models import PipelineProcess
from tom_pipeline_core.web import lookup


@require_POST
def process_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Cancel a process that has not ended."""
    process = lookup.process_or_404(request, pk)
    if not permissions.may_manage(request.user, process):
        raise Http404("There is no such process.")
    if not submission.cancel(process, request.user, origin="page"):
        messages.info(request, f"It had already ended: {process.state}.")
    return redirect(process)


@require_POST
def process_run_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Submit the same pipeline on the same files with the same parameters."""
    process = lookup.process_or_404(request, pk)
    if not permissions.may_submit(request.user):
        raise Http404("There is no such process.")
    try:
        again = run_again(request, process, request.POST.get("key", "")[:100])
    except SubmissionRefused as refused:
        for text in refusals(refused):
            messages.error(request, text)
        return redirect(process)
    return redirect(again)


def run_again(request: HttpRequest, process: PipelineProcess, key: str = "") -> PipelineProcess:
    """Submit a process again for the one who asks."""
    return submission.run_again(process, request.user, key=key or None, origin="page")


def refusals(refused: SubmissionRefused) -> list[str]:
    """Return the reasons as sentences."""
    return [
        text if name in ("__all__", "products", "pipeline", "target") else f"{name}: {text}"
        for name, texts in refused.errors.items()
        for text in texts
    ]
