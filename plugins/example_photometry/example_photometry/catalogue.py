"""Every source of one frame: a catalogue with positions, fluxes, magnitudes and shapes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import sep
from astropy import units as u
from astropy.table import QTable
from numpy.typing import NDArray

from example_photometry.apertures import Sky, cut_stamps, flux_error, ring_sky
from example_photometry.detection import clip_level, detect, sky_mesh
from example_photometry.errors import FrameError
from example_photometry.field import LINEAR
from example_photometry.flags import Flag, names
from example_photometry.frames import Frame, pixel_scale
from example_photometry.lightcurve import MAG_PER_RELATIVE_FLUX

FloatArray = NDArray[np.float64]

BLOCK = 500
"""Sources whose rings are cut out at once."""


@dataclass(frozen=True)
class CatalogueSettings:
    """
    How to make a catalogue.

    Parameters
    ----------
    threshold : float
        Detection, in standard deviations of the sky.
    min_area : int
        Pixels above the threshold.
    deblend : float
        Smallest part of the light that is a source of its own; 1: no deblending.
    aperture : str
        Unit of the radii: ``fwhm``, ``arcsec`` or ``pixel``.
    aperture_radius, annulus_inner, annulus_outer : float
    background : str
        ``mesh`` or ``annulus``.
    mesh : int
        Pixels.
    zero_point_value : float
        Magnitude of one count per second.
    """

    threshold: float = 5.0
    min_area: int = 5
    deblend: float = 0.005
    aperture: Literal["fwhm", "arcsec", "pixel"] = "fwhm"
    aperture_radius: float = 1.5
    annulus_inner: float = 4.0
    annulus_outer: float = 7.0
    background: Literal["mesh", "annulus"] = "mesh"
    mesh: int = 64
    zero_point_value: float = 25.0


def make_catalogue(frame: Frame, settings: CatalogueSettings | None = None) -> QTable:
    """
    Find and measure all sources of a frame, brightest first.

    Parameters
    ----------
    frame : Frame
    settings : CatalogueSettings or None

    Returns
    -------
    astropy.table.QTable
        ``x``, ``y`` are barycentres, 0-based; ``ra``, ``dec`` are NaN without a WCS. ``meta`` holds
        ``fwhm``, ``aperture`` (pixels) and the settings.

    Raises
    ------
    FrameError
        If there is no source.
    """
    settings = settings or CatalogueSettings()
    info = frame.info
    sky_map = sky_mesh(frame, settings.mesh)
    sources = detect(
        frame, threshold=settings.threshold, min_area=settings.min_area,
        deblend=settings.deblend, sky=sky_map,
    )  # fmt: skip
    if not len(sources):
        raise FrameError(f"no source above {settings.threshold:g} sigma of the sky.")
    fwhm = sources.typical_fwhm
    x, y = sources.isophotal_x, sources.isophotal_y
    found = measure_at(frame, x, y, settings, fwhm=fwhm, sky_map=sky_map)
    flux, error, sky, flags = found.flux, found.flux_err, found.sky, found.flags
    saturation = min(info.saturation, clip_level(frame))
    flags[sources.peak >= LINEAR * saturation] |= int(Flag.SATURATED)
    flags[(sources.flag & 3) != 0] |= int(Flag.BLENDED)
    flags[sources.cosmic] |= int(Flag.COSMIC_RAY)
    seconds = info.exposure.exptime if info.exposure.exptime > 0 else 1.0
    with np.errstate(invalid="ignore", divide="ignore"):
        mag = settings.zero_point_value - 2.5 * np.log10(np.where(flux > 0, flux, np.nan) / seconds)
        mag_err = np.where(flux > 0, MAG_PER_RELATIVE_FLUX * error / flux, np.nan)
    ra = dec = np.full(len(x), np.nan)
    if frame.wcs is not None:
        ra, dec = frame.wcs.all_pix2world(x, y, 0, ra_dec_order=True)

    table = QTable()
    table["id"] = np.arange(1, len(x) + 1)
    table["x"], table["y"] = x * u.pixel, y * u.pixel
    table["ra"], table["dec"] = ra * u.deg, dec * u.deg
    table["flux"], table["flux_err"] = flux * u.adu, error * u.adu
    table["mag"], table["mag_err"] = mag * u.mag, mag_err * u.mag
    table["sky"], table["sky_sigma"] = sky.level * u.adu, sky.sigma * u.adu
    table["peak"] = sources.peak * u.adu
    table["fwhm"] = sources.fwhm * u.pixel
    table["elongation"] = sources.elongation
    table["flags"] = flags
    table["flag_text"] = [names(flag) for flag in flags]
    table.meta = {
        "file": info.name,
        "filter": info.filter,
        "mjd_utc_mid": float(info.exposure.mid.mjd),
        "exptime": float(info.exposure.exptime),
        "fwhm": float(fwhm),
        "aperture": float(found.aperture),
        "wcs_failed": info.wcs_failed,
        "settings": dict(vars(settings)),
    }
    return table


@dataclass(frozen=True)
class Measured:
    """Fluxes (N,) in counts, their sky, ``flags`` and the radius of the aperture in pixels."""

    flux: FloatArray
    flux_err: FloatArray
    sky: Sky
    flags: NDArray[np.int_]
    aperture: float


def measure_at(
    frame: Frame,
    x: FloatArray,
    y: FloatArray,
    settings: CatalogueSettings,
    *,
    fwhm: float = np.nan,
    sky_map: Any = None,
) -> Measured:
    """
    Sum the light at given places.

    Parameters
    ----------
    frame : Frame
    x, y : (N,) arrays
        Pixels, 0-based.
    settings : CatalogueSettings
    fwhm : float
        Pixels, for radii in multiples of it.
    sky_map : sep.Background or None

    Raises
    ------
    FrameError
        If radii in arcseconds meet a frame without a WCS.
    """
    info = frame.info
    unit = 1.0
    if settings.aperture == "fwhm":
        unit = fwhm if np.isfinite(fwhm) else 3.0
    elif settings.aperture == "arcsec":
        if frame.wcs is None:
            raise FrameError("no sky coordinates (WCS): give the radius in pixels or FWHM.")
        unit = 1 / pixel_scale(frame.wcs)
    radius = settings.aperture_radius * unit
    if settings.background == "mesh":
        sky_map = sky_mesh(frame, settings.mesh) if sky_map is None else sky_map
        flux, sky = _with_mesh(frame, sky_map, x, y, radius)
    else:
        rings = settings.annulus_inner * unit, settings.annulus_outer * unit
        flux, sky = _with_rings(frame, x, y, radius, *rings)
    bad = np.zeros(len(x))
    if frame.bad.any():
        bad, _, _ = sep.sum_circle(frame.bad.astype(np.float32), x, y, radius, subpix=0)
    area = np.maximum(np.pi * radius**2 - bad, 0.0)
    error = flux_error(flux[:, None], area[:, None], sky, info.gain, info.read_noise)[:, 0]
    ny, nx = info.shape
    flags = np.zeros(len(x), dtype=int)
    edge = np.minimum(np.minimum(x, nx - 1 - x), np.minimum(y, ny - 1 - y)) + 0.5
    flags[edge < radius] |= int(Flag.EDGE)
    flags[bad > 0.01] |= int(Flag.MASKED)
    if np.isnan(info.gain):
        flags |= int(Flag.NO_GAIN)
    return Measured(flux, error, sky, flags, radius)


def _with_mesh(
    frame: Frame, sky_map: Any, x: FloatArray, y: FloatArray, radius: float
) -> tuple[FloatArray, Sky]:
    level = sky_map.back(dtype=np.float32)
    sigma = sky_map.rms(dtype=np.float32)
    flux, _, _ = sep.sum_circle(frame.pixels - level, x, y, radius, mask=frame.mask, subpix=0)
    ny, nx = frame.info.shape
    row = np.clip(np.rint(y).astype(int), 0, ny - 1)
    column = np.clip(np.rint(x).astype(int), 0, nx - 1)
    # A mesh cell is so large that its own error does not count.
    pixels = np.full(len(x), 1e6)
    return flux, Sky(level[row, column].astype(float), sigma[row, column].astype(float), pixels)


def _with_rings(
    frame: Frame, x: FloatArray, y: FloatArray, radius: float, r_in: float, r_out: float
) -> tuple[FloatArray, Sky]:
    levels, sigmas, counts = [], [], []
    for first in range(0, len(x), BLOCK):
        part = slice(first, first + BLOCK)
        stamps = cut_stamps(frame.pixels, frame.bad, x[part], y[part], int(np.ceil(r_out)) + 1)
        sky = ring_sky(stamps, x[part], y[part], r_in, r_out)
        levels.append(sky.level)
        sigmas.append(sky.sigma)
        counts.append(sky.pixels)
    found = Sky(np.concatenate(levels), np.concatenate(sigmas), np.concatenate(counts))
    total, _, _ = sep.sum_circle(frame.pixels, x, y, radius, mask=frame.mask, subpix=0)
    return total - np.pi * radius**2 * found.level, found
