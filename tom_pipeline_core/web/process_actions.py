"""What people do to processes; every request here is a POST."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from tom_pipeline_core import permissions, submission
from tom_pipeline_core.web import lookup


@require_POST
def process_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Cancel a process that has not ended."""
    process = lookup.process_or_404(request, pk)
    if not permissions.may_manage(request.user, process):
        raise Http404("There is no such process.")
    if not submission.cancel(process, request.user, origin="page"):
        messages.info(request, f"{process} had already ended: {process.state}.")
    return redirect(process)
