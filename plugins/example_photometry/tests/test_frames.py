from __future__ import annotations

import gzip
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from example_photometry.errors import FrameError
from example_photometry.frames import inspect, read

from tom_pipeline_core.testing.frames import Flaw, Series, spoil


def write(path: Path, *hdus: fits.hdu.base.ExtensionHDU) -> Path:
    fits.HDUList(list(hdus)).writeto(path)
    return path


def image(n: float = 1.0, side: int = 40) -> np.ndarray:
    return (np.arange(side * side, dtype=np.float32).reshape(side, side) + 1) * n


@pytest.fixture
def header(series: Series) -> fits.Header:
    return fits.getheader(series.paths[0]).copy()


def test_plain_and_compressed_frames_hold_the_same_facts(series: Series) -> None:
    plain, packed = inspect(series.paths[0]), inspect(series.paths[1])
    assert (plain.hdu, packed.hdu) == (0, 1)
    for name in ("shape", "filter", "gain", "read_noise", "saturation", "telescope"):
        assert getattr(plain, name) == getattr(packed, name)
    assert plain.wcs_hdu == 0
    assert packed.wcs_hdu == 1


def test_pixels_come_native_contiguous_and_without_nan(series: Series) -> None:
    frame = read(inspect(series.paths[0]))
    assert frame.pixels.dtype == np.float32
    assert frame.pixels.dtype.isnative
    assert frame.pixels.flags.c_contiguous
    assert not frame.bad.any()
    assert frame.wcs is not None


def test_a_gzipped_frame_is_read(series: Series, tmp_path: Path) -> None:
    packed = tmp_path / "frame.fits.gz"
    with series.paths[0].open("rb") as source, gzip.open(packed, "wb") as sink:
        shutil.copyfileobj(source, sink)
    frame = read(inspect(packed))
    np.testing.assert_array_equal(frame.pixels, read(inspect(series.paths[0])).pixels)


@pytest.mark.parametrize("bzero", [0, 32768])
def test_scaled_integers_are_read_as_counts(
    header: fits.Header, tmp_path: Path, bzero: int
) -> None:
    data = np.full((40, 40), 50000 if bzero else 5000, dtype=np.uint16 if bzero else np.int16)
    data[3, 4] += 7
    path = write(tmp_path / "f.fits", fits.PrimaryHDU(data, header))
    assert read(inspect(path)).pixels[3, 4] == data[3, 4]


def test_nan_and_the_bad_pixel_mask_become_bad(header: fits.Header, tmp_path: Path) -> None:
    data, mask = image(), np.zeros((40, 40), dtype=np.uint8)
    data[5, 6], mask[7, 8] = np.nan, 1
    path = write(
        tmp_path / "f.fits",
        fits.PrimaryHDU(),
        fits.ImageHDU(data, header, name="SCI"),
        fits.ImageHDU(mask, name="BPM"),
    )
    frame = read(inspect(path))
    assert set(zip(*np.nonzero(frame.bad), strict=True)) == {(5, 6), (7, 8)}
    assert frame.pixels[5, 6] == frame.pixels[7, 8] == 0


def test_a_dead_column_is_bad_and_a_sky_around_zero_is_not(
    header: fits.Header, tmp_path: Path
) -> None:
    rng = np.random.default_rng(1)
    gradient = np.linspace(0, 100, 64, dtype=np.float32)
    data = rng.normal(200, 4, (64, 64)).astype(np.float32) + gradient
    data[:, 20] = 0
    frame = read(inspect(write(tmp_path / "dead.fits", fits.PrimaryHDU(data, header))))
    assert frame.bad[:, 20].all()
    assert frame.bad.sum() == 64
    around_zero = np.round(rng.normal(0, 4, (64, 64))).astype(np.int16)
    frame = read(inspect(write(tmp_path / "zero.fits", fits.PrimaryHDU(around_zero, header))))
    assert not frame.bad.any()


