"""
Measurements of many frames become one light curve with honest errors.

The aperture is the multiple of the seeing with the least scatter of stars as bright as the
target; the error of a point is its photon and sky noise, the zero point's error, and the scatter
that stars as bright as the target show beyond theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from example_photometry import ensemble
from example_photometry.ensemble import Ensemble
from example_photometry.errors import SeriesError
from example_photometry.field import Field
from example_photometry.flags import UNUSABLE, Flag
from example_photometry.forced import FrameResult
from example_photometry.settings import Settings
from example_photometry.target import Target
from example_photometry.times import Ephemeris, barycentric

FloatArray = NDArray[np.float64]

MAG_PER_RELATIVE_FLUX = 2.5 / np.log(10)
ENOUGH_FRAMES = 10
"""Frames from which a scatter says something."""
SAFE_FACTOR = 1.2
"""FWHM: the aperture when there are too few frames to choose by scatter."""
ALIKE = 0.7
"""Magnitudes: how alike stars have to be to tell about the target's errors."""
CROWDING = 0.004
"""Light of neighbours in the aperture, relative to the target's, that makes a magnitude wrong."""
MOSTLY, UNRESOLVED = 0.5, 0.01
"""Part of the frames, and of the light, from which odd light beside the target is a neighbour's."""
CLOSE = 1.5
"""FWHM: a neighbour inside this matters to every aperture."""
RESTLESS_FRAME = 1.35
"""Scatter over error of the comparison stars of a frame from which its errors are raised."""
BAD_FOR_COMPARISON = UNUSABLE | Flag.COSMIC_RAY
OFTEN = 0.15
"""Part of the frames on which one star cannot be hit by cosmic rays."""
DETECTED = 3.0
"""Signal to noise below which there is a limit in place of a magnitude."""


@dataclass(frozen=True)
class LightCurve:
    """
    T points of the target, in order of time.

    Parameters
    ----------
    results : tuple of FrameResult
    column : int
        Which of the K apertures was taken.
    factor : float
        Its radius, in the unit of the settings.
    scatter : (K,) array
        What the choice was made by: relative scatter of stars like the target; NaN if not tried.
    times : Ephemeris
    mag_inst, mag_inst_err : (T,) arrays
        -2.5 log10 of counts per second.
    dmag, dmag_err : (T,) arrays
        Differential, all errors included; NaN without comparison stars.
    mag, mag_err : (T,) arrays
        As the settings' zero point says.
    limit : (T,) array
        3-sigma limit on the scale of ``mag`` for points that are no detection, else NaN.
    flags : (T,) int array
    comparison : Ensemble or None
    zero_point, zero_point_err : float
        What was added to ``dmag``.
    excess : float
        Magnitudes added in quadrature to the formal errors.
    chi : float
        Scatter over error of comparison stars as bright as the target; 1 for honest errors.
    check : int
        The comparison star most like the target (0-based among them), -1: none.
    """

    results: tuple[FrameResult, ...]
    column: int
    factor: float
    scatter: FloatArray
    times: Ephemeris
    mag_inst: FloatArray
    mag_inst_err: FloatArray
    dmag: FloatArray
    dmag_err: FloatArray
    mag: FloatArray
    mag_err: FloatArray
    limit: FloatArray
    flags: NDArray[np.int_]
    comparison: Ensemble | None
    zero_point: float
    zero_point_err: float
    excess: float
    chi: float
    check: int

    def __len__(self) -> int:
        return len(self.results)


