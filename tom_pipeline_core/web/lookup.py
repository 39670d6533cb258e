"""Finding the process that an address names, for the one who asks."""

from __future__ import annotations

import re

from django.db.models import QuerySet
from django.http import Http404, HttpRequest

from tom_pipeline_core import permissions
from tom_pipeline_core.models import PipelineProcess


def processes(request: HttpRequest) -> QuerySet[PipelineProcess]:
    """Return the processes that exist for this request's user."""
    return permissions.visible_processes(request.user)


def process_or_404(
    request: HttpRequest, pk: int, queryset: QuerySet[PipelineProcess] | None = None
) -> PipelineProcess:
    """
    Return the process.

    What the user may not see answers exactly as what does not exist.
    """
    found = (processes(request) if queryset is None else queryset).filter(pk=pk).first()
    if found is None:
        raise Http404("There is no such process.")
    return found


def file_name(process: PipelineProcess) -> str:
    """Return the process's identifier as a file name that any header takes."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", process.identifier) or f"process_{process.pk}"
