"""
Files of a process, sent by us: the storage's own addresses know no permissions.

Whatever a file is called, a browser shows none of them as a page of this site.
"""

from __future__ import annotations

from typing import Any

from django.http import FileResponse, Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from tom_dataproducts.models import DataProduct

from tom_pipeline_core import downloads, permissions
from tom_pipeline_core.models import InputFile, OutputRecord
from tom_pipeline_core.web import file_kinds, lookup
from tom_pipeline_core.web.process_outputs import find_files

IMAGE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    # Nothing in a picture of others may run, load or navigate, even if it is opened by itself.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Disposition": "inline",
    "Cache-Control": "private, max-age=3600",  # an output never changes
}


@require_safe
def process_output_file(request: HttpRequest, pk: int, output_pk: int) -> HttpResponseBase:
    """Send an output as a download; parts of it on request."""
    record = record_or_404(request, pk, output_pk, "outputs")
    return downloads.respond(
        request, record.product.data, name=record.name or "output", tag=record.sha256
    )


@require_safe
def process_input_file(request: HttpRequest, pk: int, input_pk: int) -> HttpResponseBase:
    """Send an input file as a download."""
    record = record_or_404(request, pk, input_pk, "inputs")
    return downloads.respond(request, record.product.data, name=record.name or "input")


@require_safe
def process_output_image(request: HttpRequest, pk: int, output_pk: int) -> FileResponse:
    """Send an image to be shown."""
    record = record_or_404(request, pk, output_pk, "outputs")
    kind = file_kinds.image_type(str(record.product.data.name))
    if not kind:
        raise Http404("This output is no image.")
    return FileResponse(open_file(record.product), content_type=kind, headers=IMAGE_HEADERS)


@never_cache
@require_safe
def process_download_all(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Send all output files as one zip, which is made while it is sent."""
    process = lookup.process_or_404(request, pk)
    outputs: list[Any] = list(process.outputs.select_related("product"))
    find_files(request.user, outputs)
    files = [(output.name, output.file.data) for output in outputs if output.file is not None]
    if not files:
        raise Http404("This process has no output files.")
    return downloads.respond_zip(f"{lookup.file_name(process)}.zip", files)


def record_or_404(request: HttpRequest, pk: int, record_pk: int, relation: str) -> Any:
    """Return an output or an input whose data product exists for the user."""
    process = lookup.process_or_404(request, pk)
    records: Any = getattr(process, relation)
    record: OutputRecord | InputFile | None = (
        records.select_related("product")
        .filter(
            pk=record_pk,
            product__in=permissions.visible_data_products(request.user).values("pk"),
        )
        .first()
    )
    if record is None or record.product is None or not record.product.data:
        raise Http404("There is no such file.")
    return record


def open_file(product: DataProduct) -> Any:
    """Return a stream of the stored file."""
    try:
        return product.data.storage.open(str(product.data.name), "rb")
    except OSError as problem:
        raise Http404("The file is missing in the storage.") from problem