def build(
    results: Sequence[FrameResult], field: Field, settings: Settings, target: Target
) -> LightCurve:
    """
    Combine the frames of one filter.

    Parameters
    ----------
    results : sequence of FrameResult
        At least one; any order.
    field : Field
    settings : Settings
    target : Target

    Raises
    ------
    SeriesError
        If there are fewer usable comparison stars than asked for.
    """
    ordered = tuple(sorted(results, key=lambda r: (r.info.exposure.mid.mjd, r.info.name)))
    site = next((r.info.site for r in ordered if r.info.site is not None), None)
    place = target.at(ordered[0].info.exposure.mid.mjd)
    times = barycentric([r.info.exposure.mid for r in ordered], *place, site)
    mag, err, signal = _magnitudes(ordered)
    raw = np.array([r.flags for r in ordered])
    flags = _without_false_hits(raw)
    mine = flags[:, 0, :].copy()
    mine[:, _unresolved(ordered, raw)] |= int(Flag.BLENDED)
    if not times.located:
        mine |= int(Flag.TIME_COARSE)
    mine[_crowded(ordered, field)] |= int(Flag.BLENDED)

    comps, comp_err = mag[:, 1:, :].copy(), err[:, 1:, :].copy()
    bad = (flags[:, 1:, :] & int(BAD_FOR_COMPARISON)) != 0
    comps[bad | (signal[:, 1:, :] < 5)] = np.nan
    column, scatter = 0, np.full(mag.shape[2], np.nan)
    found: Ensemble | None = None
    wanted = settings.zero_point != "constant"
    if wanted:
        middle = _nearest(settings, SAFE_FACTOR)
        first = _solve(comps, comp_err, middle, field, settings)
        column, scatter = _choose_aperture(mag, err, comps, comp_err, mine, first, settings)
        found = first if column == middle else _solve(comps, comp_err, column, field, settings)
    elif settings.aperture == "auto":
        column = _nearest(settings, SAFE_FACTOR)

    mag_inst, mag_err = mag[:, 0, column], err[:, 0, column]
    points = mine[:, column]
    dmag = dmag_err = np.full(len(ordered), np.nan)
    excess, chi, check = 0.0, np.nan, -1
    if found is not None:
        dmag = mag_inst - found.zero_point
        if settings.detrend == "airmass":
            dmag = _detrend(dmag, mag_err, times.airmass)
        excess, chi, check = _calibrate(found, dmag, mag_err)
        raised = np.where(found.frame_chi > RESTLESS_FRAME, found.frame_chi, 1.0)
        dmag_err = raised * np.sqrt(mag_err**2 + found.zero_point_err**2 + excess**2)
        points[found.count < settings.min_comparisons] |= int(Flag.FEW_COMPARISONS)
        points[_outliers(dmag, dmag_err, times.bjd_tdb, settings.outlier_sigma)] |= int(
            Flag.OUTLIER
        )
    final, final_err, zero, zero_err = _zero_point(
        settings, field, found, dmag, dmag_err, mag_inst, mag_err
    )
    weak = ~(signal[:, 0, column] >= DETECTED)
    limit = np.where(weak, _limit(ordered, column, final, mag_inst, found, settings, zero), np.nan)
    return LightCurve(
        ordered, column, settings.factors()[column], scatter, times, mag_inst, mag_err,
        dmag, dmag_err, final, final_err, limit, points, found, zero, zero_err, excess, chi, check,
    )  # fmt: skip


