"""
Files of a process, sent by us: the storage's own addresses know no permissions.

Whatever a file is called, a browser shows none of them as a page of this site.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from typing import Any

from django.http import FileResponse, Http404, HttpRequest, StreamingHttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from tom_dataproducts.models import DataProduct

from tom_pipeline_core import permissions
from tom_pipeline_core.models import InputFile, OutputRecord, PipelineProcess
from tom_pipeline_core.web import file_kinds, lookup
from tom_pipeline_core.web.process_outputs import find_files

CHUNK = 1 << 20
SAFE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    # Nothing in a file of others may run, load or navigate, even if it is opened by itself.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@never_cache
@require_safe
def process_output_file(request: HttpRequest, pk: int, output_pk: int) -> FileResponse:
    """Send an output as a download."""
    record = record_or_404(request, pk, output_pk, "outputs")
    return _download(record.product, record.name)


@never_cache
@require_safe
def process_input_file(request: HttpRequest, pk: int, input_pk: int) -> FileResponse:
    """Send an input file as a download."""
    record = record_or_404(request, pk, input_pk, "inputs")
    return _download(record.product, record.name)


@require_safe
def process_output_image(request: HttpRequest, pk: int, output_pk: int) -> FileResponse:
    """Send an image to be shown."""
    record = record_or_404(request, pk, output_pk, "outputs")
    kind = file_kinds.image_type(str(record.product.data.name))
    if not kind:
        raise Http404("This output is no image.")
    response = FileResponse(open_file(record.product), content_type=kind, headers=SAFE_HEADERS)
    response["Content-Disposition"] = "inline"
    response["Cache-Control"] = "private, max-age=3600"  # an output never changes
    return response


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
    try:
        stream: Any = product.data.storage.open(str(product.data.name), "rb")
    except OSError as problem:
        raise Http404("The file is missing in the storage.") from problem
    return stream


def _download(product: DataProduct, name: str) -> FileResponse:
    return FileResponse(
        open_file(product),
        as_attachment=True,
        filename=name or "file",
        content_type="application/octet-stream",
        headers=SAFE_HEADERS,
    )


@never_cache
@require_safe
def process_download_all(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    """Send all output files as one zip, which is made while it is sent."""
    process = lookup.process_or_404(request, pk)
    outputs = list(process.outputs.select_related("product"))
    find_files(request.user, outputs)
    files = [output for output in outputs if output.file is not None]  # type: ignore[attr-defined]
    if not files:
        raise Http404("This process has no output files.")
    name = lookup.file_name(process)
    return StreamingHttpResponse(
        zip_of(process, files),
        content_type="application/zip",
        headers={**SAFE_HEADERS, "Content-Disposition": f'attachment; filename="{name}.zip"'},
    )


class _Pipe:
    """What a zip is written to and read from at once; it cannot seek."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes, /) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Do nothing: what is written is there."""

    def close(self) -> None:
        """Do nothing: there is nothing to give back."""

    def take(self) -> bytes:
        """Return what was written since the last call."""
        data = b"".join(self._parts)
        self._parts.clear()
        return data


def zip_of(process: PipelineProcess, outputs: Iterable[OutputRecord]) -> Iterator[bytes]:
    """
    Yield a zip of output files in parts; no file is held in memory as a whole.

    A file that is missing in the storage is named in ``MISSING.txt`` instead of ending the
    download halfway.
    """
    pipe = _Pipe()
    folder = lookup.file_name(process)
    moment = (process.terminal_timestamp or timezone.now()).timetuple()[:6]
    missing: list[str] = []
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for output in outputs:
            info = zipfile.ZipInfo(f"{folder}/{output.name}", date_time=moment)
            try:
                source = open_file(output.product)  # type: ignore[arg-type]
            except Http404:
                missing.append(output.name)
                continue
            with source, archive.open(info, "w", force_zip64=True) as entry:
                while chunk := source.read(CHUNK):
                    entry.write(chunk)
                    yield pipe.take()
        if missing:
            archive.writestr(f"{folder}/MISSING.txt", "\n".join([*missing, ""]))
    yield pipe.take()
