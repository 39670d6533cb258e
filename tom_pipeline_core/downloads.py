"""
Sending stored files: in pieces from any storage, parts on request, many as one zip.

Files come from users and pipelines: they are always sent as attachments that no browser runs.
"""

from __future__ import annotations

import mimetypes
import re
import zipfile
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

from django.core.files import File
from django.http import (
    FileResponse,
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    StreamingHttpResponse,
)
from django.utils.http import content_disposition_header

CHUNK = 1 << 18
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


def _harmless(response: Any, name: str) -> None:
    response.headers["Content-Disposition"] = content_disposition_header(True, name)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response.headers["Cache-Control"] = "private, no-cache"


def _open(file: Any) -> Any:
    try:
        return file.storage.open(file.name, "rb")
    except FileNotFoundError as error:
        raise Http404("The file is missing in the storage.") from error


def respond(request: HttpRequest, file: Any, *, name: str, tag: str = "") -> HttpResponseBase:
    """
    Send a stored file, or the part of it that ``Range`` asks for.

    Parameters
    ----------
    file : FieldFile
        In any storage.
    name : str
        As which it is saved.
    tag : str
        What identifies the content, such as its hash; with it, parts and repeated requests are
        safe.
    """
    etag = f'"{tag}"' if tag else ""
    if etag and etag in request.headers.get("If-None-Match", ""):
        unchanged = HttpResponse(status=304)
        unchanged.headers["ETag"] = etag
        return unchanged
    stream = _open(file)
    size = stream.size
    part = _part(request, size, etag) if stream.seekable() else None
    if part == ():
        stream.close()
        refused = HttpResponse(
            '{"type": "about:blank", "title": "Range Not Satisfiable", "status": 416, '
            f'"detail": "The file has {size} bytes."}}',
            status=416,
            content_type="application/problem+json",
        )
        refused.headers["Content-Range"] = f"bytes */{size}"
        return refused
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    response: HttpResponseBase
    if part:
        first, last = part
        stream.seek(first)
        response = FileResponse(
            _Part(stream, last - first + 1), status=206, content_type=kind, filename=name
        )
        response.headers["Content-Range"] = f"bytes {first}-{last}/{size}"
        response.headers["Content-Length"] = str(last - first + 1)
    else:
        response = FileResponse(stream, content_type=kind, filename=name)
        response.headers["Content-Length"] = str(size)
    response.headers["Accept-Ranges"] = "bytes"
    if etag:
        response.headers["ETag"] = etag
    _harmless(response, name)
    return response


def _part(request: HttpRequest, size: int, etag: str) -> tuple[int, int] | tuple[()] | None:
    """Return first and last byte; None for the whole file, ``()`` for what lies outside it."""
    wanted = _RANGE.fullmatch(request.headers.get("Range", "").strip())
    unless = request.headers.get("If-Range")
    if wanted is None or wanted[0] == "bytes=-" or (unless is not None and unless != etag):
        return None  # several parts, other units, or another file than the client has
    if not wanted[1]:
        length = min(int(wanted[2]), size)
        return (size - length, size - 1) if length else ()
    first = int(wanted[1])
    last = min(int(wanted[2]), size - 1) if wanted[2] else size - 1
    if wanted[2] and int(wanted[2]) < first:
        return None
    return (first, last) if first < size else ()


class _Part:
    """The next bytes of a stream, as a file that a response reads and closes."""

    def __init__(self, stream: BinaryIO | File[bytes], length: int) -> None:
        self._stream = stream
        self._left = length

    def read(self, size: int = -1) -> bytes:
        size = self._left if size < 0 else min(size, self._left)
        data = self._stream.read(size) if size else b""
        self._left -= len(data)
        return bytes(data)

    def close(self) -> None:
        self._stream.close()


def respond_zip(name: str, files: Iterable[tuple[str, Any]]) -> HttpResponseBase:
    """
    Send files as one zip that is never stored anywhere.

    Parameters
    ----------
    name : str
        Of the zip.
    files : iterable of (str, FieldFile)
        Names inside, and what is stored; a name that comes twice gets a number.
    """
    response = StreamingHttpResponse(_zip(files), content_type="application/zip")
    _harmless(response, name)
    return response


class _Sink:
    """Where ``zipfile`` writes: it keeps what was written until it is taken."""

    def __init__(self) -> None:
        self._written: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._written.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        return None

    def take(self) -> bytes:
        taken = b"".join(self._written)
        self._written.clear()
        return taken


def _zip(files: Iterable[tuple[str, Any]]) -> Iterator[bytes]:
    # Stored, not deflated: FITS and pictures hardly shrink, and the server's time is shared.
    sink = _Sink()
    taken: set[str] = set()
    missing: list[str] = []
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:  # type: ignore[call-overload]
        for name, file in files:
            inside = _free_name(name, taken)
            try:
                stream = _open(file)
            except Http404:
                missing.append(inside)
                continue
            info = zipfile.ZipInfo(inside)
            info.external_attr = 0o644 << 16
            with stream, archive.open(info, "w", force_zip64=True) as entry:
                while chunk := stream.read(CHUNK):
                    entry.write(chunk)
                    yield sink.take()
        if missing:
            lines = "".join(f"{name}\n" for name in missing)
            archive.writestr("MISSING.txt", f"These files are missing in the storage:\n{lines}")
    yield sink.take()


def _free_name(name: str, taken: set[str]) -> str:
    stem, dot, suffix = name.partition(".")
    free, number = name, 1
    while free in taken:
        number += 1
        free = f"{stem}_{number}{dot}{suffix}"
    taken.add(free)
    return free