def _magnitudes(results: Sequence[FrameResult]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(T, N, K) instrumental magnitudes per second, their errors, and signal to noise."""
    flux = np.array([r.flux for r in results])
    error = np.array([r.flux_err for r in results])
    seconds = np.array([r.info.exposure.exptime for r in results])
    seconds = np.where(seconds > 0, seconds, 1.0)[:, None, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        mag = np.where(flux > 0, -2.5 * np.log10(np.where(flux > 0, flux, 1) / seconds), np.nan)
        signal = flux / error
        err = np.where(flux > 0, MAG_PER_RELATIVE_FLUX / signal, np.nan)
    return mag, err, signal


def _without_false_hits(flags: NDArray[np.int_]) -> NDArray[np.int_]:
    """What is seen beside a star on many frames is a neighbour and no cosmic ray."""
    hit = (flags & int(Flag.COSMIC_RAY)) != 0
    often = (hit.mean(axis=0) > OFTEN) & (hit.sum(axis=0) > 2)
    return np.where(often[None, :, :], flags & ~int(Flag.COSMIC_RAY), flags)


def _unresolved(results: Sequence[FrameResult], flags: NDArray[np.int_]) -> NDArray[np.bool_]:
    """(K,) whether the target's profile shows a neighbour that was not found as a source."""
    hit = (flags[:, 0, :] & int(Flag.COSMIC_RAY)) != 0
    foreign = np.median([r.foreign[0] for r in results], axis=0)
    seen: NDArray[np.bool_] = (
        (hit.mean(axis=0) > MOSTLY) & (hit.sum(axis=0) > 2) & (foreign > UNRESOLVED)
    )
    radii = np.median([r.radii / r.fwhm for r in results], axis=0)
    if seen[radii <= CLOSE].any():
        seen[:] = True  # in the smaller circles too, and in bad seeing more than in good
    return seen


def _nearest(settings: Settings, factor: float) -> int:
    return int(np.argmin(np.abs(np.array(settings.factors()) - factor)))


def _solve(
    mag: FloatArray, err: FloatArray, column: int, field: Field, settings: Settings
) -> Ensemble:
    minimum = settings.min_comparisons
    if len(field) - 1 < minimum:
        raise SeriesError(_too_few(len(field) - 1, len(field) - 1, field, 0, settings))
    found = ensemble.solve(mag[:, :, column], err[:, :, column], minimum=minimum)
    if found.used.sum() < minimum:
        varying = sum(text.startswith("varies") for text in found.reason)
        raise SeriesError(_too_few(int(found.used.sum()), len(field) - 1, field, varying, settings))
    return found


def _too_few(usable: int, candidates: int, field: Field, varying: int, settings: Settings) -> str:
    why = [f"{count} {reason}" for reason, count in field.left_out.items() if count]
    if varying:
        why.append(f"{varying} variable")
    return (
        f"Only {usable} usable comparison stars of {candidates} candidates"
        f"{' (left out: ' + ', '.join(why) + ')' if why else ''}; {settings.min_comparisons} are "
        f"asked for. Lower the minimum, list stars yourself, or use a constant zero point."
    )


def _choose_aperture(
    mag: FloatArray,
    err: FloatArray,
    comps: FloatArray,
    comp_err: FloatArray,
    mine: NDArray[np.int_],
    first: Ensemble,
    settings: Settings,
) -> tuple[int, FloatArray]:
    """The aperture with the least scatter of stars like the target, and that scatter for each."""
    tried = mag.shape[2]
    scatter = np.full(tried, np.nan)
    safe = _nearest(settings, SAFE_FACTOR)
    if tried == 1 or mag.shape[0] < ENOUGH_FRAMES:
        return (0 if tried == 1 else safe), scatter
    logs: list[FloatArray] = []
    brightness = np.nanmedian(mag[:, 0, safe] - first.zero_point)
    alike = np.exp(-0.5 * ((first.offset - brightness) / ALIKE) ** 2)
    if alike[first.used].sum() < 3:  # nothing as bright as the target: the nearest must do
        order = np.argsort(np.abs(first.offset - brightness) + 1e3 * ~first.used)[:5]
        alike[order] = 1.0
    for k in range(tried):
        fit = ensemble.solve(comps[:, :, k], comp_err[:, :, k], keep=first.used)
        good = np.where((mine[:, k] & int(BAD_FOR_COMPARISON)) == 0, mag[:, 0, k], np.nan)
        # The target varies, but not from one frame to the next: its differences show its noise.
        own = _successive(good - fit.zero_point)
        seen = np.append(fit.rms, own)
        logs.append(np.log(np.where(seen > 0, seen, np.nan)))
    weights = np.append(np.where(first.used, alike, 0.0), 2.0)
    table = np.array(logs)
    known = np.isfinite(table).all(axis=0) & (weights > 0)
    if not known.any():
        return safe, scatter
    scatter = np.exp((table[:, known] * weights[known]).sum(axis=1) / weights[known].sum())
    return int(np.argmin(scatter)), scatter


def _successive(values: FloatArray) -> float:
    """Robust scatter from third differences, which a smooth change leaves alone."""
    values = values[np.isfinite(values)]
    if len(values) < ENOUGH_FRAMES:
        return np.nan
    steps = values[3:] - 3 * values[2:-1] + 3 * values[1:-2] - values[:-3]
    return float(1.4826 * np.median(np.abs(steps)) / np.sqrt(20))


def _calibrate(found: Ensemble, dmag: FloatArray, mag_err: FloatArray) -> tuple[float, float, int]:
    """Excess scatter and chi of stars like the target, and the most alike of them."""
    if not found.used.any() or not np.isfinite(dmag).any():
        return 0.0, np.nan, -1
    brightness = float(np.nanmedian(dmag))
    apart = np.where(found.used, np.abs(found.offset - brightness), np.inf)
    check = int(np.argmin(apart))
    near = np.argsort(apart)[: max(int((apart < 2 * ALIKE).sum()), 5)]
    near = near[np.isfinite(apart[near])]
    residual, expected = found.residual[:, near], found.expected[:, near]
    count = np.isfinite(residual).sum(axis=0)
    near, residual, expected = near[count > 1], residual[:, count > 1], expected[:, count > 1]
    count = count[count > 1]
    if not len(near):
        return 0.0, np.nan, check
    # Few frames say little about one star, but much about all: residuals are taken together,
    # each star's about its mean and scaled for the freedom that the mean has cost.
    pooled = (residual - np.nanmean(residual, axis=0)) * np.sqrt(count / (count - 1))
    weight = np.exp(-0.5 * (np.minimum(apart[near], 4 * ALIKE) / (2 * ALIKE)) ** 2)
    weights = np.broadcast_to(weight, residual.shape)
    known = np.isfinite(pooled)

    def chi_with(excess: float) -> float:
        pulls = pooled / np.sqrt(expected**2 + excess**2)
        return 1.4826 * _weighted_median(np.abs(pulls[known]), weights[known])

    excess = 0.0
    if chi_with(0.0) > 1.0:
        low, high = 0.0, 10 * float(np.nanmax(np.abs(pooled)))
        for _ in range(40):
            excess = 0.5 * (low + high)
            low, high = (excess, high) if chi_with(excess) > 1.0 else (low, excess)
    return excess, chi_with(excess), check


def _weighted_median(values: FloatArray, weights: FloatArray) -> float:
    order = np.argsort(values)
    part = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(part, 0.5 * part[-1])])