def test_the_wcs_may_be_in_the_primary(header: fits.Header, tmp_path: Path) -> None:
    path = write(
        tmp_path / "f.fits", fits.PrimaryHDU(None, header), fits.ImageHDU(image(), name="SCI")
    )
    info = inspect(path)
    assert (info.hdu, info.wcs_hdu) == (1, 0)
    assert info.filter == "rp"
    assert read(info).wcs is not None


def test_one_plane_of_a_cube_is_an_image(header: fits.Header, tmp_path: Path) -> None:
    path = write(tmp_path / "f.fits", fits.PrimaryHDU(image()[None], header))
    frame = read(inspect(path))
    assert frame.pixels.shape == (40, 40)
    assert frame.wcs is not None


@pytest.mark.parametrize("text", ["[2.01, 1.99, 2.05, 2.02]", "", 0.0, -1.0])
def test_a_gain_or_limit_that_is_no_positive_number_is_unknown(
    header: fits.Header, tmp_path: Path, text: object
) -> None:
    header["GAIN"] = header["SATURATE"] = text
    info = inspect(write(tmp_path / "f.fits", fits.PrimaryHDU(image(), header)))
    assert np.isnan(info.gain)
    assert info.saturation == np.inf


def test_a_failed_wcs_is_told(header: fits.Header, tmp_path: Path) -> None:
    header["WCSERR"] = 4
    info = inspect(write(tmp_path / "f.fits", fits.PrimaryHDU(image(), header)))
    assert info.wcs_failed == "WCSERR 4"


@pytest.mark.parametrize(
    ("flaw", "reason"),
    [
        ("empty", "not a FITS file .it is empty"),
        ("not_fits", "not a FITS file .it starts with '<!DOCTYPE html>"),
        ("truncated", r"cut short .expected \d+,\d+ bytes, has \d+,\d+.. Upload it again"),
        ("no_time", "no observation time"),
        ("blank", "all pixels are blank"),
    ],
)
def test_a_spoilt_file_says_what_is_wrong(
    series: Series, tmp_path: Path, flaw: Flaw, reason: str
) -> None:
    path = spoil(series.paths[0], flaw, tmp_path)
    with pytest.raises(FrameError, match=reason):
        read(inspect(path))


def test_a_truncated_gzip_says_so(series: Series, tmp_path: Path) -> None:
    packed = tmp_path / "frame.fits.gz"
    whole = gzip.compress(series.paths[0].read_bytes())
    packed.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FrameError, match="Upload it again"):
        read(inspect(packed))


def hdus_of(case: str, header: fits.Header) -> list[fits.hdu.base.ExtensionHDU]:
    if case == "table":
        column = fits.Column(name="a", format="E", array=np.zeros(3))
        return [fits.PrimaryHDU(), fits.BinTableHDU.from_columns([column])]
    if case == "planes":
        return [fits.PrimaryHDU(np.stack([image()] * 3), header)]
    if case == "tiny":
        return [fits.PrimaryHDU(image(side=12), header)]
    if case == "constant":
        return [fits.PrimaryHDU(np.ones((40, 40), np.float32), header)]
    parts = [fits.ImageHDU(image(), header, name="SCI", ver=n) for n in range(1, 5)]
    if case == "raw":
        for part in parts:
            part.header["BIASSEC"] = "[1:10,1:40]"
    return [fits.PrimaryHDU(), *parts]


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("table", "contains no 2-D image"),
        ("planes", "image has 3 planes"),
        ("tiny", "12 x 12 pixels: too small"),
        ("constant", "all pixels are identical"),
        ("raw", "4 SCI images: this looks like raw multi-amplifier data"),
        ("sets", "4 SCI images; give a file with one"),
    ],
)
def test_an_image_of_another_kind_is_refused(
    header: fits.Header, tmp_path: Path, case: str, reason: str
) -> None:
    path = write(tmp_path / "f.fits", *hdus_of(case, header))
    with pytest.raises(FrameError, match=reason):
        read(inspect(path))


def test_what_is_kept_of_a_frame_is_small(series: Series) -> None:
    assert len(pickle.dumps(inspect(series.paths[0]))) < 4000
