"""What a process was given and what it saved, as far as the reader may see it."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest

from tom_pipeline_core import permissions
from tom_pipeline_core.models import InputFile, OutputRecord, PipelineProcess
from tom_pipeline_core.web import file_kinds

PAGE_FILES = 100


def outputs_tab(request: HttpRequest, process: PipelineProcess) -> dict[str, Any]:
    """Return what the tab of outputs shows."""
    outputs: list[Any] = list(process.outputs.select_related("product"))
    find_files(request.user, outputs)
    return {
        "images": [row for row in outputs if row.is_image],
        "outputs": outputs,
        "has_fits": any(row.is_fits for row in outputs),
        "points": sum(
            row.points or 0 for row in outputs if row.kind == OutputRecord.Kind.PHOTOMETRY
        ),
        "file_count": sum(row.file is not None for row in outputs),
        "measurements": list(process.measurements.select_related("product")[:500]),
    }


def inputs_tab(request: HttpRequest, process: PipelineProcess) -> dict[str, Any]:
    """Return what the tab of input files shows."""
    rows = process.inputs.select_related("product")
    page = Paginator(rows, PAGE_FILES).get_page(request.GET.get("page"))
    find_files(request.user, list(page.object_list))
    return {
        "page": page,
        "skipped": process.inputs.filter(fate=InputFile.Fate.SKIPPED).count(),
    }


def find_files(user: Any, rows: list[Any]) -> None:
    """Set ``file`` of each row: its data product, or None if it is gone or hidden from the user."""
    wanted = {row.product_id for row in rows if row.product_id is not None}
    seen = set(
        permissions.visible_data_products(user).filter(pk__in=wanted).values_list("pk", flat=True)
        if wanted
        else ()
    )
    for row in rows:
        row.file = row.product if row.product_id in seen and row.product.data else None
        name = str(row.file.data.name) if row.file else ""
        row.is_image = file_kinds.is_image(name)
        row.is_table = file_kinds.is_table(name)
        row.is_fits = file_kinds.is_fits(name)