def _outliers(
    mag: FloatArray, err: FloatArray, time: FloatArray, sigma: float
) -> NDArray[np.bool_]:
    """Points that are off from what their neighbours in time say."""
    far = np.zeros(len(mag), dtype=bool)
    known = np.flatnonzero(np.isfinite(mag) & np.isfinite(err))
    if len(known) < 7:
        return far
    values, errors, days = mag[known], err[known], time[known]
    off = np.empty(len(values))
    for n in range(len(values)):
        low = min(max(n - 3, 0), len(values) - 7)
        near = [m for m in range(low, low + 7) if m != n]
        off[n] = values[n] - _predict(days[near], values[near], days[n])
    own = 1.4826 * float(np.median(np.abs(off)))
    far[known] = np.abs(off) > np.maximum(sigma * errors, 4 * own)
    return far


def _predict(time: FloatArray, value: FloatArray, at: float) -> float:
    """A line through neighbours that one of them cannot pull off (Theil-Sen)."""
    n, m = np.triu_indices(len(time), 1)
    gap = time[m] - time[n]
    some = gap > 0
    slope = float(np.median((value[m] - value[n])[some] / gap[some])) if some.any() else 0.0
    return float(np.median(value - slope * (time - at)))


def _detrend(dmag: FloatArray, err: FloatArray, airmass: FloatArray) -> FloatArray:
    """Take out a line in airmass, fitted robustly; its mean stays."""
    good = np.isfinite(dmag) & np.isfinite(err) & np.isfinite(airmass)
    if good.sum() < ENOUGH_FRAMES or np.ptp(airmass[good]) < 0.05:
        return dmag
    centre = airmass[good].mean()
    for _ in range(4):
        slope, level = np.polyfit(airmass[good] - centre, dmag[good], 1, w=1 / err[good])
        off = np.abs(dmag - level - slope * (airmass - centre))
        good &= np.nan_to_num(off, nan=np.inf) <= 3 * 1.4826 * np.median(off[good])
    corrected: FloatArray = dmag - slope * (airmass - centre)
    return corrected


