"""Whole series with something wrong in them: each case is a paragraph of the README."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from example_photometry.errors import SeriesError
from example_photometry.flags import Flag
from example_photometry.series import FilterSeries, Silent, measure_series
from example_photometry.settings import Settings
from example_photometry.target import Target
from scipy.ndimage import uniform_filter1d

from tom_pipeline_core.testing.frames import Series, make_series


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Series:
    """Sixteen plain float frames, to be copied and spoilt."""
    return make_series(
        tmp_path_factory.mktemp("made"), n_frames=16, seed=21, container="float32", n_stars=70
    )


@pytest.fixture
def copies(made: Series, tmp_path: Path) -> Series:
    """The frames again, as files that a test may change."""
    paths = [Path(shutil.copy(path, tmp_path / path.name)) for path in made.paths]
    return replace(made, paths=paths)


def change(path: Path, pixels: Any = None, **cards: Any) -> None:
    with fits.open(path, mode="update") as hdus:
        if pixels is not None:
            hdus[0].data = pixels(hdus[0].data.astype(np.float32))
        for name, value in cards.items():
            hdus[0].header[name.replace("_", "-")] = value


def measure(
    made: Series, paths: list[Path] | None = None, **settings: Any
) -> tuple[FilterSeries, Silent]:
    listener = Silent()
    found = measure_series(
        paths or made.paths,
        Target(made.target_ra, made.target_dec),
        Settings(**settings),
        listener,
    )
    return found[0], listener


def off(series: FilterSeries, made: Series) -> np.ndarray:
    """Measured minus true magnitudes, by file name, about their median."""
    truth = dict(zip(made.truth["file"], made.truth["mag"], strict=True))
    names = [r.info.name for r in series.curve.results]
    difference = series.curve.dmag - np.array([truth[name] for name in names])
    return np.asarray(difference - np.nanmedian(difference))


def test_a_good_series_is_measured_to_its_errors(made: Series) -> None:
    series, listener = measure(made)
    assert listener.skipped == {}
    assert np.std(off(series, made) / series.curve.dmag_err) == pytest.approx(1, abs=0.4)
    assert not series.curve.flags.any()


def test_a_trailed_frame_gets_a_wider_aperture(copies: Series) -> None:
    change(copies.paths[4], lambda data: uniform_filter1d(data, 9, axis=1))
    series, _ = measure(copies)
    results = series.curve.results
    assert results[4].fwhm > 1.4 * np.median([r.fwhm for r in results])
    assert abs(off(series, copies)[4]) < 5 * series.curve.dmag_err[4]


def test_clouds_are_taken_out_and_raise_the_error(copies: Series) -> None:
    def dim(data: np.ndarray) -> np.ndarray:
        rng = np.random.default_rng(1)
        sky = float(np.median(data))
        stars = (data - sky) * 0.15
        return (stars + sky + rng.normal(0, 5, data.shape)).astype(np.float32)

    change(copies.paths[7], dim)
    series, _ = measure(copies)
    curve = series.curve
    assert curve.comparison is not None
    assert curve.comparison.zero_point[7] - np.median(curve.comparison.zero_point) > 1.8
    assert curve.dmag_err[7] > 2 * np.median(curve.dmag_err)
    assert abs(off(series, copies)[7]) < 5 * curve.dmag_err[7]


def test_a_comparison_star_that_varies_is_left_out(copies: Series) -> None:
    first, _ = measure(copies)
    assert first.curve.comparison is not None
    star = int(np.argmax(first.curve.comparison.weight)) + 1

    for n, path in enumerate(copies.paths):
        x, y = (float(first.curve.results[n].x[star]), float(first.curve.results[n].y[star]))

        def fade(data: np.ndarray, x: float = x, y: float = y, n: int = n) -> np.ndarray:
            yy, xx = np.mgrid[0 : data.shape[0], 0 : data.shape[1]]
            near = np.hypot(xx - x, yy - y) < 9
            sky = np.median(data)
            data[near] = sky + (data[near] - sky) * (1 + 0.12 * np.sin(2.1 * n))
            return data

        change(path, fade)
    series, _ = measure(copies)
    assert series.curve.comparison is not None
    place = np.hypot(
        series.field.x[1:] - series.field.x[0] - (first.field.x[star] - first.field.x[0]),
        series.field.y[1:] - series.field.y[0] - (first.field.y[star] - first.field.y[0]),
    )
    same = int(np.argmin(place))
    assert place[same] < 1
    assert not series.curve.comparison.used[same]
    assert series.curve.comparison.reason[same].startswith("varies")
    assert np.abs(off(series, copies) / series.curve.dmag_err).max() < 4.5


@pytest.mark.parametrize("wcs", ["turned with the camera", "not turned", "missing"])
def test_a_meridian_flip_is_followed(copies: Series, wcs: str) -> None:
    for path in copies.paths[8:]:
        with fits.open(path, mode="update") as hdus:
            ny, nx = hdus[0].data.shape
            hdus[0].data = np.ascontiguousarray(hdus[0].data[::-1, ::-1])
            header = hdus[0].header
            if wcs == "missing":
                for card in ("CTYPE1", "CTYPE2"):
                    del header[card]
            elif wcs == "turned with the camera":
                header["CRPIX1"], header["CRPIX2"] = (
                    nx + 1 - header["CRPIX1"],
                    ny + 1 - header["CRPIX2"],
                )
                for card in ("PC1_1", "PC2_2", "CD1_1", "CD2_2"):
                    if card in header:
                        header[card] = -header[card]
    series, listener = measure(copies)
    assert listener.skipped == {}
    turned = [bool(f & int(Flag.WCS_SUSPECT)) for f in series.curve.flags]
    assert turned == [False] * 8 + [wcs != "turned with the camera"] * 8
    assert np.abs(off(series, copies) / series.curve.dmag_err).max() < 5


def test_a_filter_change_within_the_series_gives_two_curves(copies: Series) -> None:
    for path in copies.paths[6:]:
        change(path, FILTER="ip")
    found = measure_series(copies.paths, Target(copies.target_ra, copies.target_dec))
    assert {series.filter: len(series.curve) for series in found} == {"ip": 10, "rp": 6}


def test_a_duplicated_frame_is_used_once(copies: Series, tmp_path: Path) -> None:
    twin = Path(shutil.copy(copies.paths[3], tmp_path / "twin.fits"))
    series, listener = measure(copies, [*copies.paths, twin])
    assert len(series.curve) == 16
    assert listener.skipped == {
        "twin.fits": f"same frame as {copies.paths[3].name} (identical time and content)."
    }


def test_frames_out_of_order_are_sorted_by_time(copies: Series) -> None:
    series, listener = measure(copies, copies.paths[::-1])
    assert np.all(np.diff(series.curve.times.bjd_tdb) > 0)
    assert any("not in order of time" in note for note in listener.notes)


def test_a_cosmic_ray_in_the_aperture_is_flagged(copies: Series) -> None:
    x, y = copies.truth["x"][5], copies.truth["y"][5]

    def hit(data: np.ndarray) -> np.ndarray:
        data[round(y) + 1, round(x) + 2] += 4000
        return data

    change(copies.paths[5], hit)
    series, _ = measure(copies)
    assert series.curve.flags[5] & int(Flag.COSMIC_RAY)
    assert not any(series.curve.flags[:5] & int(Flag.COSMIC_RAY))


def test_a_sudden_point_is_flagged_as_outlier_and_kept(copies: Series) -> None:
    x, y = copies.truth["x"][9], copies.truth["y"][9]

    def brighten(data: np.ndarray) -> np.ndarray:
        yy, xx = np.mgrid[0 : data.shape[0], 0 : data.shape[1]]
        near = np.hypot(xx - x, yy - y) < 12
        data[near] = (data[near] - np.median(data)) * 1.6 + np.median(data)
        return data

    change(copies.paths[9], brighten)
    series, _ = measure(copies)
    assert series.curve.flags[9] & int(Flag.OUTLIER)
    assert np.isfinite(series.curve.mag[9])


def test_a_bad_pixel_under_the_target_is_flagged_as_masked(copies: Series) -> None:
    x, y = copies.truth["x"][2], copies.truth["y"][2]

    def hole(data: np.ndarray) -> np.ndarray:
        data[round(y), round(x)] = np.nan
        return data

    change(copies.paths[2], hole)
    series, _ = measure(copies)
    assert series.curve.flags[2] & int(Flag.MASKED)


def test_exposures_of_different_length_give_one_curve(copies: Series) -> None:
    for path in copies.paths[::2]:
        change(path, lambda data: data * 2, EXPTIME=120.0, GAIN=0.8)
    series, _ = measure(copies)
    assert np.std(off(series, copies)) < 0.01


def test_errors_are_honest_without_a_gain(copies: Series) -> None:
    for path in copies.paths:
        change(path, GAIN=0.0, RDNOISE=0.0)
    series, _ = measure(copies)
    assert all(flag & int(Flag.NO_GAIN) for flag in series.curve.flags)
    assert np.std(off(series, copies) / series.curve.dmag_err) == pytest.approx(1, abs=0.5)


def test_a_target_that_is_not_there_gets_limits(copies: Series) -> None:
    reference, _ = measure(copies, copies.paths[:1])
    wcs_frame = fits.getheader(copies.paths[0])
    from astropy.wcs import WCS

    # An empty place: far from every star of the generator.
    sky = WCS(wcs_frame)
    stars = np.column_stack(sky.all_world2pix(copies.stars["ra"], copies.stars["dec"], 0))
    grid = [(x, y) for x in range(60, 450, 10) for y in range(60, 450, 10)]
    empty = max(grid, key=lambda at: np.hypot(*(stars - at).T).min())
    ra, dec = (float(v) for v in sky.all_pix2world(*empty, 0))
    listener = Silent()
    (series,) = measure_series(copies.paths, Target(ra, dec), listener=listener)
    assert not series.field.locked
    assert any("No star within" in note for note in listener.notes)
    assert np.isfinite(series.curve.limit).sum() >= 14
    assert np.nanmedian(series.curve.limit) > np.median(reference.curve.dmag) + 2


def test_a_moving_star_is_followed(copies: Series) -> None:
    # A star that has moved by 40 arcsec between the epoch of its coordinates and the frames.
    years = 25.138
    target = Target(
        copies.target_ra, copies.target_dec - 40 / 3600, pm_dec=40e3 / years, epoch=2000.0
    )
    (series,) = measure_series(copies.paths, target)
    assert np.abs(off(series, copies) / series.curve.dmag_err).max() < 5


def test_fewer_comparison_stars_than_asked_for_are_told_with_the_reasons(copies: Series) -> None:
    with pytest.raises(SeriesError, match=r"Only \d+ usable .*\(left out: .*too far away\)"):
        measure(copies, min_comparisons=50, comparison_max_separation=1.5)


def test_given_comparison_stars_that_are_not_there_are_told(copies: Series) -> None:
    from example_photometry.settings import GivenStar

    with pytest.raises(SeriesError, match=r"no star at 10\.00000 \+10\.00000"):
        measure(copies, comparison_stars=(GivenStar(10.0, 10.0),))


def test_the_mesh_background_gives_the_same_curve(made: Series) -> None:
    ring, _ = measure(made)
    mesh, _ = measure(made, background="mesh")
    difference = ring.curve.dmag - mesh.curve.dmag
    assert np.std(difference) < 0.004


@pytest.mark.parametrize(
    ("aperture", "radius", "inner", "outer"),
    [("pixel", 5.0, 14.0, 22.0), ("arcsec", 3.5, 10.0, 16.0), ("fwhm", 1.3, 4.0, 7.0)],
)
def test_radii_can_be_given_in_each_unit(
    made: Series, aperture: str, radius: float, inner: float, outer: float
) -> None:
    series, _ = measure(
        made, aperture=aperture, aperture_radius=radius, annulus_inner=inner, annulus_outer=outer
    )
    result = series.curve.results[0]
    pixels = {"pixel": 1.0, "arcsec": 1 / 0.75, "fwhm": result.fwhm}[aperture]
    assert result.radii[0] == pytest.approx(radius * pixels, rel=1e-3)
    assert result.r_out == pytest.approx(outer * pixels, rel=1e-3)
    assert np.std(off(series, made)) < 0.01


def test_a_trend_with_airmass_is_taken_out_when_asked(copies: Series) -> None:
    from astropy.coordinates import EarthLocation
    from example_photometry.times import barycentric, read_exposure

    site = EarthLocation.from_geodetic(-70.8046, -30.1674, 2201)
    mids = [read_exposure(fits.getheader(path)).mid for path in copies.paths]
    airmass = barycentric(mids, copies.target_ra, copies.target_dec, site).airmass
    assert np.ptp(airmass) > 0.05
    before, _ = measure(copies)
    after, _ = measure(copies, detrend="airmass")
    slope = [np.polyfit(airmass, s.curve.dmag, 1)[0] for s in (before, after)]
    assert abs(slope[1]) < 0.5 * abs(slope[0]) + 0.05


def test_what_is_kept_does_not_grow_with_the_size_of_the_frames(made: Series) -> None:
    import pickle

    series, _ = measure(made)
    per_frame = len(pickle.dumps(series.curve.results)) / len(series.curve.results)
    assert per_frame < 60_000
