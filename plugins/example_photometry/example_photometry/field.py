"""
The reference frame, the target on it, and the comparison stars.

Sources are detected once, on the reference. From then on the target and its comparison stars are
one list of places in one system: an error of the reference's WCS moves all of them alike.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from astropy.wcs import WCS
from numpy.typing import NDArray
from scipy.spatial import KDTree

from example_photometry.detection import Sources, clip_level, detect
from example_photometry.errors import FrameError, SeriesError
from example_photometry.frames import Frame, FrameInfo, pixel_scale, read
from example_photometry.settings import Settings

FloatArray = NDArray[np.float64]

REFERENCE_CANDIDATES = 3
MOST_CANDIDATES = 9
"""Tried when the target is on none of the first."""
LOCK_SIGNAL = 10.0
"""Signal to noise from which a source near the target's coordinates is the target."""
LINEAR = 0.9
"""Part of the saturation level up to which a detector is taken to be linear."""
BRIGHTER, FAINTER = 8.0, 0.05
"""Comparison stars: flux relative to the target's."""
ALIKE_PART = 4
"""One in so many places is kept for stars as bright as the target: they calibrate its errors."""
ISOLATION = 2.5
"""FWHM: neighbours nearer than this count as contamination."""
CLEAN = 0.02
"""Contamination up to which a comparison star is taken at once."""


@dataclass(frozen=True)
class Field:
    """
    Stars to measure on every frame; row 0 is the target.

    Parameters
    ----------
    reference : FrameInfo
    x, y : (N,) arrays
        Pixels on the reference.
    ra, dec : (N,) arrays
        ICRS degrees by the reference's WCS; NaN without one.
    flux : (N,) array
        Counts on the reference; NaN when not detected there.
    given_mag : (N,) array
        Known magnitudes; NaN elsewhere.
    fwhm : float
        Pixels, on the reference.
    scale : float
        Arcseconds per pixel; NaN without a WCS.
    saturation : float
        Counts.
    locked : bool
        The target was found as a source, not only assumed at its coordinates.
    neighbours : (M, 2) array
        Of the target: distance in pixels, flux relative to the target's.
    left_out : dict
        Reason -> number of sources that are no comparison stars.
    """

    reference: FrameInfo
    x: FloatArray
    y: FloatArray
    ra: FloatArray
    dec: FloatArray
    flux: FloatArray
    given_mag: FloatArray
    fwhm: float
    scale: float
    saturation: float
    locked: bool
    neighbours: FloatArray
    left_out: dict[str, int]

    def __len__(self) -> int:
        return len(self.x)

    @property
    def bright(self) -> NDArray[np.intp]:
        """Comparison stars to align by, brightest first."""
        order = np.argsort(-np.nan_to_num(self.flux[1:], nan=0.0), kind="stable") + 1
        # A field without comparison stars can still be centred on the target itself.
        return order if len(order) > 1 else np.arange(len(self))


