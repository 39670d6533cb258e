"""What happens to the pixels of a frame before it is part of a moving picture."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import astroscrappy
import numpy as np
from astropy.nddata import Cutout2D
from astropy.stats import sigma_clipped_stats
from astropy.visualization import ZScaleInterval
from astropy.wcs import WCS
from numpy.typing import NDArray
from PIL import Image as Pillow

from tom_education.timelapse.frames import Image

PERCENT_SHOWN = 99.5
ASINH_SOFTENING = 0.1
LOG_RANGE = 1000.0

STRETCHES: dict[str, Callable[[Image], Image]] = {
    "zscale": lambda x: x,
    "linear": lambda x: x,
    "sqrt": np.sqrt,
    "asinh": lambda x: np.arcsinh(x / ASINH_SOFTENING) / np.arcsinh(1 / ASINH_SOFTENING),
    "log": lambda x: np.log1p(LOG_RANGE * x) / np.log1p(LOG_RANGE),
}
"""By name: what makes of a brightness from 0 to 1 another. ``zscale`` differs by its limits."""


def normalise_background(data: Image, header: Any = None) -> Image:
    """
    Return the image without cosmic rays and with a sky of zero.

    Negative pixels become zero, cosmic rays are replaced (``astroscrappy``), and the median of what
    is left after clipping at 3 sigma is subtracted.

    Parameters
    ----------
    data : (ny, nx) array
        Not changed.
    header : astropy.io.fits.Header, optional
        Not used; old code passes it.
    """
    positive = np.clip(np.nan_to_num(data, nan=0.0, posinf=0.0, neginf=0.0), 0, None)
    _mask, clean = astroscrappy.detect_cosmics(
        np.ascontiguousarray(positive, dtype=np.float32), sigclip=3.0, sigfrac=0.05, objlim=1.0
    )
    _mean, median, _deviation = sigma_clipped_stats(clean, sigma=3.0, maxiters=10)
    return np.asarray(clean - np.float32(median), dtype=np.float32)


def crop_image(data: Image, header: Any = None, scale: float = 0.5) -> Image:
    """
    Return the middle of an image.

    Parameters
    ----------
    data : (ny, nx) array
    header : astropy.io.fits.Header, optional
        Not used; old code passes it.
    scale : float
        Of each side that is kept, in [0, 1]; the result has even sides.

    Raises
    ------
    ValueError
        If ``scale`` is outside, or nothing would be left.
    """
    half_height, half_width = _halves(data, scale)
    middle_y, middle_x = data.shape[0] // 2, data.shape[1] // 2
    return data[
        middle_y - half_height : middle_y + half_height,
        middle_x - half_width : middle_x + half_width,
    ]


def crop_around(data: Image, header: Any, scale: float, ra: float, dec: float) -> Image:
    """
    Return the part of an image around a position, NaN where it lies outside the image.

    Parameters
    ----------
    data : (ny, nx) array
    header : astropy.io.fits.Header
        With a celestial WCS.
    scale : float
        Of each side that is kept, in [0, 1].
    ra, dec : float
        ICRS degrees.

    Raises
    ------
    ValueError
        If the header has no WCS or the position is not on the image.
    """
    half_height, half_width = _halves(data, scale)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on headers that are not quite in order
        wcs = WCS(header)
        if not wcs.has_celestial:
            raise ValueError("its header has no WCS, so the target cannot be found on it")
        x, y = wcs.celestial.all_world2pix(ra, dec, 0)
    height, width = data.shape
    if not (0 <= x < width and 0 <= y < height):
        raise ValueError(f"the target is not on the image (x = {x:.0f}, y = {y:.0f})")
    cut = Cutout2D(
        data, (float(x), float(y)), (2 * half_height, 2 * half_width),
        mode="partial", fill_value=np.nan, copy=True,
    )  # fmt: skip
    return np.asarray(cut.data, dtype=np.float32)


def _halves(data: Image, scale: float) -> tuple[int, int]:
    if not 0 <= scale <= 1:
        raise ValueError(f"scale must be in [0, 1], and is {scale}")
    height, width = (int(scale * side / 2) for side in data.shape)
    if not height or not width:
        ny, nx = data.shape
        raise ValueError(f"nothing is left of {nx}x{ny} pixels when cropped to {scale:g} of them")
    return height, width


def fit(data: Image, size: int) -> Image:
    """Return the image with its longer side at most ``size``, averaging pixels."""
    height, width = data.shape
    factor = size / max(height, width)
    if factor >= 1:
        return data
    smaller = (max(1, round(width * factor)), max(1, round(height * factor)))
    picture = Pillow.fromarray(data).resize(smaller, Pillow.Resampling.BOX)
    return np.asarray(picture, dtype=np.float32)


def to_grey(data: Image, stretch: str = "zscale") -> NDArray[np.uint8]:
    """
    Return an image as grey levels, north of the array at the top.

    Parameters
    ----------
    data : (ny, nx) array
        NaN becomes black.
    stretch : str
        A key of :data:`STRETCHES`.

    Raises
    ------
    ValueError
        If no pixel is finite.
    """
    finite = data[np.isfinite(data)]
    if not finite.size:
        raise ValueError("none of its pixels has a value")
    if stretch == "zscale":
        low, high = ZScaleInterval().get_limits(finite)
    else:
        low, high = np.percentile(finite, [100 - PERCENT_SHOWN, PERCENT_SHOWN])
    if high <= low:
        high = low + 1.0
    level = np.clip((np.nan_to_num(data, nan=low) - low) / (high - low), 0, 1)
    grey = (255 * STRETCHES[stretch](level) + 0.5).astype(np.uint8)
    return np.ascontiguousarray(grey[::-1])  # FITS counts rows from below
