"""What a process was given and what it saved, as far as the reader may see it."""

from __future__ import annotations

from typing import Any

from tom_pipeline_core import permissions
from tom_pipeline_core.models import InputFile, OutputRecord, PipelineProcess

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".webp")


def outputs_for(user: Any, process: PipelineProcess) -> list[OutputRecord]:
    """Return the outputs, each with ``file`` (the visible data product or None)."""
    return _with_files(user, list(process.outputs.select_related("product")))


def inputs_for(user: Any, process: PipelineProcess) -> list[InputFile]:
    """Return the input files, each with ``file`` (the visible data product or None)."""
    return _with_files(user, list(process.inputs.select_related("product")))


def _with_files(user: Any, rows: list[Any]) -> list[Any]:
    wanted = {row.product_id for row in rows if row.product_id is not None}
    seen = set(
        permissions.visible_data_products(user).filter(pk__in=wanted).values_list("pk", flat=True)
        if wanted
        else ()
    )
    for row in rows:
        row.file = row.product if row.product_id in seen and row.product.data else None
        row.is_image = row.file is not None and str(row.file.data.name).lower().endswith(
            IMAGE_SUFFIXES
        )
    return rows
