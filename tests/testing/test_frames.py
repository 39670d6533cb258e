from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.time import Time

from tom_pipeline_core.testing.frames import FLAWS, SATURATION, make_series, spoil


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = (make_series(tmp_path / name, n_frames=2, seed=4) for name in "ab")
    for one, other in zip(first.paths, second.paths, strict=True):
        assert one.name == other.name
        assert one.read_bytes() == other.read_bytes()


def test_another_seed_gives_another_field(tmp_path: Path) -> None:
    first, second = (make_series(tmp_path / str(n), n_frames=1, seed=n) for n in (1, 2))
    assert first.target_ra != second.target_ra


def test_headers_say_what_the_truth_says(tmp_path: Path) -> None:
    series = make_series(tmp_path, n_frames=4, filters=("gp", "rp"), container="int16")
    for path, row in zip(series.paths, series.truth, strict=True):
        header = fits.getheader(path)
        middle = Time(header["DATE-OBS"]).mjd + header["EXPTIME"] / 2 / 86400
        assert middle == pytest.approx(row["mjd_mid"], abs=1e-7)
        assert header["FILTER"] == row["filter"]
    assert list(series.truth["filter"]) == ["gp", "rp", "gp", "rp"]


def test_the_star_is_where_the_truth_says(tmp_path: Path) -> None:
    series = make_series(tmp_path, n_frames=1, container="float32", cosmic_rays=0)
    data = fits.getdata(series.paths[0])
    x, y = series.truth["x"][0], series.truth["y"][0]
    ny, nx = np.mgrid[0 : data.shape[0], 0 : data.shape[1]]
    light = np.where(np.hypot(nx - x, ny - y) < 9, data - np.median(data), 0)
    assert (light * nx).sum() / light.sum() == pytest.approx(x, abs=0.1)
    assert (light * ny).sum() / light.sum() == pytest.approx(y, abs=0.1)


def test_bright_stars_are_cut_at_the_saturation_of_the_header(tmp_path: Path) -> None:
    series = make_series(tmp_path, n_frames=1, target_mag=8.0, container="float32")
    assert (
        fits.getdata(series.paths[0]).max()
        == SATURATION
        == fits.getval(series.paths[0], "SATURATE")
    )


def test_the_demonstration_series_is_small(tmp_path: Path) -> None:
    series = make_series(tmp_path)
    assert len(series.paths) == 24
    assert sum(path.stat().st_size for path in series.paths) < 12e6


@pytest.mark.parametrize("flaw", FLAWS)
def test_each_flaw_makes_a_file_that_differs_from_the_good_one(tmp_path: Path, flaw: str) -> None:
    series = make_series(tmp_path, n_frames=1)
    spoilt = spoil(series.paths[0], flaw, tmp_path)
    assert spoilt.name == f"{flaw}.fits"
    assert spoilt.read_bytes() != series.paths[0].read_bytes()
