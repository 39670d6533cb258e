"""One frame, one star: from its sky coordinates to a flux with an error."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from example_photometry.apertures import (
    Centres,
    cut_stamps,
    find_centres,
    flux_error,
    measure_fwhm,
    ring_sky,
    subtract_sky,
    sum_apertures,
)
from example_photometry.errors import FrameError
from example_photometry.flags import Flag
from example_photometry.frames import Frame

MAG_PER_RELATIVE_FLUX = 2.5 / math.log(10)
FIRST_FWHM = 4.0
NEARLY_SATURATED = 0.9
SURE = 5.0
"""Signal to noise from which a centre is believed."""


@dataclass(frozen=True)
class Apertures:
    """
    Radii of the aperture and of the sky ring.

    Parameters
    ----------
    unit : str
        What the radii are multiples of: the frame's ``fwhm``, an ``arcsec`` or a ``pixel``.
    """

    unit: Literal["fwhm", "arcsec", "pixel"] = "fwhm"
    radius: float = 1.5
    r_in: float = 4.0
    r_out: float = 7.0


@dataclass(frozen=True)
class Measurement:
    """What one frame says about the target; positions and radii in pixels, fluxes in counts."""

    x: float
    y: float
    fwhm: float
    aperture: float
    r_in: float
    r_out: float
    sky: float
    sky_sigma: float
    flux: float
    flux_err: float
    peak: float
    flags: Flag

    @property
    def mag_inst(self) -> float:
        """-2.5 log10 of the flux in counts; NaN for a flux that is not positive."""
        return -2.5 * math.log10(self.flux) if self.flux > 0 else math.nan

    @property
    def mag_err(self) -> float:
        return MAG_PER_RELATIVE_FLUX * self.flux_err / self.flux if self.flux > 0 else math.nan


def measure_target(
    frame: Frame, ra: float, dec: float, apertures: Apertures, max_shift: float = 3.0
) -> Measurement:
    """
    Find the star at given coordinates, centre on it and sum its light.

    Parameters
    ----------
    frame : Frame
        With a WCS.
    ra, dec : float
        ICRS degrees.
    apertures : Apertures
    max_shift : float
        Arcseconds or pixels, whichever is larger: how far the star may be from its coordinates.

    Raises
    ------
    FrameError
        If the target cannot be measured on this frame.
    """
    info = frame.info
    if frame.wcs is None:
        raise FrameError("no sky coordinates (WCS); plate-solve it.")
    if info.wcs_failed:
        raise FrameError(f"WCS failed ({info.wcs_failed}): its coordinates cannot be trusted.")
    x, y = _position(frame, ra, dec)
    scale = float(np.sqrt(np.abs(np.linalg.det(frame.wcs.pixel_scale_matrix)))) * 3600
    reach = max(max_shift, max_shift / scale)

    half = math.ceil(5 * FIRST_FWHM)
    at = np.array([x]), np.array([y])
    stamps = cut_stamps(frame.pixels, frame.bad, *at, half=half)
    sky = ring_sky(stamps, *at, r_in=half / 2, r_out=half)
    clean = subtract_sky(stamps, sky)
    rough = find_centres(clean, *at, fwhm=1.5 * FIRST_FWHM, max_shift=reach)
    fwhm = float(measure_fwhm(clean, rough.x, rough.y, r_max=3 * FIRST_FWHM)[0])
    if not 0.8 <= fwhm <= 3 * FIRST_FWHM:
        fwhm = FIRST_FWHM
    unit = {"fwhm": fwhm, "arcsec": 1 / scale, "pixel": 1.0}[apertures.unit]
    radius, r_in, r_out = (unit * r for r in (apertures.radius, apertures.r_in, apertures.r_out))
    _check_edges(info.shape, x, y, radius, r_out)

    half = math.ceil(r_out + reach + 1)
    stamps = cut_stamps(frame.pixels, frame.bad, rough.x, rough.y, half=half)
    sky = ring_sky(stamps, rough.x, rough.y, r_in, r_out)
    if math.isnan(sky.level[0]):
        raise FrameError("the sky ring around the target holds no good pixels.")
    clean = subtract_sky(stamps, sky)
    centre = find_centres(clean, rough.x, rough.y, fwhm=fwhm, max_shift=reach)
    flags = Flag(0)
    sums = sum_apertures(clean, stamps, centre.x, centre.y, np.array([radius]))
    error = flux_error(sums.flux, sums.area, sky, info.gain, info.read_noise)
    if not (rough.found[0] and centre.found[0]) or sums.flux[0, 0] < SURE * error[0, 0]:
        # A centroid of noise finds the brightest noise: what is there has to be measured instead.
        flags |= Flag.FORCED
        centre = Centres(*at, np.array([False]))
        sums = sum_apertures(clean, stamps, *at, np.array([radius]))
        error = flux_error(sums.flux, sums.area, sky, info.gain, info.read_noise)

    if sums.bad[0, 0] > 0.01:
        flags |= Flag.MASKED
    if sums.peak[0] >= NEARLY_SATURATED * info.saturation:
        flags |= Flag.SATURATED
    if math.isnan(info.gain):
        flags |= Flag.NO_GAIN
    if not info.exposure.accurate:
        flags |= Flag.TIME_COARSE
    return Measurement(
        float(centre.x[0]), float(centre.y[0]), fwhm, radius, r_in, r_out,
        float(sky.level[0]), float(sky.sigma[0]), float(sums.flux[0, 0]), float(error[0, 0]),
        float(sums.peak[0]), flags,
    )  # fmt: skip


def _position(frame: Frame, ra: float, dec: float) -> tuple[float, float]:
    """Pixel position of sky coordinates that lie on the frame."""
    assert frame.wcs is not None
    centre = frame.wcs.all_pix2world(frame.info.shape[1] / 2, frame.info.shape[0] / 2, 0)
    distance = _separation(ra, dec, float(centre[0]), float(centre[1]))
    ny, nx = frame.info.shape
    if distance < 90:
        # Distorted systems do not converge far outside the image: try the linear one there.
        x, y = (float(v) for v in frame.wcs.wcs_world2pix(ra, dec, 0))
        if -nx < x < 2 * nx and -ny < y < 2 * ny:
            x, y = (float(v) for v in frame.wcs.all_world2pix(ra, dec, 0, quiet=True))
        if 0 <= x < nx and 0 <= y < ny:
            return x, y
    raise FrameError(f"the target is outside the image ({distance:.2f} deg from its centre).")


def _separation(ra1: float, dec1: float, ra2: float, dec2: float) -> float:
    """Great-circle distance in degrees."""
    a1, d1, a2, d2 = (math.radians(v) for v in (ra1, dec1, ra2, dec2))
    half = math.sin((d2 - d1) / 2) ** 2 + math.cos(d1) * math.cos(d2) * math.sin((a2 - a1) / 2) ** 2
    return math.degrees(2 * math.asin(min(1.0, math.sqrt(half))))


def _check_edges(shape: tuple[int, int], x: float, y: float, radius: float, r_out: float) -> None:
    distance = min(x, y, shape[1] - 1 - x, shape[0] - 1 - y)
    if distance < r_out:
        raise FrameError(
            f"the target is {distance:.0f} px from the edge (the sky ring needs {r_out:.0f} px)."
        )