def choose_reference(infos: Sequence[FrameInfo], settings: Settings) -> tuple[Frame, Sources]:
    """
    The frame on which most sources are seen, of a few near the median pointing.

    Frames whose WCS puts the target on a star come first: a WCS that is off by half a field, or
    turned, is consistent in itself and shows in nothing else.

    Raises
    ------
    SeriesError
        If none of them can be read.
    """
    pointed = [info for info in infos if info.at is not None and not info.wcs_failed]
    pool = list(pointed or infos)
    if pointed:
        at = np.array([info.at for info in pointed], dtype=float)
        distance = np.hypot(*(at - np.median(at, axis=0)).T)
        nearest = np.argsort(distance, kind="stable")[: max(len(pool) // 2, REFERENCE_CANDIDATES)]
        pool = [pointed[n] for n in sorted(nearest)]
    best: tuple[tuple[bool, int], Frame, Sources] | None = None
    reason = "no frame"
    first = np.unique(np.linspace(0, len(pool) - 1, REFERENCE_CANDIDATES).astype(int))
    more = np.unique(np.linspace(0, len(pool) - 1, MOST_CANDIDATES).astype(int))
    later = [n for n in more if n not in first]
    rest = [n for n in range(len(pool)) if n not in first and n not in more]
    for tried, n in enumerate([*first, *later, *rest]):
        if best is not None and (
            tried >= MOST_CANDIDATES or (tried >= REFERENCE_CANDIDATES and best[0][0])
        ):
            break
        try:
            frame = read(pool[n])
            sources = detect(frame)
        except FrameError as error:
            reason = f"{pool[n].name}: {error}"
            continue
        if not len(sources) or not np.isfinite(sources.typical_fwhm):
            continue
        score = _is_on_a_star(frame, sources, settings), int((~sources.cosmic).sum())
        if best is None or score > best[0]:
            best = score, frame, sources
    if best is None:
        raise SeriesError(f"No star was found on any of {len(infos)} frames ({reason}).")
    return best[1], best[2]


def _is_on_a_star(frame: Frame, sources: Sources, settings: Settings) -> bool:
    if frame.info.at is None or frame.wcs is None:
        return False
    reach = max(settings.max_shift, settings.max_shift / pixel_scale(frame.wcs))
    return _target(sources, frame.info.at, reach)[1]


def choose_stars(
    frame: Frame, sources: Sources, target: tuple[float, float], settings: Settings
) -> Field:
    """
    The target and its comparison stars on the reference frame.

    Parameters
    ----------
    frame, sources
        As :func:`choose_reference` gives them.
    target : (float, float)
        Pixels on this frame, from coordinates or from the user.
    settings : Settings

    Raises
    ------
    SeriesError
        If comparison stars that the user names are not on the frame.
    """
    info, wcs = frame.info, frame.wcs if not frame.info.wcs_failed else None
    fwhm = sources.typical_fwhm
    scale = pixel_scale(wcs) if wcs is not None else np.nan
    saturation = min(info.saturation, clip_level(frame))
    reach = max(settings.max_shift, settings.max_shift / scale if np.isfinite(scale) else 0.0)

    me, locked = _target(sources, target, reach)
    x0, y0 = (sources.x[me], sources.y[me]) if locked else target
    flux0 = float(sources.flux[me]) if locked else np.nan
    neighbours = _neighbours(sources, me if locked else -1, x0, y0, flux0, 8 * fwhm)

    left_out: Counter[str] = Counter()
    if settings.comparison_stars:
        chosen, given = _given(sources, wcs, settings, reach, left_out)
    else:
        chosen = _automatic(
            frame, sources, me if locked else -1, (x0, y0, flux0), fwhm, scale, saturation,
            settings, left_out,
        )  # fmt: skip
        given = np.full(len(chosen), np.nan)
    x, y = np.r_[x0, sources.x[chosen]], np.r_[y0, sources.y[chosen]]
    if wcs is None:
        ra = dec = np.full(len(x), np.nan)
    else:
        ra, dec = wcs.all_pix2world(x, y, 0, ra_dec_order=True)
    return Field(
        info, x, y, ra, dec, np.r_[flux0, sources.flux[chosen]], np.r_[np.nan, given],
        fwhm, scale, saturation, locked, neighbours, dict(left_out),
    )  # fmt: skip


def _target(sources: Sources, at: tuple[float, float], reach: float) -> tuple[int, bool]:
    """The source at the target's place, if one is there."""
    distance = np.hypot(sources.x - at[0], sources.y - at[1])
    signal = sources.flux / (sources.sky_sigma * 5.0)
    near = np.flatnonzero((distance <= reach) & (signal >= LOCK_SIGNAL / 5.0) & ~sources.cosmic)
    if not len(near):
        return -1, False
    return int(near[np.argmin(distance[near])]), True


def _neighbours(
    sources: Sources, me: int, x: float, y: float, flux: float, reach: float
) -> FloatArray:
    distance = np.hypot(sources.x - x, sources.y - y)
    near = (distance <= reach) & ~sources.cosmic
    if me >= 0:
        near[me] = False
    # A target that was not found is as faint as the faintest source, or fainter.
    relative = sources.flux[near] / (flux if flux > 0 else float(sources.flux.min()))
    return np.column_stack([distance[near], relative])


def _automatic(
    frame: Frame,
    sources: Sources,
    me: int,
    target: tuple[float, float, float],
    fwhm: float,
    scale: float,
    saturation: float,
    settings: Settings,
    left_out: Counter[str],
) -> NDArray[np.intp]:
    ny, nx = frame.info.shape
    x0, y0, flux0 = target
    usable = np.ones(len(sources), dtype=bool)

    def leave(bad: NDArray[np.bool_], reason: str) -> None:
        left_out[reason] += int((usable & bad).sum())
        usable[bad] = False

    if me >= 0:
        usable[me] = False
    leave(sources.cosmic, "cosmic rays")
    leave(sources.peak >= LINEAR * saturation, "saturated")
    margin = max(4 * fwhm, 12.0)
    leave(
        (np.minimum(sources.x, nx - 1 - sources.x) < margin)
        | (np.minimum(sources.y, ny - 1 - sources.y) < margin)
        | ((sources.flag & 24) != 0),
        "near the edge",
    )
    leave(
        ~((sources.fwhm > 0.6 * fwhm) & (sources.fwhm < 1.6 * fwhm)) | (sources.elongation > 2.0),
        "not like a star",
    )
    apart = np.hypot(sources.x - x0, sources.y - y0)
    leave(apart < 3 * fwhm, "beside the target")
    if settings.comparison_max_separation and np.isfinite(scale):
        leave(apart * scale / 60 > settings.comparison_max_separation, "too far away")
    contamination = _contamination(sources, ISOLATION * fwhm)
    crowded = contamination > CLEAN
    if int((usable & ~crowded).sum()) >= 10:
        leave(crowded, "blended")
    else:
        leave(contamination > 10 * CLEAN, "blended")

    places = settings.max_comparisons
    bright = usable & (sources.flux <= BRIGHTER * flux0) if flux0 > 0 else usable.copy()
    if int(bright.sum()) < 10:
        bright = usable.copy()
    if flux0 > 0:
        enough = bright & (sources.flux >= FAINTER * flux0)
        if int(enough.sum()) >= 10:
            bright = enough
    order = np.flatnonzero(bright)  # sources come brightest first
    chosen = list(order[: places - places // ALIKE_PART])
    if flux0 > 0:
        rest = np.setdiff1d(np.flatnonzero(usable), chosen)
        alike = np.abs(np.log(sources.flux[rest] / flux0))
        chosen += list(rest[np.argsort(alike, kind="stable")[: places - len(chosen)]])
    else:
        chosen += list(order[len(chosen) : places])
    left_out["more than needed"] += int(usable.sum()) - len(chosen)
    return np.array(sorted(chosen), dtype=np.intp)


def _contamination(sources: Sources, reach: float) -> FloatArray:
    """Light of neighbours within a distance, relative to each source's own."""
    tree = KDTree(np.column_stack([sources.x, sources.y]))
    light = np.zeros(len(sources))
    pairs = tree.query_pairs(reach, output_type="ndarray")
    np.add.at(light, pairs[:, 0], sources.flux[pairs[:, 1]])
    np.add.at(light, pairs[:, 1], sources.flux[pairs[:, 0]])
    return light / sources.flux


def _given(
    sources: Sources,
    wcs: WCS | None,
    settings: Settings,
    reach: float,
    left_out: Counter[str],
) -> tuple[NDArray[np.intp], FloatArray]:
    if wcs is None:
        raise SeriesError(
            "Comparison stars were given by coordinates, but no frame has a WCS that works; "
            "plate-solve one frame."
        )
    chosen: dict[int, float] = {}
    for star in settings.comparison_stars:
        x, y = (
            float(v) for v in wcs.all_world2pix(star.ra, star.dec, 0, ra_dec_order=True, quiet=True)
        )
        n, found = _target(sources, (x, y), reach)
        if found:
            chosen[n] = np.nan if star.mag is None else star.mag
        else:
            left_out[f"no star at {star.ra:.5f} {star.dec:+.5f}"] += 1
    if not chosen:
        raise SeriesError(
            "None of the comparison stars that were given is on the reference frame: "
            + "; ".join(left_out)
        )
    return np.array(list(chosen), dtype=np.intp), np.array(list(chosen.values()))
