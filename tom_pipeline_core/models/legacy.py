"""Names that pipelines written for tom_education import."""

from __future__ import annotations

from typing import Any, NamedTuple

from tom_dataproducts.models import DataProduct

ASYNC_STATUS_PENDING = "pending"
ASYNC_STATUS_CREATED = "created"
ASYNC_STATUS_FAILED = "failed"
ASYNC_TERMINAL_STATES = (ASYNC_STATUS_CREATED, ASYNC_STATUS_FAILED)


class _Positions(NamedTuple):
    path: Any
    output_type: Any
    data_product_type: str
    data: Any


class PipelineOutput(_Positions):
    """
    An output by position, as old pipelines return it.

    Parameters
    ----------
    path : path or None
        A file inside the run's ``tmpdir``.
    output_type : type
        ``DataProduct`` (keep the file) or ``ReducedDatum`` (``data``, or else the text of the
        file, is a value that belongs to the target).
    data_product_type, tag : str
        The same by two names: a key of the site's ``DATA_PRODUCT_TYPES``.
    data : tuple
        ``(mjd, magnitude, error, file)`` of a ``ReducedDatum``.

    New code returns :mod:`tom_pipeline_core.outputs`.
    """

    __slots__ = ()

    def __new__(
        cls,
        path: Any,
        output_type: Any = DataProduct,
        data_product_type: str | None = None,
        data: Any = "",
        *,
        tag: str = "",
    ) -> PipelineOutput:
        return super().__new__(cls, path, output_type, data_product_type or tag or "", data)
