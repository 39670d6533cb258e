"""Results as astropy tables: what is written to ECSV, with units and the story in ``meta``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from astropy import units as u
from astropy.table import QTable

from example_photometry import __version__
from example_photometry.flags import names
from example_photometry.series import FilterSeries
from example_photometry.settings import Settings
from example_photometry.target import Target


def light_curve_table(
    series: FilterSeries,
    target: Target,
    settings: Settings,
    skipped: Mapping[str, str] | None = None,
    products: Mapping[Path, int] | None = None,
) -> QTable:
    """
    One row a frame, in order of time, with every number between the pixels and the magnitude.

    Parameters
    ----------
    series : FilterSeries
    target : Target
    settings : Settings
    skipped : mapping of str to str
        Files that were not used, and why.
    products : mapping of path to int
        Identifiers of the files in the TOM.
    """
    curve, products = series.curve, products or {}
    results, k = curve.results, curve.column
    table = QTable()
    table["file"] = [r.info.name for r in results]
    table["product_id"] = [products.get(r.info.path, 0) for r in results]
    table["date_utc_mid"] = [r.info.exposure.mid.isot for r in results]
    table["mjd_utc_mid"] = [r.info.exposure.mid.mjd for r in results] * u.day
    table["bjd_tdb"] = curve.times.bjd_tdb * u.day
    table["exptime"] = [r.info.exposure.exptime for r in results] * u.s
    table["airmass"] = curve.times.airmass
    table["filter"] = [r.info.filter for r in results]
    table["x"] = [r.x[0] for r in results] * u.pixel
    table["y"] = [r.y[0] for r in results] * u.pixel
    table["fwhm"] = [r.fwhm for r in results] * u.pixel
    table["fwhm_sky"] = [r.fwhm * r.scale for r in results] * u.arcsec
    table["aperture"] = [r.radii[k] for r in results] * u.pixel
    table["r_in"] = [r.r_in for r in results] * u.pixel
    table["r_out"] = [r.r_out for r in results] * u.pixel
    table["sky"] = [r.sky[0] for r in results] * u.adu
    table["sky_sigma"] = [r.sky_sigma[0] for r in results] * u.adu
    table["flux"] = [r.flux[0, k] for r in results] * u.adu
    table["flux_err"] = [r.flux_err[0, k] for r in results] * u.adu
    table["peak"] = [r.peak[0] for r in results] * u.adu
    table["mag_inst"] = curve.mag_inst * u.mag
    table["mag_inst_err"] = curve.mag_inst_err * u.mag
    comparison = curve.comparison
    nothing = np.full(len(curve), np.nan)
    table["zp"] = (nothing if comparison is None else comparison.zero_point) * u.mag
    table["zp_err"] = (nothing if comparison is None else comparison.zero_point_err) * u.mag
    table["n_comp"] = np.zeros(len(curve), dtype=int) if comparison is None else comparison.count
    table["dmag"], table["dmag_err"] = curve.dmag * u.mag, curve.dmag_err * u.mag
    table["mag"], table["mag_err"] = curve.mag * u.mag, curve.mag_err * u.mag
    table["limit"] = curve.limit * u.mag
    table["flags"] = curve.flags
    table["flag_text"] = [names(flag) for flag in curve.flags]
    table.meta = {
        "target": {"name": target.name, "ra": target.ra, "dec": target.dec},
        "filter": series.filter,
        "software": f"example_photometry {__version__}",
        "settings": _plain(asdict(settings)),
        "reference": series.field.reference.name,
        "aperture_unit": settings.unit(),
        "aperture_factor": float(curve.factor),
        "zero_point": float(curve.zero_point),
        "zero_point_err": float(curve.zero_point_err),
        "excess_scatter_mag": float(curve.excess),
        "chi": float(curve.chi),
        "comparison_stars": 0 if comparison is None else int(comparison.used.sum()),
        "skipped": dict(skipped or {}),
    }
    return table


def comparison_table(series: FilterSeries) -> QTable | None:
    """One row a comparison star: how it behaved and whether it was used; None without any."""
    comparison, field = series.curve.comparison, series.field
    if comparison is None:
        return None
    table = QTable()
    table["id"] = np.arange(1, len(field))
    table["ra"], table["dec"] = field.ra[1:] * u.deg, field.dec[1:] * u.deg
    table["x"], table["y"] = field.x[1:] * u.pixel, field.y[1:] * u.pixel
    table["mag_rel"] = comparison.offset * u.mag
    table["rms"] = comparison.rms * u.mag
    table["expected"] = _typical(comparison.expected) * u.mag
    table["chi"] = comparison.chi
    table["weight"] = comparison.weight
    table["n_frames"] = np.isfinite(comparison.residual).sum(axis=0)
    table["used"] = comparison.used
    table["reason"] = list(comparison.reason)
    table.meta = {"reference": field.reference.name, "left_out": dict(field.left_out)}
    return table


def _typical(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    result = np.full(values.shape[1], np.nan)
    some = np.isfinite(values).any(axis=0)
    result[some] = np.nanmedian(values[:, some], axis=0)
    return result


def _plain(value: Any) -> Any:
    """What YAML can hold."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    return str(value)


def safe_name(text: str) -> str:
    """A part of a file name: letters, digits, ``-`` and ``_`` only."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", text).strip("_") or "unknown"
