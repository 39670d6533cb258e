"""Values that are neither photometry nor a spectrum, as the TOM keeps them."""

from __future__ import annotations

from pathlib import Path

from django.utils import timezone
from tom_dataproducts.models import ReducedDatum

from tom_pipeline_core.exceptions import OutputError
from tom_pipeline_core.models import PipelineProcess
from tom_pipeline_core.outputs import Datum
from tom_pipeline_core.process_log import clean_text
from tom_pipeline_core.saving.files import check_path

TEXT_MAX = 1 << 20
"""Bytes of a file whose text is a value; more belongs into a data product."""


def row_of(process: PipelineProcess, datum: Datum, reduction_version: str) -> ReducedDatum:
    """Return an unsaved row."""
    timestamp = datum.timestamp or timezone.now()
    if timestamp.tzinfo is None:
        raise OutputError(f"The time {timestamp} of a datum has no time zone; give UTC")
    if not datum.data_type:
        raise OutputError(f"A datum needs a data_type; its value is {datum.value!r}")
    pk = getattr(datum.source, "pk", None)
    return ReducedDatum(
        target=process.target,
        data_product=process.input_files.filter(pk=pk).first() if pk else None,
        data_type=datum.data_type[:100],
        timestamp=timestamp,
        value=datum.value,
        source_name=clean_text(datum.source_name or process.identifier, None)[:100],
        reduction_version=reduction_version,
    )


def text_of(path: Path, tmpdir: Path) -> str:
    """
    Return the text of a file whose content is a value.

    Raises
    ------
    OutputError
        If it lies outside ``tmpdir``, is no text in UTF-8, or is larger than a value should be.
    """
    full = check_path(path, tmpdir)
    size = full.stat().st_size
    if size > TEXT_MAX:
        raise OutputError(
            f"{full.name!r} is to be kept as a value and has {size} bytes; return it as a "
            "DataProduct"
        )
    try:
        return full.read_bytes().decode()
    except UnicodeDecodeError as problem:
        raise OutputError(
            f"{full.name!r} is to be kept as a value and is no text; return it as a DataProduct"
        ) from problem
