from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from example_photometry.errors import FrameError
from example_photometry.flags import Flag
from example_photometry.frames import Overrides, inspect, read
from example_photometry.target import Apertures, Measurement, measure_target

from tom_pipeline_core.testing.frames import GAIN, ZERO_POINT, Series, make_series, spoil


def measure(series: Series, n: int, apertures: Apertures | None = None) -> Measurement:
    frame = read(inspect(series.paths[n]))
    return measure_target(frame, series.target_ra, series.target_dec, apertures or Apertures())


def test_flux_position_and_error_are_those_of_the_known_star(series: Series) -> None:
    # A wide circle holds all but 0.3 % of a Moffat profile's light.
    wide = Apertures("fwhm", 3.0, 5.0, 7.0)
    pulls = []
    for n, truth in enumerate(series.truth):
        measured = measure(series, n, wide)
        expected = ZERO_POINT - 2.5 * np.log10(GAIN)
        mag = measured.mag_inst + 2.5 * np.log10(60.0) + expected
        assert mag == pytest.approx(truth["mag"] + truth["cloud"], abs=0.03)
        assert np.hypot(measured.x - truth["x"], measured.y - truth["y"]) < 0.05
        assert measured.flags == 0
        pulls.append((mag - truth["mag"] - truth["cloud"]) / measured.mag_err)
    assert 0.3 < np.std(pulls) < 2.0


def test_a_known_variation_is_recovered(tmp_path: Path) -> None:
    steady = make_series(tmp_path, n_frames=10, seed=5, clouds=0, cosmic_rays=0)
    mag = np.array([measure(steady, n).mag_inst for n in range(10)])
    off = mag - np.array(steady.truth["mag"])
    assert np.ptp(np.array(steady.truth["mag"])) > 0.25
    assert np.std(off) < 0.006


@pytest.mark.parametrize("unit", ["arcsec", "pixel"])
def test_radii_can_be_given_in_arcseconds_and_pixels(series: Series, unit: str) -> None:
    measured = measure(series, 0, Apertures(unit, 6.0, 15.0, 24.0))  # type: ignore[arg-type]
    assert measured.aperture == pytest.approx(8.0 if unit == "arcsec" else 6.0, rel=1e-3)


def test_a_frame_without_wcs_is_refused(series: Series, tmp_path: Path) -> None:
    frame = read(inspect(spoil(series.paths[0], "no_wcs", tmp_path)))
    with pytest.raises(FrameError, match="no sky coordinates"):
        measure_target(frame, series.target_ra, series.target_dec, Apertures())


def test_a_target_outside_the_frame_is_told_with_its_distance(
    series: Series, tmp_path: Path
) -> None:
    frame = read(inspect(spoil(series.paths[0], "off_target", tmp_path)))
    with pytest.raises(FrameError, match=r"outside the image \(5\.0\d deg"):
        measure_target(frame, series.target_ra, series.target_dec, Apertures())


def test_the_other_side_of_the_sky_is_outside(series: Series) -> None:
    frame = read(inspect(series.paths[0]))
    with pytest.raises(FrameError, match="outside the image"):
        measure_target(frame, series.target_ra - 180, -series.target_dec, Apertures())


def test_a_target_whose_ring_leaves_the_frame_is_refused(series: Series) -> None:
    frame = read(inspect(series.paths[0]))
    assert frame.wcs is not None
    ra, dec = frame.wcs.all_pix2world(6.0, 200.0, 0)
    with pytest.raises(FrameError, match="6 px from the edge"):
        measure_target(frame, float(ra), float(dec), Apertures())


def test_a_failed_wcs_gives_no_magnitude(series: Series) -> None:
    frame = read(inspect(series.paths[0]))
    frame = replace(frame, info=replace(frame.info, wcs_failed="WCSERR 4"))
    with pytest.raises(FrameError, match="WCSERR 4"):
        measure_target(frame, series.target_ra, series.target_dec, Apertures())


def test_an_empty_place_is_measured_there_and_flagged_as_forced(series: Series) -> None:
    frame = read(inspect(series.paths[0]))
    frame.pixels[:] = np.random.default_rng(1).normal(100, 5, frame.pixels.shape)
    measured = measure_target(frame, series.target_ra, series.target_dec, Apertures())
    assert measured.flags & Flag.FORCED
    assert abs(measured.flux) < 5 * measured.flux_err


def test_saturation_and_masked_pixels_are_flagged(series: Series) -> None:
    info = inspect(series.paths[0], Overrides(saturation=500.0))
    frame = read(info)
    x, y = (round(series.truth[name][0]) for name in "xy")
    frame.bad[y + 1, x] = True
    measured = measure_target(frame, series.target_ra, series.target_dec, Apertures())
    assert measured.flags & Flag.SATURATED
    assert measured.flags & Flag.MASKED


def test_without_gain_the_error_is_flagged(series: Series) -> None:
    frame = read(inspect(series.paths[0]))
    frame = replace(frame, info=replace(frame.info, gain=float("nan")))
    measured = measure_target(frame, series.target_ra, series.target_dec, Apertures())
    assert measured.flags == Flag.NO_GAIN
    assert measured.flux_err > 0
