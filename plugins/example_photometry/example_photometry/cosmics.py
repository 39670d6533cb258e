"""
Cosmic rays and bad pixels inside apertures.

Every star of a frame has the same profile. The profile is the median of the brighter stars, each
shifted to a common centre and scaled to unit flux; how far stars differ from it shows how well it
is known, pixel by pixel. What exceeds both that and the noise is not the star's light.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from example_photometry.apertures import Stamps, cut_stamps

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

PROFILE_SIGNAL = 40.0
"""Signal to noise of stars that show the profile."""
PROFILE_STARS = 5
CLEAR = 6.0
"""Standard deviations of a pixel that is not the star's."""
MATTERS = 1.5
"""Errors of the flux that the excess has to reach."""


def find_hits(
    clean: Stamps,
    x: FloatArray,
    y: FloatArray,
    flux: FloatArray,
    flux_err: FloatArray,
    radii: FloatArray,
    sky_sigma: FloatArray,
    gain: float,
    fwhm: float,
    usable: BoolArray,
) -> tuple[BoolArray, FloatArray]:
    """
    Stars whose aperture holds light that is not theirs.

    Parameters
    ----------
    clean : Stamps
        Sky subtracted, N squares.
    x, y : (N,) arrays
        Image positions.
    flux, flux_err : (N, K) arrays
        Counts.
    radii : (K,) array
        Pixels.
    sky_sigma : (N,) array
        Counts per pixel.
    gain : float
        Electrons per count, or NaN.
    fwhm : float
        Pixels.
    usable : (N,) bool array
        Stars that may show the profile and can be judged.

    Returns
    -------
    hits : (N, K) bool array
        All False when too few stars show the profile.
    foreign : (N, K) array
        That light relative to the star's flux; negative for dead pixels, 0 where nothing is clear.
    """
    hits = np.zeros(flux.shape, dtype=bool)
    foreign = np.zeros(flux.shape)
    middle = int(np.argmin(np.abs(radii - 1.2 * fwhm)))
    with np.errstate(invalid="ignore", divide="ignore"):
        signal = flux[:, middle] / flux_err[:, middle]
        usable = usable & (signal > 5)
    shows = usable & (signal > PROFILE_SIGNAL)
    if shows.sum() < PROFILE_STARS:
        return hits, foreign
    reach = math.ceil(max(radii[middle], 1.5 * fwhm))
    axis = np.arange(-reach, reach + 1)
    # Small squares around the stars: the spline is made of all pixels that it gets.
    margin = 4
    small = cut_stamps(clean.pixels, clean.bad, *clean.to_stack(x, y), half=reach + margin)
    xs, ys = small.to_stack(*clean.to_stack(x, y))
    rows = ys[:, None, None] + axis[None, :, None] + 0 * axis[None, None, :]
    columns = xs[:, None, None] + axis[None, None, :] + 0 * axis[None, :, None]
    shifted = map_coordinates(small.pixels, [rows, columns], order=3, mode="constant")
    light = shifted[usable] / flux[usable, middle][:, None, None]
    showing = shows[usable]
    profile = np.median(light[showing], axis=0)
    spread = 1.4826 * np.median(np.abs(light[showing] - profile), axis=0)
    distance = np.hypot(axis[:, None], axis[None, :])
    scaled = flux[usable, middle][:, None, None]
    variance = sky_sigma[usable][:, None, None] ** 2
    if math.isfinite(gain):
        variance = variance + np.maximum(profile, 0) * scaled / gain
    noise = np.sqrt(variance + (spread * scaled) ** 2)
    excess = (light - profile) * scaled
    clear = np.abs(excess) > CLEAR * noise
    which = np.flatnonzero(usable)
    for column, radius in enumerate(radii):
        inside = distance <= radius + 0.5
        wrong = np.where(clear & inside, excess, 0.0).sum(axis=(1, 2))
        hits[which, column] = np.abs(wrong) > MATTERS * flux_err[which, column]
        foreign[which, column] = wrong / flux[which, column]
    return hits, foreign
