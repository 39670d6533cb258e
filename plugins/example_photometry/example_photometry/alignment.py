"""
Where the stars of the reference frame are on another frame.

A WCS being present proves nothing: some are off by half a field. So the places it predicts are
checked against the stars that are there. When they do not fit, the frame is aligned by its
stars: the shift that most pairs of stars agree on, also for a camera turned by half a turn
(the other side of the pier).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from example_photometry.apertures import (
    Centres,
    Sky,
    Stamps,
    cut_stamps,
    find_centres,
    ring_sky,
    subtract_sky,
    sum_apertures,
)
from example_photometry.detection import detect
from example_photometry.errors import FrameError
from example_photometry.frames import Frame

FloatArray = NDArray[np.float64]

CHECKED_STARS = 20
CAPTURE = 6.0
"""Pixels: from how far a centroid finds its star."""
AGREE = 1.0
"""Pixels: shifts of stars that agree."""
PART = 0.4
"""Part of the stars that have to agree."""
SURE = 5.0
"""Signal to noise of a star."""
ALIKE = 2.5
"""Factor by which a star may differ from its flux on the reference, besides what all do."""
FEW_STARS = 3
"""With fewer no agreement means anything."""


@dataclass(frozen=True)
class Alignment:
    """
    Places of the stars on a frame.

    Parameters
    ----------
    x, y : (N,) arrays
        Pixels, inside the frame or not.
    shift : float
        Pixels between the predicted and these places, at the middle of the stars.
    matched : int
        Stars that agreed.
    by_stars : bool
        The prediction was wrong and the stars alone decided.
    """

    x: FloatArray
    y: FloatArray
    shift: float
    matched: int
    by_stars: bool


def align(
    frame: Frame,
    predicted: tuple[FloatArray, FloatArray] | None,
    reference: tuple[FloatArray, FloatArray],
    bright: NDArray[np.intp],
    fwhm: float,
    flux: FloatArray | None = None,
) -> Alignment:
    """
    Find N stars of the reference on a frame.

    Parameters
    ----------
    frame : Frame
    predicted : ((N,) array, (N,) array) or None
        Places according to the frame's WCS; None without one that can be trusted.
    reference : ((N,) array, (N,) array)
        Places on the reference frame.
    bright : (M,) int array
        Stars to align by, brightest first.
    fwhm : float
        Pixels.
    flux : (N,) array or None
        Counts on the reference: what is found has to have the same ratios, nearly.

    Raises
    ------
    FrameError
        If too few stars are where they should be.
    """
    bright = bright[:CHECKED_STARS]
    light = None if flux is None else flux[bright]
    start = reference if predicted is None else predicted
    fitted = _refine(frame, start, bright, fwhm, light)
    if fitted is not None:
        return _result(start, fitted, bright, by_stars=False)
    if predicted is not None and len(bright) < FEW_STARS:
        # Nothing to check the WCS by: it has to be believed.
        return Alignment(*predicted, 0.0, 0, by_stars=False)
    ny, nx = frame.info.shape
    turned = nx - 1 - reference[0], ny - 1 - reference[1]
    for places in (start, reference, turned):
        shift = _vote(frame, places, bright)
        if shift is not None:
            moved = places[0] + shift[0], places[1] + shift[1]
            fitted = _refine(frame, moved, bright, fwhm, light)
            if fitted is not None:
                return _result(start, fitted, bright, by_stars=True)
    if predicted is None:
        raise FrameError("no sky coordinates (WCS), and its stars do not match the reference.")
    raise FrameError("its stars are not where its WCS says, nor do they match the reference.")


Fitted = tuple[FloatArray, FloatArray, int]


def _result(
    start: tuple[FloatArray, FloatArray], fitted: Fitted, bright: NDArray[np.intp], by_stars: bool
) -> Alignment:
    x, y, matched = fitted
    shift = np.hypot(np.median((x - start[0])[bright]), np.median((y - start[1])[bright]))
    return Alignment(x, y, float(shift), matched, by_stars)


def _refine(
    frame: Frame,
    places: tuple[FloatArray, FloatArray],
    bright: NDArray[np.intp],
    fwhm: float,
    light: FloatArray | None,
) -> Fitted | None:
    """Centre the bright stars and carry their common shift over to all; None if they disagree."""
    ny, nx = frame.info.shape
    x, y = places[0][bright], places[1][bright]
    margin = 2 * fwhm
    inside = (x > margin) & (x < nx - 1 - margin) & (y > margin) & (y < ny - 1 - margin)
    bx, by = x[inside], y[inside]
    if len(bx) < 2:
        return None
    half = int(np.ceil(3 * fwhm + CAPTURE))
    stamps = cut_stamps(frame.pixels, frame.bad, bx, by, half)
    sky = ring_sky(stamps, bx, by, half - 3.0, half)
    clean = subtract_sky(stamps, sky)
    wide = find_centres(clean, bx, by, fwhm=max(fwhm, 5.9), max_shift=CAPTURE)
    # In empty sky a centroid stays where it began, and all such shifts agree: light has to be there.
    real = wide.found & _are_stars(clean, sky, wide, fwhm, None if light is None else light[inside])
    dx, dy = wide.x - bx, wide.y - by
    agreed = real & _agree(dx, dy, real)
    if agreed.sum() < max(2, PART * len(bx)):
        return None
    # A second, narrow round from the common shift: near a neighbour the wide window is biased.
    mx, my = np.median(dx[agreed]), np.median(dy[agreed])
    narrow = find_centres(clean, bx + mx, by + my, fwhm=fwhm, max_shift=max(1.5, 0.5 * fwhm))
    dx, dy = narrow.x - bx, narrow.y - by
    agreed = narrow.found & real & _agree(dx, dy, narrow.found & real)
    if agreed.sum() < max(2, PART * len(bx)):
        return None
    moved = _carry(bx[agreed], by[agreed], dx[agreed], dy[agreed], *places)
    return *moved, int(agreed.sum())


def _are_stars(
    clean: Stamps, sky: Sky, centres: Centres, fwhm: float, light: FloatArray | None
) -> NDArray[np.bool_]:
    """Whether there is a star at each centre, with the reference's ratio of fluxes."""
    radius = np.array([fwhm])
    sums = sum_apertures(clean, clean, centres.x, centres.y, radius)
    noise = np.sqrt(sums.area[:, 0]) * sky.sigma
    flux = sums.flux[:, 0]
    stars: NDArray[np.bool_] = flux > SURE * np.nan_to_num(noise, nan=np.inf)
    if light is None or stars.sum() < FEW_STARS:
        return stars
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.log(np.where(stars, flux, np.nan) / light)
    alike: NDArray[np.bool_] = np.abs(ratio - np.nanmedian(ratio)) < np.log(ALIKE)
    return stars & alike


