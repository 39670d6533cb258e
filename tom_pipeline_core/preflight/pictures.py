"""
Small pictures of files, made within limits.

Only some rows of a frame are read; a compressed one is unpacked tile by tile, and refused if its
tiles could unpack to more than a frame holds.
"""

from __future__ import annotations

import io
import re
import warnings
from threading import BoundedSemaphore
from typing import Any, BinaryIO

import numpy as np

from tom_pipeline_core.preflight.fits_headers import (
    MOST_UNPACKED,
    Hdu,
    NotFits,
    Unpacked,
    get,
    image_of,
    integer,
    read_hdus,
    unpacked,
)
from tom_pipeline_core.preflight.frame import read_row

SIDE = 128
"""Pixels of the longer side."""

MOST_ROW = 32_768
"""Pixels in a row of a frame."""

MOST_TILE = 8 << 20
"""Pixels in a tile of a compressed frame."""

MOST_PACKED_TILE = 256 << 10
"""Bytes of a tile that is packed with gzip, which can unpack to a thousand times as many."""

MOST_FILE = 256 << 20
"""Bytes of a compressed frame."""

MOST_PICTURE = 50_000_000
"""Pixels of an ordinary picture."""

_slots = BoundedSemaphore(2)


class NoPicture(Exception):
    """There is nothing to show, or it would cost too much."""


def render(stream: BinaryIO, size: int) -> bytes:
    """
    Return a PNG of a file, at most ``SIDE`` pixels wide and high.

    Parameters
    ----------
    stream : file object
        Binary, seekable, at its beginning.
    size : int
        Of the file, bytes.

    Raises
    ------
    NoPicture
        With the reason.
    """
    with _slots, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _frame(stream, size)
        except NotFits:
            stream.seek(0)
            return _picture(stream)
        except NoPicture:
            raise
        except Exception as error:
            raise NoPicture(f"it cannot be drawn ({type(error).__name__})") from error


def _picture(stream: BinaryIO) -> bytes:
    from PIL import Image

    try:
        with Image.open(stream, formats=("PNG", "JPEG", "GIF", "WEBP")) as picture:
            if picture.width * picture.height > MOST_PICTURE:
                raise NoPicture("it is too large to be drawn small")
            picture.draft("RGB", (SIDE, SIDE))
            picture.thumbnail((SIDE, SIDE))
            return _png(picture.convert("RGBA"))
    except NoPicture:
        raise
    except Exception as error:
        raise NoPicture("it is no picture") from error


def _frame(stream: BinaryIO, size: int) -> bytes:
    content = unpacked(stream)
    if isinstance(content, Unpacked):
        if size > MOST_UNPACKED:
            raise NoPicture("it is too large to be unpacked here")
        data = content.read(MOST_UNPACKED)
        content = io.BytesIO(data)
        size = len(data)
    image = image_of(read_hdus(content))
    if image is None:
        raise NoPicture("it holds no image")
    height, width = image.shape[-2:]
    if width > MOST_ROW:
        raise NoPicture("its rows are too long")
    step = max(1, -(-max(height, width) // SIDE))
    rows = range(step // 2, height, step)
    if image.is_packed:
        pixels = _unpack_rows(content, image, size, rows)
    else:
        pixels = [read_row(content, image, row, 0, width) for row in rows]
    return _drawn(np.asarray(pixels, dtype=float)[:, step // 2 :: step])


def _unpack_rows(stream: BinaryIO, image: Hdu, size: int, rows: range) -> list[Any]:
    from astropy.io import fits

    if size > MOST_FILE:
        raise NoPicture("it is too large to be unpacked here")
    _check_tiles(stream, image)
    stream.seek(0)
    with fits.open(stream, memmap=False, lazy_load_hdus=True) as hdus:
        for hdu in hdus:
            # Both offsets are of the table that holds the tiles.
            if hdu._data_offset == image.start:
                leading = (0,) * (len(image.shape) - 2)
                return [hdu.section[(*leading, row)] for row in rows]
    raise NoPicture("its image was not found")


def _check_tiles(stream: BinaryIO, image: Hdu) -> None:
    """Refuse tiles that are large, or that gzip may have made small."""
    header = image.header
    axes = len(image.shape)
    shape = [
        integer(header, f"ZTILE{i}") or (image.shape[-1] if i == 1 else 1)
        for i in range(1, axes + 1)
    ]
    if min(shape) < 1 or np.prod(shape, dtype=float) > MOST_TILE:
        raise NoPicture("its tiles are too large")
    width, number = integer(header, "NAXIS1"), integer(header, "NAXIS2")
    if width * number > MOST_UNPACKED:
        raise NoPicture("it has too many tiles")
    at = 0
    for i in range(1, integer(header, "TFIELDS") + 1):
        form = str(get(header, f"TFORM{i}", "")).strip()
        name = str(get(header, f"TTYPE{i}", "")).strip().upper()
        match = re.fullmatch(r"(\d*)([A-Z])(.*)", form)
        if match is None:
            raise NoPicture("its table is not understood")
        count, kind = int(match[1] or 1), match[2]
        gzipped = name == "GZIP_COMPRESSED_DATA" or (
            name == "COMPRESSED_DATA" and str(get(header, "ZCMPTYPE", "")).startswith("GZIP")
        )
        if gzipped and kind in "PQ" and _longest(stream, image, at, kind) > MOST_PACKED_TILE:
            raise NoPicture("its tiles may unpack to too much")
        bytes_each = {
            "P": 8,
            "Q": 16,
            "D": 8,
            "K": 8,
            "E": 4,
            "J": 4,
            "I": 2,
            "B": 1,
            "L": 1,
            "A": 1,
        }
        if kind not in bytes_each:
            raise NoPicture("its table is not understood")
        at += count * bytes_each[kind]


def _longest(stream: BinaryIO, image: Hdu, at: int, kind: str) -> int:
    """Return the length of the longest entry of a column, bytes at least."""
    width, number = integer(image.header, "NAXIS1"), integer(image.header, "NAXIS2")
    stream.seek(image.start)
    table = np.frombuffer(stream.read(width * number), dtype="u1")
    if table.size < width * number or number == 0:
        raise NoPicture("the file is cut off")
    size = 4 if kind == "P" else 8
    column = np.ascontiguousarray(table.reshape(number, width)[:, at : at + size])
    return int(column.view(f">i{size}").max())


def _drawn(pixels: Any) -> bytes:
    from astropy.visualization import ZScaleInterval
    from PIL import Image

    good = pixels[np.isfinite(pixels)]
    if not good.size:
        raise NoPicture("it has no pixels with a value")
    low, high = ZScaleInterval().get_limits(good)
    scaled = (pixels - low) / (high - low if high > low else 1.0)
    grey = np.nan_to_num(np.clip(scaled, 0, 1) * 255).astype("u1")
    picture = Image.fromarray(np.flipud(grey))  # north is usually up in frames, and y counts up
    picture.thumbnail((SIDE, SIDE))
    return _png(picture)


def _png(picture: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG", optimize=True)
    return out.getvalue()
