"""
The headers of a FITS file, read without its data and within limits.

Web servers read files that strangers made: a header without an end, or a few kilobytes that unpack
to terabytes, must cost no more than an ordinary frame.
"""

from __future__ import annotations

import gzip
import io
import warnings
import zlib
from dataclasses import dataclass
from typing import Any, BinaryIO

from astropy.io import fits

BLOCK = 2880
MOST_HEADER = 8 << 20
"""Bytes of headers in one file."""

MOST_HDUS = 40
MOST_UNPACKED = 64 << 20
"""Bytes that are unpacked of a gzip file to reach a header."""

GZIP = b"\x1f\x8b"


class NotFits(Exception):
    """The file is not a FITS file, or its first header cannot be read."""


@dataclass(frozen=True)
class Hdu:
    """One header, and where its data lie."""

    header: Any
    start: int
    """Offset of the data, bytes."""

    size: int
    """Of the data, bytes, without padding."""

    @property
    def is_packed(self) -> bool:
        """Whether it is a compressed image in a table."""
        return bool(get(self.header, "ZIMAGE"))

    @property
    def shape(self) -> tuple[int, ...]:
        """Axes of the image, the first varying slowest; empty if there is no image."""
        if not self.is_packed and get(self.header, "XTENSION", "IMAGE").strip() != "IMAGE":
            return ()
        z = "Z" if self.is_packed else ""
        axes = [
            integer(self.header, f"{z}NAXIS{i}")
            for i in range(integer(self.header, f"{z}NAXIS"), 0, -1)
        ]
        return tuple(axes) if len(axes) >= 2 and min(axes) > 0 else ()


def get(header: Any, key: str, default: Any = None) -> Any:
    """Return a value; a card that cannot be read counts as absent."""
    try:
        value = header.get(key, default)
    except Exception:  # noqa: BLE001 - astropy raises many kinds for broken cards
        return default
    return default if isinstance(value, fits.card.Undefined) else value


def integer(header: Any, key: str) -> int:
    """Return a whole number, 0 if there is none."""
    value = get(header, key, 0)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def number(header: Any, key: str) -> float | None:
    """Return a number, also one written as text."""
    value = get(header, key)
    try:
        return None if value is None or isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return None


class Unpacked(io.RawIOBase):
    """A gzip file read forwards, up to a limit."""

    def __init__(self, stream: BinaryIO) -> None:
        self._gzip = gzip.GzipFile(fileobj=stream, mode="rb")
        self._at = 0

    def seek(self, offset: int, whence: int = 0) -> int:
        if offset > MOST_UNPACKED:
            raise EOFError("too far into a compressed file")
        return self._gzip.seek(offset, whence)

    def read(self, size: int = -1) -> bytes:
        return self._gzip.read(min(size, MOST_UNPACKED) if size >= 0 else MOST_UNPACKED)


def unpacked(stream: BinaryIO) -> BinaryIO:
    """Return a stream of the file's content, whether it is packed with gzip or not."""
    first = stream.read(2)
    stream.seek(0)
    return Unpacked(stream) if first == GZIP else stream  # type: ignore[return-value]


def read_hdus(stream: BinaryIO) -> list[Hdu]:
    """
    Return the headers of a file, as far as they can be read.

    Parameters
    ----------
    stream : file object
        Binary, seekable, at its beginning; see :func:`unpacked`.

    Raises
    ------
    NotFits
        With a text that says what the file begins with.
    """
    found: list[Hdu] = []
    budget = MOST_HEADER
    at = 0
    while len(found) < MOST_HDUS:
        try:
            stream.seek(at)
            text = _header_bytes(stream, budget, first=not found)
        except (EOFError, OSError, OverflowError, ValueError, zlib.error) as error:
            if not found:
                raise NotFits(f"it cannot be read ({error})") from error
            break
        if not text:
            break
        budget -= len(text)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            header = fits.Header.fromstring(text)
        start = at + len(text)
        size = _data_size(header)
        found.append(Hdu(header, start, size))
        at = start + -(-size // BLOCK) * BLOCK
    return found


def _header_bytes(stream: BinaryIO, budget: int, *, first: bool) -> bytes:
    parts: list[bytes] = []
    while True:
        block = stream.read(BLOCK)
        if first and not parts:
            _check_beginning(block)
        if not parts and block[:8] != b"XTENSION" and not first:
            return b""  # what follows the last HDU is padding, or nothing
        if len(block) < BLOCK or (len(parts) + 1) * BLOCK > budget:
            if first:
                raise NotFits("its first header has no end")
            return b""
        parts.append(block)
        if any(block[i : i + 8] == b"END     " for i in range(0, BLOCK, 80)):
            return b"".join(parts)


def _check_beginning(block: bytes) -> None:
    if not block:
        raise NotFits("it is empty")
    if block[:9] != b"SIMPLE  =":
        words = "".join(c if c.isprintable() else "?" for c in block[:30].decode("latin-1"))
        raise NotFits(f"it begins with “{words.strip()}”")


def _data_size(header: Any) -> int:
    axes = [integer(header, f"NAXIS{i}") for i in range(1, min(integer(header, "NAXIS"), 999) + 1)]
    if not axes:
        return 0
    if axes[0] == 0 and get(header, "GROUPS") is True:
        axes = axes[1:]
    elements = 1
    for length in axes:
        elements *= max(length, 0)
    groups = integer(header, "GCOUNT") or 1
    return abs(integer(header, "BITPIX")) // 8 * groups * (integer(header, "PCOUNT") + elements)


def image_of(hdus: list[Hdu]) -> Hdu | None:
    """Return the science image: the extension that is called so, or else the first image."""
    images = [hdu for hdu in hdus if hdu.shape]
    for hdu in images:
        if str(get(hdu.header, "EXTNAME", "")).strip().upper().startswith("SCI"):
            return hdu
    return images[0] if images else None
