"""Headers are read from whatever people upload, within limits."""

from __future__ import annotations

import gzip
import io

import numpy as np
import pytest
from astropy.io import fits

from tests.preflight.frames import frame
from tom_pipeline_core.preflight import fits_headers
from tom_pipeline_core.preflight.fits_headers import NotFits, image_of, read_hdus, unpacked


def test_all_headers_are_found_and_the_science_image_among_them() -> None:
    out = io.BytesIO()
    fits.HDUList(
        [
            fits.PrimaryHDU(),
            fits.BinTableHDU.from_columns([fits.Column("x", "E", array=[1.0, 2.0])]),
            fits.ImageHDU(np.zeros((5, 7)), name="BPM"),
            fits.ImageHDU(np.zeros((5, 9)), name="SCI"),
        ]
    ).writeto(out)
    out.seek(0)

    hdus = read_hdus(out)

    assert [hdu.shape for hdu in hdus] == [(), (), (5, 7), (5, 9)]
    image = image_of(hdus)
    assert image is not None
    assert image.shape == (5, 9)
    assert image.start + image.size <= len(out.getvalue())


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "it is empty"),
        (b"hello, world", "it begins with “hello, world”"),
        (b"SIMPLE  =                    T", "no end"),
    ],
)
def test_what_is_not_fits_is_told_by_its_beginning(content: bytes, text: str) -> None:
    with pytest.raises(NotFits, match=text):
        read_hdus(io.BytesIO(content))


def test_a_header_without_end_is_read_up_to_the_limit_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fits_headers, "MOST_HEADER", 10 * 2880)
    stream = io.BytesIO(b"SIMPLE  =                    T".ljust(80) + b" " * 100 * 2880)
    with pytest.raises(NotFits, match="no end"):
        read_hdus(stream)
    assert stream.tell() <= 11 * 2880


def test_a_packed_file_is_unpacked_no_further_than_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fits_headers, "MOST_UNPACKED", 20_000)
    out = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(np.zeros((100, 100))), fits.ImageHDU(np.zeros((3, 3)))]).writeto(
        out
    )
    hdus = read_hdus(unpacked(io.BytesIO(gzip.compress(out.getvalue()))))
    assert [hdu.shape for hdu in hdus] == [(100, 100)]


def test_a_broken_packed_file_is_told() -> None:
    packed = gzip.compress(frame())[:40]
    with pytest.raises(NotFits):
        read_hdus(unpacked(io.BytesIO(packed)))


def test_absurd_axes_cost_nothing() -> None:
    header = fits.Header()
    header["SIMPLE"], header["BITPIX"], header["NAXIS"] = True, -64, 2
    header["NAXIS1"] = header["NAXIS2"] = 2_000_000_000
    hdus = read_hdus(io.BytesIO(header.tostring().encode()))
    assert hdus[0].size == 8 * 2_000_000_000**2
