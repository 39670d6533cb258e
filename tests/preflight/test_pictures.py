"""Thumbnails of frames and pictures, and of what only looks like one."""

from __future__ import annotations

import gzip
import io

import numpy as np
import pytest
from astropy.io import fits
from PIL import Image

from tests.preflight.frames import frame
from tom_pipeline_core.preflight import pictures
from tom_pipeline_core.preflight.pictures import NoPicture, render


def drawn(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(render(io.BytesIO(content), len(content))))


def packed(data: np.ndarray, kind: str) -> bytes:
    out = io.BytesIO()
    fits.HDUList(
        [fits.PrimaryHDU(), fits.CompImageHDU(data, compression_type=kind, quantize_level=16)]
    ).writeto(out)
    return out.getvalue()


def star(shape: tuple[int, int] = (400, 300)) -> np.ndarray:
    """A star in the lower left of a noisy frame."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    noise = np.random.default_rng(1).normal(100, 3, shape)
    return (noise + 5000 * np.exp(-((x - 60) ** 2 + (y - 80) ** 2) / 400)).astype("f4")


def where_bright(picture: Image.Image) -> tuple[float, float]:
    """The brightest place, as fractions from the left and from the bottom."""
    grey = np.asarray(picture.convert("L"), dtype=float)
    y, x = np.nonzero(grey > 250)
    return float(np.median(x)) / grey.shape[1], 1 - float(np.median(y)) / grey.shape[0]


@pytest.mark.parametrize("kind", ["plain", "gzipped", "RICE_1", "GZIP_1", "HCOMPRESS_1"])
def test_a_frame_is_drawn_with_its_stars_where_they_are(kind: str) -> None:
    if kind in ("plain", "gzipped"):
        out = io.BytesIO()
        fits.PrimaryHDU(star()).writeto(out)
        content = gzip.compress(out.getvalue()) if kind == "gzipped" else out.getvalue()
    else:
        content = packed(star(), kind)
    picture = drawn(content)
    assert max(picture.size) <= pictures.SIDE
    assert where_bright(picture) == pytest.approx((0.2, 0.2), abs=0.05)


def test_an_ordinary_picture_is_made_small() -> None:
    out = io.BytesIO()
    Image.new("RGB", (640, 480), "red").save(out, "PNG")
    assert drawn(out.getvalue()).size == (128, 96)


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"\x89PNG\r\n\x1a\nbroken", frame()[:3000], b"\x1f\x8bnonsense"]
)
def test_what_cannot_be_drawn_gives_a_reason(content: bytes) -> None:
    with pytest.raises(NoPicture, match="it "):
        render(io.BytesIO(content), len(content))


def test_a_picture_of_absurd_size_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MOST_PICTURE", 1000)
    out = io.BytesIO()
    Image.new("L", (100, 100)).save(out, "PNG")
    with pytest.raises(NoPicture, match="too large"):
        render(io.BytesIO(out.getvalue()), 1)


def test_tiles_that_unpack_to_too_much_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    content = packed(np.random.default_rng(1).normal(size=(40, 4000)).astype("f4"), "GZIP_1")
    monkeypatch.setattr(pictures, "MOST_PACKED_TILE", 1000)
    with pytest.raises(NoPicture, match="unpack to too much"):
        render(io.BytesIO(content), len(content))


def test_a_tile_of_absurd_size_is_refused() -> None:
    content = packed(star(), "RICE_1").replace(
        b"ZTILE1  =                  300", b"ZTILE1  =           2000000000"
    )
    with pytest.raises(NoPicture, match="tiles are too large"):
        render(io.BytesIO(content), len(content))


def test_a_frame_of_absurd_size_is_refused_before_it_is_read() -> None:
    header = fits.Header()
    header["SIMPLE"], header["BITPIX"], header["NAXIS"] = True, -64, 2
    header["NAXIS1"] = header["NAXIS2"] = 2_000_000_000
    with pytest.raises(NoPicture, match="rows are too long"):
        render(io.BytesIO(header.tostring().encode()), 2880)
