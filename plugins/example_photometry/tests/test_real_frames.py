"""Real frames: a transit, LCO frames, a Source Extractor catalogue, and awkward files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from example_photometry.catalogue import CatalogueSettings, make_catalogue, measure_at
from example_photometry.errors import FrameError, SeriesError
from example_photometry.flags import Flag
from example_photometry.frames import inspect, read
from example_photometry.series import Silent, measure_series
from example_photometry.settings import Settings
from example_photometry.target import Target
from scipy.optimize import least_squares
from scipy.spatial import KDTree

HAT_P_32 = Target(31.042825, 46.687836, "HAT-P-32")
PDS_110 = Target(80.8792, -1.073244, "PDS 110")


# -- catalogues ------------------------------------------------------------------------------------


def test_all_sources_of_a_sextractor_catalogue_are_found_with_its_fluxes(real_data: Path) -> None:
    frame = read(inspect(real_data / "sep_field" / "image.fits"))
    table = make_catalogue(
        frame, CatalogueSettings(threshold=1.5, deblend=1.0, aperture="pixel", aperture_radius=5)
    )
    truth = Table.read(real_data / "sep_field" / "image.cat", format="ascii.sextractor")
    nearest, index = _match(table, truth["X_IMAGE"] - 1, truth["Y_IMAGE"] - 1)
    assert (nearest < 1).sum() == len(truth) == 65
    clean = np.array(truth["FLAGS"]) == 0
    off = _off(table["flux"].value[index], truth["FLUX_APER"])[clean]
    assert np.median(np.abs(off)) <= 0.001
    assert np.percentile(np.abs(off), 95) <= 0.006


@pytest.mark.parametrize(("background", "bar"), [("mesh", 0.001), ("annulus", 0.006)])
def test_fluxes_of_an_lco_frame_agree_with_sextractor(
    real_data: Path, background: str, bar: float
) -> None:
    frame = read(inspect(real_data / "lco_pds110" / "ogg0m404-kb82-20170815-1159-e91.fits.fz"))
    settings = CatalogueSettings(
        aperture="pixel", aperture_radius=5, annulus_inner=14, annulus_outer=24,
        background=background,  # type: ignore[arg-type]
    )  # fmt: skip
    table = make_catalogue(frame, settings)
    (path,) = (real_data / "lco_pds110").glob("*1159*.cat")
    truth = Table.read(path, format="ascii.sextractor")
    nearest, index = _match(table, truth["X_IMAGE"] - 1, truth["Y_IMAGE"] - 1)
    good = (nearest < 1) & (np.array(truth["FLAGS"]) == 0)
    good &= np.array(truth["FLUX_APER_1"] / truth["FLUXERR_APER_1"]) > 20
    assert good.sum() > 90
    off = _off(table["flux"].value[index], truth["FLUX_APER_1"])[good]
    assert np.median(np.abs(off)) <= bar


def test_fluxes_agree_with_the_banzai_catalogue_in_the_file(real_data: Path) -> None:
    offs = []
    for number in (1159, 1160, 1161):
        (path,) = (real_data / "lco_pds110").glob(f"*-{number}-e91.fits.fz")
        with fits.open(path) as hdus:
            truth, scale = Table(hdus["CAT"].data), hdus["SCI"].header["PIXSCALE"]
        settings = CatalogueSettings(aperture="pixel", aperture_radius=3 / scale, mesh=32)
        x, y = (np.array(truth[axis], dtype=float) - 1 for axis in "XY")
        found = measure_at(read(inspect(path)), x, y, settings)
        good = np.array((truth["FLAG"] == 0) & (truth["FLUXAPER6"] / truth["FLUXERR6"] > 20))
        offs.append(_off(found.flux, truth["FLUXAPER6"])[good])
    off = np.concatenate(offs)
    assert len(off) > 300
    assert np.median(np.abs(off)) <= 0.003


def _match(table: Table, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    tree = KDTree(np.column_stack([table["x"].value, table["y"].value]))
    nearest, index = tree.query(np.column_stack([x, y]))
    return nearest, index


def _off(flux: np.ndarray, truth: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return -2.5 * np.log10(np.asarray(flux) / np.asarray(truth, dtype=float))


# -- a transit -------------------------------------------------------------------------------------


def _transit(time: np.ndarray, t0: float, ratio: float) -> np.ndarray:
    """
    Flux during a transit of HAT-P-32 b, by adding up small pieces of the star.

    Quadratic limb darkening (0.30, 0.25), a/R 6.123, inclination 88.98 degrees, 60 s exposures.
    """
    period, semi_major, inclination = 2.1500082, 6.123, np.radians(88.98)
    rings = (np.arange(400) + 0.5) / 400
    mu = np.sqrt(1 - rings**2)
    light = (1 - 0.30 * (1 - mu) - 0.25 * (1 - mu) ** 2) * rings
    flux = np.zeros(len(time))
    for step in (-20.0, 0.0, 20.0):  # the exposure in three parts
        phase = 2 * np.pi * (time + step / 86400 - t0) / period
        distance = semi_major * np.sqrt(
            np.sin(phase) ** 2 + (np.cos(phase) * np.cos(inclination)) ** 2
        )
        d, r = distance[:, None], rings[None, :]
        cosine = (d**2 + r**2 - ratio**2) / np.maximum(2 * d * r, 1e-12)
        hidden = np.arccos(np.clip(cosine, -1, 1)) / np.pi
        flux += 1 - (hidden * light).sum(axis=1) / light.sum()
    return flux / 3


@pytest.mark.slow
def test_a_real_transit_has_its_time_depth_and_scatter(real_data: Path) -> None:
    listener = Silent()
    paths = sorted((real_data / "hatp32_cutouts").glob("*.fits.fz"))
    (series,) = measure_series(paths, HAT_P_32, listener=listener)
    curve = series.curve
    assert listener.skipped == {}
    assert len(curve) == len(paths) == 142
    assert abs(curve.times.bjd_tdb[0] - 2458107.56985755) * 86400 <= 0.1

    time = curve.times.bjd_tdb - 2458107
    flux = 10 ** (-0.4 * (curve.dmag - np.median(curve.dmag)))
    airmass = curve.times.airmass - curve.times.airmass.mean()

    def model(p: np.ndarray) -> np.ndarray:
        return (p[2] + p[3] * airmass) * _transit(time, p[0], p[1])

    good = np.ones(len(time), dtype=bool)
    for _ in range(4):
        keep = good
        fit = least_squares(
            lambda p, keep=keep: (flux - model(p))[keep], [0.71, 0.15, 1.0, 0.0],
            x_scale=[1e-3, 1e-2, 1e-2, 1e-2],
        )  # fmt: skip
        residual = flux - model(fit.x)
        good = np.abs(residual) < 4 * 1.4826 * np.median(np.abs(residual[keep]))
    assert good.sum() >= 139
    assert 1.0857 * np.std(residual) <= 0.006
    assert abs(fit.x[0] - 0.7118) * 1440 <= 2.0
    assert abs(100 * fit.x[1] ** 2 - 2.36) <= 0.2
    # The fit takes out a slope in airmass, which the comparison stars' scatter still contains.
    assert 0.6 <= np.std(1.0857 * residual / curve.dmag_err) <= 1.25


# -- LCO -------------------------------------------------------------------------------------------


def test_an_lco_visit_is_steady_and_the_frame_with_a_failed_wcs_is_told(real_data: Path) -> None:
    listener = Silent()
    paths = sorted((real_data / "lco_pds110").glob("*.fits.fz"))
    (series,) = measure_series(paths, PDS_110, listener=listener)
    assert series.filter == "rp"
    assert np.std(series.curve.dmag, ddof=1) <= 0.009
    assert np.std(series.curve.dmag, ddof=1) / np.median(series.curve.dmag_err) < 2
    (reason,) = listener.skipped.values()
    assert "its stars do not match the reference" in reason


def test_a_failed_wcs_is_refused_when_nothing_else_is_there(real_data: Path) -> None:
    (path,) = (real_data / "lco_pds110").glob("*-1153-e91.fits.fz")
    with pytest.raises(SeriesError, match="WCSERR 4"):
        measure_series([path], PDS_110)


# -- awkward files ---------------------------------------------------------------------------------

REASONS = {
    "lco_raw_mef_4amp_uint16.fits": "4 SCI images: this looks like raw multi-amplifier data",
    "lco_e90_one_row.fits.fz": "2027 x 1 pixels: too small",
    "no_date_no_wcs_sci_cat.fits.fz": "no observation time",
    "astropy_fixed-1890.fits": "all pixels are identical",
    "stis_raw_uint16_multi_imset.fits": "2 SCI images; give a file with one",
    "acs_flt_lookup_distortion.fits": "2 SCI images; give a file with one",
    "compressed_with_nan.fits": "12 x 12 pixels: too small",
    "m13_rice_old_dss.fits": "no observation time",
    "blank_keyword_int.fits": "1 x 1 pixels: too small",
    "table_only.fits": "contains no 2-D image",
    "derived/truncated_60pct.fits": "cut short .expected 109,440 bytes, has 65,664",
    "derived/empty.fits": "not a FITS file .it is empty",
    "derived/no_date_obs.fits": "no observation time",
}


@pytest.mark.parametrize("name", REASONS)
def test_an_awkward_file_is_refused_for_its_documented_reason(real_data: Path, name: str) -> None:
    with pytest.raises(FrameError, match=REASONS[name]):
        read(inspect(real_data / "awkward" / name))


def test_every_awkward_file_is_either_measured_or_has_a_reason(real_data: Path) -> None:
    listener = Silent()
    paths = sorted((real_data / "awkward").rglob("*.fits*"))
    found = measure_series(paths, HAT_P_32, listener=listener)
    measured = {r.info.name for series in found for r in series.curve.results}
    assert measured == {"good_plain_float32.fits", "no_wcs.fits"}
    assert len(listener.skipped) == len(paths) - 2
    assert all(len(reason) > 10 for reason in listener.skipped.values())


def test_a_frame_without_wcs_gives_the_same_magnitude_as_with_it(real_data: Path) -> None:
    folder = real_data / "awkward" / "derived"
    paths = [folder / "good_plain_float32.fits", folder / "no_wcs.fits"]
    (series,) = measure_series(paths, HAT_P_32)
    assert abs(series.curve.dmag[0] - series.curve.dmag[1]) < 1e-6


def test_blank_pixels_over_the_target_give_no_magnitude(real_data: Path) -> None:
    folder = real_data / "awkward" / "derived"
    listener = Silent()
    paths = [folder / "good_plain_float32.fits", folder / "nan_over_target.fits"]
    (series,) = measure_series(paths, HAT_P_32, listener=listener)
    assert len(series.curve) == 1
    assert "good pixels" in listener.skipped["nan_over_target.fits"]


def test_a_cut_out_with_sip_distortion_but_no_star_is_told_so(real_data: Path) -> None:
    path = real_data / "awkward" / "feder_wasp10_tan_sip_90px.fits"
    frame = read(inspect(path))
    assert frame.wcs is not None
    assert frame.wcs.sip is not None
    ra, dec = (float(v) for v in frame.wcs.all_pix2world(30.0, 60.0, 0))
    info = inspect(path, target=Target(ra, dec))
    assert info.at == pytest.approx((30.0, 60.0), abs=0.01)
    with pytest.raises(FrameError, match="no source above 5 sigma"):
        make_catalogue(frame)
    with pytest.raises(SeriesError, match="No star was found on any of 1 frames"):
        measure_series([path], Target(ra, dec))


def test_one_plane_of_a_raw_cube_with_a_list_for_a_gain_is_read(real_data: Path) -> None:
    info = inspect(real_data / "awkward" / "lco_raw_cube_1plane.fits.fz")
    assert info.shape == (1024, 1040)
    assert np.isnan(info.gain)
    assert read(info).pixels.shape == info.shape


def test_an_untouched_frame_with_local_time_is_read_in_utc(real_data: Path) -> None:
    (path,) = (real_data / "hatp32_originals").iterdir()
    info = inspect(path)
    assert info.exposure.mid.isot == "2017-12-20T01:34:13.317"
    assert "local time" in info.exposure.notes[0]
    with pytest.raises(SeriesError, match="No frame has sky coordinates"):
        measure_series([path], HAT_P_32)


def test_an_untouched_frame_is_measured_where_the_user_says(real_data: Path) -> None:
    (path,) = (real_data / "hatp32_originals").iterdir()
    table = make_catalogue(read(inspect(path)))
    row = table[5]
    at = (float(row["x"].value) + 0.4, float(row["y"].value) - 0.4)
    (series,) = measure_series([path], HAT_P_32, Settings(target_xy=at))
    point = series.curve.results[0]
    assert np.hypot(point.x[0] - row["x"].value, point.y[0] - row["y"].value) < 1
    assert not int(series.curve.flags[0]) & int(Flag.FORCED)
