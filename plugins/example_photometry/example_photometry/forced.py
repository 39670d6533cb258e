"""
One frame: all stars of a field measured at their places.

:func:`measure_frame` is a pure function of a file and a plan. Both can be pickled and nothing here
imports Django, so that worker processes can call it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from example_photometry import cosmics
from example_photometry.alignment import align
from example_photometry.apertures import (
    Stamps,
    cut_stamps,
    find_centres,
    flux_error,
    measure_fwhm,
    ring_sky,
    subtract_sky,
    sum_apertures,
)
from example_photometry.detection import sky_mesh
from example_photometry.errors import FrameError
from example_photometry.field import LINEAR, Field
from example_photometry.flags import Flag
from example_photometry.frames import Frame, FrameInfo, pixel_scale, read
from example_photometry.settings import SMALLEST_RADIUS, Settings
from example_photometry.target import Target

FloatArray = NDArray[np.float64]

RING_PIXELS = 100
SHARP_CENTRE = 20.0
"""Signal to noise from which a star's own centroid is better than the frame's common shift."""
LARGEST_SHIFT = 1.5
"""Pixels between the two."""
WIDTH_STARS = 20


@dataclass(frozen=True)
class Plan:
    """What to measure and how."""

    field: Field
    settings: Settings
    target: Target


@dataclass(frozen=True)
class FrameResult:
    """
    N stars in K apertures on one frame; row 0 is the target.

    Parameters
    ----------
    info : FrameInfo
    x, y : (N,) arrays
        Pixels.
    fwhm : float
        Pixels.
    scale : float
        Arcseconds per pixel; NaN without a WCS.
    radii : (K,) array
        Pixels.
    r_in, r_out : float
        Of the sky ring, pixels.
    flux, flux_err : (N, K) arrays
        Counts; NaN where a star could not be measured.
    sky, sky_sigma, peak : (N,) arrays
        Counts.
    flags : (N, K) int array
    foreign : (N, K) array
        Light that does not fit the profile of a star, relative to the flux.
    shift : float
        Pixels between the WCS and the stars.
    """

    info: FrameInfo
    x: FloatArray
    y: FloatArray
    fwhm: float
    scale: float
    radii: FloatArray
    r_in: float
    r_out: float
    flux: FloatArray
    flux_err: FloatArray
    sky: FloatArray
    sky_sigma: FloatArray
    peak: FloatArray
    flags: NDArray[np.int_]
    foreign: FloatArray
    shift: float


def measure_frame(info: FrameInfo, plan: Plan) -> FrameResult:
    """
    Measure all stars of a plan on one file.

    Raises
    ------
    FrameError
        If the frame or the target on it cannot be measured.
    """
    return measure_image(read(info), plan)


def measure_image(frame: Frame, plan: Plan) -> FrameResult:
    """The same for an image in memory."""
    info, field, settings = frame.info, plan.field, plan.settings
    trusted = frame.wcs is not None and not info.wcs_failed and np.isfinite(field.ra).all()
    predicted = None
    if trusted:
        assert frame.wcs is not None
        predicted = frame.wcs.all_world2pix(*_places(info, plan), 0, ra_dec_order=True, quiet=True)
    placed = align(frame, predicted, (field.x, field.y), field.bright, field.fwhm, field.flux)
    _check_target(info, placed.x[0], placed.y[0], 0.0)
    scale = pixel_scale(frame.wcs) if trusted else field.scale

    sky_map = sky_mesh(frame) if settings.background == "mesh" else None
    fwhm = _frame_fwhm(frame, placed.x, placed.y, field)
    unit = settings.pixels_per_unit(fwhm, scale)
    radii = np.maximum(np.array(settings.factors()) * unit, SMALLEST_RADIUS)
    r_in = max(settings.annulus_inner * unit, radii.max() + 0.5)
    r_out = max(settings.annulus_outer * unit, r_in + 3.0)

    # A star whose circle does not fit is measured nowhere; its place must still be a number.
    half = int(np.ceil(r_out)) + 2
    stamps = cut_stamps(frame.pixels, frame.bad, placed.x, placed.y, half)
    sky = ring_sky(stamps, placed.x, placed.y, r_in, r_out)
    if sky.pixels[0] < RING_PIXELS:
        _check_target(info, placed.x[0], placed.y[0], r_out)
        raise FrameError(
            f"the sky ring around the target has {sky.pixels[0]:.0f} good pixels "
            f"(it needs {RING_PIXELS})."
        )
    if sky_map is not None:
        level = sky_map.back(dtype=np.float32)
        ny, nx = info.shape
        row = np.clip(np.rint(placed.y).astype(int), 0, ny - 1)
        column = np.clip(np.rint(placed.x).astype(int), 0, nx - 1)
        local = np.where(np.isnan(sky.level), np.nan, level[row, column])
        mesh = cut_stamps(frame.pixels - level, frame.bad, placed.x, placed.y, half)
        sky = type(sky)(local, sky.sigma, np.full(len(local), 64.0**2))
        clean = Stamps(mesh.pixels, mesh.bad, mesh.left, mesh.bottom, mesh.size)
    else:
        clean = subtract_sky(stamps, sky)

    found = find_centres(
        clean, placed.x, placed.y, fwhm=fwhm, max_shift=max(LARGEST_SHIFT, 0.5 * fwhm)
    )
    # The signal at the common place decides whether a star's own centroid means anything.
    test = np.array([max(0.85 * fwhm, SMALLEST_RADIUS)])
    first = sum_apertures(clean, stamps, placed.x, placed.y, test)
    noise = flux_error(first.flux, first.area, sky, info.gain, info.read_noise)
    sharp = found.found & (first.flux[:, 0] > SHARP_CENTRE * noise[:, 0])
    x, y = np.where(sharp, found.x, placed.x), np.where(sharp, found.y, placed.y)

    sums = sum_apertures(clean, stamps, x, y, radii)
    error = flux_error(sums.flux, sums.area, sky, info.gain, info.read_noise)
    flags = _flags(frame, field, sums.peak, sums.bad, sums.flux, x, y, radii, placed.by_stars)
    forced = ~found.found & (first.flux[:, 0] > 5 * noise[:, 0])
    forced[0] |= not field.locked and not sharp[0]
    flags[forced] |= int(Flag.FORCED)
    foreign = np.zeros(flags.shape)
    if settings.cosmic_rays != "off":
        usable = (flags[:, 0] & int(Flag.SATURATED | Flag.MASKED | Flag.EDGE)) == 0
        hits, foreign = cosmics.find_hits(
            clean, x, y, sums.flux, error, radii, sky.sigma, info.gain, fwhm, usable
        )
        flags[hits] |= int(Flag.COSMIC_RAY)
    if (flags[0, 0] & int(Flag.EDGE)) != 0:
        _check_target(info, x[0], y[0], radii.min())
    return FrameResult(
        info, x, y, fwhm, scale, radii, r_in, r_out, sums.flux, error, sky.level, sky.sigma,
        sums.peak, flags, foreign, placed.shift,
    )  # fmt: skip


def _places(info: FrameInfo, plan: Plan) -> tuple[FloatArray, FloatArray]:
    """Sky coordinates of the stars when this frame was taken: the target may move."""
    field, target = plan.field, plan.target
    ra, dec = field.ra.copy(), field.dec.copy()
    then = target.at(field.reference.exposure.mid.mjd)
    now = target.at(info.exposure.mid.mjd)
    ra[0], dec[0] = ra[0] + now[0] - then[0], dec[0] + now[1] - then[1]
    return ra, dec


def _check_target(info: FrameInfo, x: float, y: float, margin: float) -> None:
    ny, nx = info.shape
    distance = min(x, y, nx - 1 - x, ny - 1 - y)
    if distance < 0:
        raise FrameError(f"the target is {-distance:.0f} px outside the image.")
    if distance < margin:
        raise FrameError(
            f"the target is {distance:.0f} px from the edge (it needs {margin:.0f} px)."
        )


def _frame_fwhm(frame: Frame, x: FloatArray, y: FloatArray, field: Field) -> float:
    """Seeing of a frame from its brightest comparison stars, pixels."""
    some = field.bright[:WIDTH_STARS]
    ny, nx = frame.info.shape
    fwhm = field.fwhm
    for _ in range(2):
        margin = 2 * fwhm
        inside = (x[some] > margin) & (x[some] < nx - 1 - margin)
        inside &= (y[some] > margin) & (y[some] < ny - 1 - margin)
        at = x[some][inside], y[some][inside]
        if not len(at[0]):
            return fwhm
        half = int(np.ceil(5 * fwhm))
        stamps = cut_stamps(frame.pixels, frame.bad, *at, half=half)
        clean = subtract_sky(stamps, ring_sky(stamps, *at, r_in=3.5 * fwhm, r_out=5 * fwhm))
        widths = measure_fwhm(clean, *at, r_max=3 * fwhm)
        if not np.isfinite(widths).any():
            return fwhm
        before, fwhm = fwhm, float(np.clip(np.nanmedian(widths), 1.0, 30.0))
        if abs(fwhm / before - 1) < 0.25:
            break
    return fwhm


def _flags(
    frame: Frame,
    field: Field,
    peak: FloatArray,
    bad: FloatArray,
    flux: FloatArray,
    x: FloatArray,
    y: FloatArray,
    radii: FloatArray,
    by_stars: bool,
) -> NDArray[np.int_]:
    info = frame.info
    ny, nx = info.shape
    flags = np.zeros(flux.shape, dtype=np.int_)
    edge = np.minimum(np.minimum(x, nx - 1 - x), np.minimum(y, ny - 1 - y))
    flags[edge[:, None] + 0.5 < radii[None, :]] |= int(Flag.EDGE)
    flags[bad > 0.01] |= int(Flag.MASKED)
    limit = LINEAR * min(info.saturation, field.saturation)
    flags[peak >= limit] |= int(Flag.SATURATED)
    common = Flag(0)
    if by_stars or info.wcs_failed:
        common |= Flag.WCS_SUSPECT
    if np.isnan(info.gain):
        common |= Flag.NO_GAIN
    if not info.exposure.accurate:
        common |= Flag.TIME_COARSE
    return flags | int(common)
