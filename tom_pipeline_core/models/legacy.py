"""Names that pipelines written for tom_education import."""

from __future__ import annotations

from typing import Any, NamedTuple

from tom_dataproducts.models import DataProduct

ASYNC_STATUS_PENDING = "pending"
ASYNC_STATUS_CREATED = "created"
ASYNC_STATUS_FAILED = "failed"
ASYNC_TERMINAL_STATES = (ASYNC_STATUS_CREATED, ASYNC_STATUS_FAILED)


class PipelineOutput(NamedTuple):
    """
    An output by position, as old pipelines return it.

    ``output_type`` is ``DataProduct`` (keep the file) or ``ReducedDatum`` (``data`` is
    ``(mjd, magnitude, error, file)``). New code returns :mod:`tom_pipeline_core.outputs`.
    """

    path: Any
    output_type: type = DataProduct
    data_product_type: str = ""
    data: Any = ""
