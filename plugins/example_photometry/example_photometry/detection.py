"""
Sources of one frame.

Source Extractor's method (Bertin & Arnouts 1996, A&AS 117, 393) in its C library sep (Barbary
2016, JOSS 1, 58): a mesh of the sky, a threshold, deblending.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import sep
from numpy.typing import NDArray

from example_photometry.apertures import FWHM_PER_HALF_LIGHT_RADIUS
from example_photometry.frames import Frame

FloatArray = NDArray[np.float64]

PIXEL_STACK = 3_000_000
CLIPPED_PIXELS = 6
SHARPNESS = 0.5
"""Part of the light around a peak in its pixel; a star of 1.3 pixels FWHM reaches 0.4."""
SMALLEST_CELL = 16
"""Pixels."""


@dataclass(frozen=True)
class Sources:
    """
    Sources of one frame, brightest first.

    Parameters
    ----------
    x, y : (N,) arrays
        Pixels, windowed centroids where they converge (the 300 brightest).
    isophotal_x, isophotal_y : (N,) arrays
        Pixels, barycentre of the light above the threshold (Source Extractor's X_IMAGE, Y_IMAGE).
    flux : (N,) array
        Counts above the threshold.
    peak : (N,) array
        Highest pixel, counts with its sky.
    fwhm : (N,) array
        Pixels; NaN when it could not be measured.
    elongation : (N,) array
        Longer axis over shorter.
    flag : (N,) int array
        Source Extractor's: 1 neighbours, 2 deblended, 8 truncated at the edge.
    cosmic : (N,) bool array
        Too sharp for a star: most of the light is in one pixel.
    sky_sigma : float
        Counts per pixel.
    """

    x: FloatArray
    y: FloatArray
    isophotal_x: FloatArray
    isophotal_y: FloatArray
    flux: FloatArray
    peak: FloatArray
    fwhm: FloatArray
    elongation: FloatArray
    flag: NDArray[np.int_]
    cosmic: NDArray[np.bool_]
    sky_sigma: float

    def __len__(self) -> int:
        return len(self.x)

    @property
    def typical_fwhm(self) -> float:
        """Median of the brighter half, which are stars; NaN without sources."""
        known = np.isfinite(self.fwhm) & ~self.cosmic
        good = known & (self.flag == 0)
        if not good.any():
            good = known
        widths = self.fwhm[good]
        return float(np.median(widths[: max(len(widths) // 2, 5)])) if len(widths) else np.nan


def sky_mesh(frame: Frame, mesh: int = 64) -> Any:
    """Source Extractor's background map (a ``sep.Background``)."""
    # A cell with little but a star in it would take the star for sky.
    side = max(min(mesh, min(frame.pixels.shape) // 4), SMALLEST_CELL)
    return sep.Background(frame.pixels, mask=frame.mask, bw=side, bh=side, fw=3, fh=3)


def detect(
    frame: Frame,
    *,
    threshold: float = 5.0,
    mesh: int = 64,
    min_area: int = 5,
    deblend: float = 0.005,
    sky: Any = None,
) -> Sources:
    """
    Find the sources of a frame.

    Parameters
    ----------
    frame : Frame
    threshold : float
        In standard deviations of the sky.
    mesh : int
        Pixels.
    min_area : int
        Pixels above the threshold.
    deblend : float
        Smallest part of the light that counts as a source of its own; 1: no deblending.
    sky : sep.Background or None
        As :func:`sky_mesh` gives it, if it is known already.
    """
    sky = sky_mesh(frame, mesh) if sky is None else sky
    mask = frame.mask
    clean = frame.pixels - sky.back(dtype=np.float32)
    sep.set_extract_pixstack(max(PIXEL_STACK, clean.size // 4))
    found = sep.extract(
        clean, threshold, err=sky.globalrms, mask=mask, minarea=min_area, deblend_cont=deblend
    )
    found = found[np.argsort(-found["flux"], kind="stable")]
    isophotal_x, isophotal_y = found["x"].astype(float), found["y"].astype(float)
    x, y = isophotal_x.copy(), isophotal_y.copy()
    # Widths are wanted of stars, not of each of ten thousand sources.
    some = slice(0, 300)
    fwhm = np.full(len(found), np.nan)
    if len(found):
        radius, flag = sep.flux_radius(
            clean, x[some], y[some], np.maximum(6.0 * found["a"][some], 6.0), 0.5,
            normflux=None, mask=mask, subpix=5,
        )  # fmt: skip
        fwhm[some] = np.where(
            (flag == 0) & (radius > 0), FWHM_PER_HALF_LIGHT_RADIUS * radius, np.nan
        )
        wx, wy, flag = sep.winpos(
            clean, x[some], y[some],
            np.clip(np.nan_to_num(fwhm[some], nan=4.0), 1.2, 20.0) / 2.3548, mask=mask,
        )  # fmt: skip
        near = (flag == 0) & (np.hypot(wx - x[some], wy - y[some]) < 1.0)
        x[some], y[some] = np.where(near, wx, x[some]), np.where(near, wy, y[some])
    near = sep.sum_circle(clean, found["xpeak"], found["ypeak"], 1.5, subpix=5)[0]
    sharp = (found["peak"] > SHARPNESS * near) & (found["peak"] > 10 * sky.globalrms)
    return Sources(
        x=x,
        y=y,
        isophotal_x=isophotal_x,
        isophotal_y=isophotal_y,
        flux=found["flux"].astype(float),
        peak=found["peak"] + sky.globalback,
        fwhm=fwhm,
        elongation=found["a"] / np.maximum(found["b"], 1e-3),
        flag=found["flag"].astype(int),
        cosmic=sharp,
        sky_sigma=float(sky.globalrms),
    )


def clip_level(frame: Frame) -> float:
    """
    The count at which the camera cuts off, seen as a pile of equal brightest pixels.

    Infinite when there is no such pile: nothing in the frame is saturated, or nobody knows.
    """
    top = float(frame.pixels.max())
    piled = int(np.count_nonzero(frame.pixels == top))
    return top if piled >= CLIPPED_PIXELS else np.inf