def _zero_point(
    settings: Settings,
    field: Field,
    found: Ensemble | None,
    dmag: FloatArray,
    dmag_err: FloatArray,
    mag_inst: FloatArray,
    mag_inst_err: FloatArray,
) -> tuple[FloatArray, FloatArray, float, float]:
    if settings.zero_point == "constant" or found is None:
        return mag_inst + settings.zero_point_value, mag_inst_err, settings.zero_point_value, 0.0
    if settings.zero_point == "differential":
        return dmag, dmag_err, 0.0, 0.0
    known = np.isfinite(field.given_mag[1:]) & found.used
    if not known.any():
        raise SeriesError(
            "The zero point is to come from comparison magnitudes, but none of the used "
            "comparison stars has one: write 'RA Dec mag' on each line."
        )
    zeros = field.given_mag[1:][known] - found.offset[known]
    zero = float(np.median(zeros))
    error = float(zeros.std(ddof=1) / np.sqrt(len(zeros))) if len(zeros) > 1 else 0.0
    return dmag + zero, dmag_err, zero, error


def _limit(
    results: Sequence[FrameResult],
    column: int,
    mag: FloatArray,
    mag_inst: FloatArray,
    found: Ensemble | None,
    settings: Settings,
    zero: float,
) -> FloatArray:
    """3-sigma limits on the scale of the magnitudes."""
    noise = np.array([DETECTED * r.flux_err[0, column] for r in results])
    seconds = np.array([r.info.exposure.exptime for r in results])
    level: FloatArray = -2.5 * np.log10(noise / np.where(seconds > 0, seconds, 1.0)) + zero
    if found is not None:
        level = level - found.zero_point
    return level


def _crowded(results: Sequence[FrameResult], field: Field) -> NDArray[np.bool_]:
    """(T, K) whether neighbours put too much light into the target's aperture."""
    crowded = np.zeros((len(results), len(results[0].radii)), dtype=bool)
    if not len(field.neighbours):
        return crowded
    distance, relative = field.neighbours.T
    for t, result in enumerate(results):
        for k, radius in enumerate(result.radii):
            light = relative * _inside(distance, radius, result.fwhm)
            crowded[t, k] = light.sum() > CROWDING
    return crowded


def _inside(distance: FloatArray, radius: float, fwhm: float) -> FloatArray:
    """
    Part of a star's light in a circle whose centre is some way off.

    A Moffat profile of beta 3, averaged over the circle's pixels.
    """
    axis = np.linspace(-radius, radius, 21)
    dx, dy = np.meshgrid(axis, axis)
    inside = dx**2 + dy**2 <= radius**2
    c = 4 * (2 ** (1 / 3) - 1) / fwhm**2
    r2 = (distance[:, None] - dx[inside]) ** 2 + dy[inside] ** 2
    profile = (2 * c / np.pi) / (1 + c * r2) ** 3
    part: FloatArray = profile.mean(axis=1) * np.pi * radius**2
    return part
