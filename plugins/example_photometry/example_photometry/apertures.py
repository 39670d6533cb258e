"""
Positions on an image become fluxes, sky levels and widths.

All stars of a frame are measured at once: a square around each is cut out and the squares are
stacked into one tall image, so that each step is one call of sep's C code, whatever the size of
the frame. No square sees its neighbour as long as apertures and rings stay inside.

Fluxes are sums over exact circles as in Source Extractor (Bertin & Arnouts 1996, A&AS 117, 393).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import sep
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

FWHM_PER_HALF_LIGHT_RADIUS = 1.9
"""Between a Gaussian (2.0) and a Moffat profile of beta 3 (1.6)."""


FEWEST_PIXELS = 10
"""Of a ring, for a median and a scatter."""


@dataclass(frozen=True)
class Stamps:
    """
    Squares around N positions, stacked in y.

    Parameters
    ----------
    pixels : (N * size, size) float32 array
    bad : (N * size, size) bool array
        True outside the image and for its bad pixels.
    left, bottom : (N,) int array
        Image coordinates of each square's first pixel.
    size : int
        Odd.
    """

    pixels: NDArray[np.float32]
    bad: BoolArray
    left: NDArray[np.intp]
    bottom: NDArray[np.intp]
    size: int

    @property
    def count(self) -> int:
        return len(self.left)

    def to_stack(self, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Image positions (N,) as positions in the tall image."""
        return x - self.left, y - self.bottom + np.arange(self.count) * self.size

    def to_image(self, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Positions in the tall image (N,) as image positions."""
        return x + self.left, y + self.bottom - np.arange(self.count) * self.size


def cut_stamps(
    pixels: NDArray[np.float32], bad: BoolArray, x: FloatArray, y: FloatArray, half: int
) -> Stamps:
    """
    Cut squares of ``2 * half + 1`` pixels around positions; what lies outside counts as bad.

    Parameters
    ----------
    pixels, bad : (ny, nx) arrays
    x, y : (N,) arrays
        Finite pixel positions, inside the image or not.
    half : int
    """
    ny, nx = pixels.shape
    size = 2 * half + 1
    left = np.rint(x).astype(np.intp) - half
    bottom = np.rint(y).astype(np.intp) - half
    tall = np.zeros((len(left) * size, size), dtype=np.float32)
    masked = np.ones(tall.shape, dtype=np.bool_)
    for n, (x0, y0) in enumerate(zip(left, bottom, strict=True)):
        xa, xb, ya, yb = max(x0, 0), min(x0 + size, nx), max(y0, 0), min(y0 + size, ny)
        if xa < xb and ya < yb:
            rows = slice(n * size + ya - y0, n * size + yb - y0)
            tall[rows, xa - x0 : xb - x0] = pixels[ya:yb, xa:xb]
            masked[rows, xa - x0 : xb - x0] = bad[ya:yb, xa:xb]
    return Stamps(tall, masked, left, bottom, size)


@dataclass(frozen=True)
class Sky:
    """Per star: level and scatter of the ring (counts per pixel), and its number of pixels."""

    level: FloatArray
    sigma: FloatArray
    pixels: FloatArray


def ring_sky(stamps: Stamps, x: FloatArray, y: FloatArray, r_in: float, r_out: float) -> Sky:
    """
    Median and scatter in a ring, after clipping at 3 sigma around the median.

    Parameters
    ----------
    x, y : (N,) arrays
        Image positions.
    r_in, r_out : float
        Pixels.

    Returns
    -------
    Sky
        NaN where fewer than ten pixels are left.
    """
    n, size = stamps.count, stamps.size
    axis = np.arange(size)
    dx = axis[None, :] - (x - stamps.left)[:, None]
    dy = axis[None, :] - (y - stamps.bottom)[:, None]
    r2 = dy[:, :, None] ** 2 + dx[:, None, :] ** 2
    inside = (r2 >= r_in**2) & (r2 <= r_out**2) & ~stamps.bad.reshape(n, size, size)
    # One row a star, the ring's pixels in front: sorting by "not inside" is stable and cheap.
    values = np.where(inside, stamps.pixels.reshape(n, size, size), np.nan).reshape(n, -1)
    values = np.sort(values, axis=1)[:, : max(int(inside.sum(axis=(1, 2)).max(initial=0)), 1)]
    level, sigma, count = _clipped(values)
    few = count < FEWEST_PIXELS
    level[few], sigma[few] = np.nan, np.nan
    return Sky(level, sigma, count)


def _clipped(values: NDArray[np.float32]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """
    Median, standard deviation and number after 3-sigma clipping of sorted rows (NaN last).

    Rows stay sorted under clipping, so that the median is an index and no sorting is repeated.
    """
    n = len(values)
    first = np.zeros(n, dtype=np.intp)
    last = np.sum(np.isfinite(values), axis=1)
    level, sigma = np.full(n, np.nan), np.full(n, np.nan)
    for star in range(n):
        row = values[star, : last[star]].astype(np.float64)
        if len(row) < FEWEST_PIXELS:
            continue
        zero = row[len(row) // 2]
        row -= zero  # keeps the sums of squares accurate
        sums, squares = (np.concatenate([[0.0], np.cumsum(part)]) for part in (row, row * row))
        a, b = 0, len(row)
        for _ in range(8):
            count = b - a
            if count < FEWEST_PIXELS:
                break
            middle = 0.5 * (row[a + (count - 1) // 2] + row[a + count // 2])
            mean = (sums[b] - sums[a]) / count
            spread = math.sqrt(max((squares[b] - squares[a]) / count - mean * mean, 0.0))
            level[star], sigma[star] = middle + zero, spread
            low, high = np.searchsorted(row[a:b], (middle - 3 * spread, middle + 3 * spread))
            if low == 0 and high == count:
                break
            a, b = a + int(low), a + int(high)
        first[star], last[star] = a, b
    return level, sigma, (last - first).astype(np.float64)


def subtract_sky(stamps: Stamps, sky: Sky) -> Stamps:
    """The same squares without their sky; squares without a sky level become bad."""
    level = np.repeat(np.nan_to_num(sky.level), stamps.size)[:, None].astype(np.float32)
    unknown = np.repeat(np.isnan(sky.level), stamps.size)[:, None]
    pixels = np.where(stamps.bad, np.float32(0), stamps.pixels - level)
    return Stamps(pixels, stamps.bad | unknown, stamps.left, stamps.bottom, stamps.size)


@dataclass(frozen=True)
class Centres:
    """Image positions (N,), and whether a centre was found (else the position given)."""

    x: FloatArray
    y: FloatArray
    found: BoolArray


def find_centres(
    stamps: Stamps, x: FloatArray, y: FloatArray, *, fwhm: float, max_shift: float
) -> Centres:
    """
    Windowed centroids (Source Extractor's XWIN, YWIN) near given positions.

    Parameters
    ----------
    stamps : Stamps
        Sky subtracted.
    x, y : (N,) arrays
        Where to begin, image coordinates.
    fwhm : float
        Pixels; sets the window.
    max_shift : float
        Pixels; what ends further away is not the star that was meant.
    """
    xs, ys = stamps.to_stack(x, y)
    inside = _inside(stamps, x, y, margin=2.0)
    cx, cy = xs.copy(), ys.copy()
    trouble = np.ones(len(xs), dtype=bool)
    if inside.any():
        wx, wy, flag = sep.winpos(
            stamps.pixels, xs[inside], ys[inside], fwhm / 2.3548, mask=stamps.bad
        )
        cx[inside], cy[inside], trouble[inside] = wx, wy, flag != 0
    ok = ~trouble & (np.hypot(cx - xs, cy - ys) <= max_shift)
    cx, cy = stamps.to_image(np.where(ok, cx, xs), np.where(ok, cy, ys))
    return Centres(cx, cy, ok)


def _inside(stamps: Stamps, x: FloatArray, y: FloatArray, margin: float) -> BoolArray:
    """Whether positions lie in their own square, so that nothing of a neighbour is measured."""
    dx, dy = x - stamps.left, y - stamps.bottom
    last = stamps.size - 1 - margin
    return (dx >= margin) & (dx <= last) & (dy >= margin) & (dy <= last)


def measure_fwhm(stamps: Stamps, x: FloatArray, y: FloatArray, r_max: float) -> FloatArray:
    """
    Full width at half maximum (pixels) of N stars from their half-light radii; NaN if unknown.

    Parameters
    ----------
    stamps : Stamps
        Sky subtracted.
    x, y : (N,) arrays
        Image positions.
    r_max : float
        Pixels; the radius taken to hold all light.
    """
    xs, ys = stamps.to_stack(x, y)
    radius, flag = sep.flux_radius(
        stamps.pixels, xs, ys, np.full(len(xs), r_max), 0.5, mask=stamps.bad, subpix=5
    )
    return np.where((flag == 0) & (radius > 0), FWHM_PER_HALF_LIGHT_RADIUS * radius, np.nan)


@dataclass(frozen=True)
class Sums:
    """
    Aperture sums of N stars in K radii.

    Parameters
    ----------
    flux : (N, K) array
        Counts above the sky; NaN where there was none.
    area : (N, K) array
        Pixels used.
    bad : (N, K) array
        Bad or missing pixels inside.
    peak : (N,) array
        Highest pixel (counts, with its sky) in the largest radius.
    """

    flux: FloatArray
    area: FloatArray
    bad: FloatArray
    peak: FloatArray


def sum_apertures(
    stamps: Stamps, raw: Stamps, x: FloatArray, y: FloatArray, radii: FloatArray
) -> Sums:
    """
    Sum exact circles around positions.

    Parameters
    ----------
    stamps, raw : Stamps
        With and without sky subtracted.
    x, y : (N,) arrays
        Image positions.
    radii : (K,) array
        Pixels.
    """
    xs, ys = stamps.to_stack(x, y)
    n, k = len(xs), len(radii)
    flux, bad = np.empty((n, k)), np.zeros((n, k))
    any_bad = bool(stamps.bad.any())
    holes = stamps.bad.astype(np.float32) if any_bad else stamps.pixels
    for column, radius in enumerate(radii):
        # sep scales a masked aperture up; here what is missing has to be seen, not guessed.
        flux[:, column], _, _ = sep.sum_circle(stamps.pixels, xs, ys, radius, subpix=0)
        if any_bad:
            bad[:, column], _, _ = sep.sum_circle(holes, xs, ys, radius, subpix=0)
    area = np.maximum(math.pi * np.asarray(radii, dtype=float) ** 2 - bad, 0.0)
    reach = float(np.max(radii))
    lost = ~_inside(stamps, x, y, margin=reach)
    flux[lost] = np.nan
    size = stamps.size
    # The star is near the middle of its square: only that part can hold the peak.
    away = np.max(np.hypot(x - stamps.left - size // 2, y - stamps.bottom - size // 2), initial=0)
    cut = max(size // 2 - math.ceil(reach + away) - 1, 0)
    part = slice(cut, size - cut)
    axis = np.arange(size)[part]
    r2 = (axis[None, :, None] - (y - stamps.bottom)[:, None, None]) ** 2 + (
        axis[None, None, :] - (x - stamps.left)[:, None, None]
    ) ** 2
    core = (r2 <= reach**2) & ~raw.bad.reshape(n, size, size)[:, part, part]
    peak = np.where(core, raw.pixels.reshape(n, size, size)[:, part, part], -np.inf)
    peak = peak.max(axis=(1, 2), initial=-np.inf)
    return Sums(flux, area, bad, np.where(np.isfinite(peak), peak, np.nan))


def flux_error(
    flux: FloatArray, area: FloatArray, sky: Sky, gain: float, read_noise: float = 0.0
) -> FloatArray:
    """
    1-sigma error of aperture sums (counts), the CCD equation with the measured sky scatter.

    Parameters
    ----------
    flux, area : (N, K) arrays
        Counts and pixels.
    sky : Sky
        (N,) entries.
    gain : float
        Electrons per count; NaN leaves the photon noise of the star out.
    read_noise : float
        Electrons; a floor for the scatter of the sky, for images whose sky was removed.

    Notes
    -----
    var = F/g + A s² (1 + (π/2) A/n): photons, sky under the aperture, and the error of a median
    of n pixels (Merline & Howell 1995, ExA 6, 163).
    """
    variance = area * sky.sigma[:, None] ** 2
    if math.isfinite(gain):
        variance = np.maximum(variance, area * (read_noise / gain) ** 2)
    variance = variance * (1 + math.pi / 2 * area / np.maximum(sky.pixels, 1)[:, None])
    if math.isfinite(gain):
        variance = variance + np.maximum(flux, 0) / gain
    error: FloatArray = np.sqrt(variance)
    return error