def _agree(dx: FloatArray, dy: FloatArray, found: NDArray[np.bool_]) -> NDArray[np.bool_]:
    if not found.any():
        return found
    near: NDArray[np.bool_] = (
        np.hypot(dx - np.median(dx[found]), dy - np.median(dy[found])) <= AGREE
    )
    return near


def _carry(
    x: FloatArray,
    y: FloatArray,
    dx: FloatArray,
    dy: FloatArray,
    all_x: FloatArray,
    all_y: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Shifts seen at some places, fitted by a linear map and applied at all places."""
    if len(x) < 8:
        return all_x + np.median(dx), all_y + np.median(dy)
    keep = np.ones(len(x), dtype=bool)
    cx, cy = x.mean(), y.mean()
    design = np.column_stack([np.ones(len(x)), x - cx, y - cy])
    for _ in range(3):
        fit, *_ = np.linalg.lstsq(design[keep], np.column_stack([dx, dy])[keep], rcond=None)
        off = np.hypot(*(np.column_stack([dx, dy]) - design @ fit).T)
        keep = off <= max(3 * float(np.median(off[keep])), 0.02)
        if keep.sum() < 6:
            return all_x + np.median(dx), all_y + np.median(dy)
    everywhere = np.column_stack([np.ones(len(all_x)), all_x - cx, all_y - cy]) @ fit
    return all_x + everywhere[:, 0], all_y + everywhere[:, 1]


def _vote(
    frame: Frame, places: tuple[FloatArray, FloatArray], bright: NDArray[np.intp]
) -> tuple[float, float] | None:
    """The shift that most pairs of a predicted and a detected star agree on."""
    found = detect(frame)
    fx, fy = found.x[~found.cosmic][:120], found.y[~found.cosmic][:120]
    px, py = places[0][bright], places[1][bright]
    if len(fx) < 3 or len(px) < 3:
        return None
    pairs = np.column_stack([np.subtract.outer(fx, px).ravel(), np.subtract.outer(fy, py).ravel()])
    tree = KDTree(pairs)
    near = tree.query_ball_point(pairs, 2.5, return_length=True)
    best = pairs[tree.query_ball_point(pairs[int(np.argmax(near))], 2.5)]
    shift = np.median(best, axis=0)
    mx, my = px + shift[0], py + shift[1]
    ny, nx = frame.info.shape
    inside = (mx > 0) & (mx < nx) & (my > 0) & (my < ny)
    distance, _ = KDTree(np.column_stack([fx, fy])).query(np.column_stack([mx, my])[inside])
    matched = int(np.sum(distance < 3.0))
    if matched < max(3, PART * min(int(inside.sum()), len(fx))):
        return None
    return float(shift[0]), float(shift[1])
