"""
The comparison stars' common zero point on each frame.

An artificial comparison star from many, weighted by how quiet each is (Broeg, Fernandez &
Neuhauser 2005, AN 326, 134). Stars may be missing in some frames: each has an offset of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

ROUNDS = 12
CUT = 4.0
"""Standard deviations from which a single point does not count."""
SIGNIFICANT = 3.5
"""Standard deviations of its own error by which a star's chi shows that it varies."""
SCATTER_FRAMES = 15
"""Frames at which a star's own scatter counts as much as that of all stars."""
PRESENT = 0.5
"""Part of the frames that a star has to be measured on."""


@dataclass(frozen=True)
class Ensemble:
    """
    Zero points of T frames from N comparison stars.

    Parameters
    ----------
    zero_point, zero_point_err : (T,) arrays
        Magnitudes; instrumental minus zero point is the differential magnitude. NaN where no
        star was measured.
    count : (T,) int array
        Stars that took part.
    offset : (N,) array
        Differential magnitude of each star; the weighted mean of the used ones is 0.
    residual : (T, N) array
        Each star minus the zero point of all others.
    expected : (T, N) array
        1-sigma error of that residual, before anything is added.
    excess : (N,) array
        Scatter beyond the expected, magnitudes.
    common_excess : (N,) array
        What stars of this brightness usually show beyond the expected, magnitudes.
    chi : (N,) array
        Robust scatter of the residual over what is expected of a star of this brightness.
    weight : (N,) array
        Part of the zero point that comes from this star; 0 for stars that are not used.
    used : (N,) bool array
    reason : tuple of str
        Why a star is not used; empty for used ones.
    frame_chi : (T,) array
        Scatter of the used stars' residuals on a frame over their errors, at least 1.
    """

    zero_point: FloatArray
    zero_point_err: FloatArray
    count: NDArray[np.int_]
    offset: FloatArray
    residual: FloatArray
    expected: FloatArray
    excess: FloatArray
    common_excess: FloatArray
    chi: FloatArray
    weight: FloatArray
    used: BoolArray
    reason: tuple[str, ...]
    frame_chi: FloatArray

    @property
    def rms(self) -> FloatArray:
        """(N,) robust scatter of each star's residuals, magnitudes."""
        return spread(self.residual)


def spread(values: FloatArray) -> FloatArray:
    """Robust standard deviation of columns, ignoring NaN; NaN for empty columns."""
    result = np.full(values.shape[1:], np.nan)
    some = np.isfinite(values).any(axis=0)
    if some.any():
        part = values[:, some]
        result[some] = 1.4826 * np.nanmedian(np.abs(part - np.nanmedian(part, axis=0)), axis=0)
    return result


def solve(
    mag: FloatArray, err: FloatArray, *, keep: BoolArray | None = None, minimum: int = 3
) -> Ensemble:
    """
    Zero points, leaving out stars that vary.

    Parameters
    ----------
    mag, err : (T, N) arrays
        Instrumental magnitudes and their 1-sigma errors; NaN where a star was not measured.
    keep : (N,) bool array or None
        Decided before which stars to use; None: decide here.
    minimum : int
        Rejecting stops at this number of stars.
    """
    frames, stars = mag.shape
    present = np.isfinite(mag).sum(axis=0)
    reason = ["" for _ in range(stars)]
    used = present >= max(PRESENT * frames, 1)
    for n in np.flatnonzero(~used):
        reason[n] = f"measured on {present[n]} of {frames} frames"
    if keep is not None:
        return _fit(mag, err, used & keep, np.zeros(stars), reason)
    common = np.zeros(stars)
    while True:
        fit = _fit(mag, err, used, common, reason)
        common = _common_excess(fit)
        fit = _fit(mag, err, used, common, reason)
        count = int(used.sum())
        if count <= minimum:
            return fit
        limit = _chi_limit(fit, present)
        worst = np.flatnonzero(used & (fit.chi > limit))
        if not len(worst):
            return fit
        # The most variable ones first: they disturb the others' residuals.
        worst = worst[np.argsort(-(fit.chi / limit)[worst], kind="stable")]
        most = max(1, min(len(worst) // 3, count - minimum))
        for n in worst[:most]:
            used[n] = False
            reason[n] = f"varies (chi {fit.chi[n]:.1f}, limit {limit[n]:.1f})"


def _chi_limit(fit: Ensemble, present: NDArray[np.int_]) -> FloatArray:
    """Chi above which a star varies: beyond chance, and beyond what all stars show."""
    chi = fit.chi[fit.used]
    # A robust scatter of n points is uncertain by 1.17 / sqrt(2 n / 2.7) or so.
    chance = 1.17 / np.sqrt(2 * np.maximum(present, 2) * 0.37)
    common = float(np.nanmedian(chi))
    width = float(1.4826 * np.nanmedian(np.abs(chi - common))) if len(chi) > 4 else 0.0
    limit: FloatArray = max(common, 1.0) * (1 + SIGNIFICANT * chance)
    return np.maximum(limit, min(common + 3 * width, 1.5 * max(common, 1.0)))


def _common_excess(fit: Ensemble) -> FloatArray:
    """
    What stars of each brightness show beyond the expected.

    Two terms, fitted to the scatter of all stars: one that is the same for all (scintillation,
    flat field) and one that grows as photon noise does (a gain that is unknown or too high).
    """
    expected = _column_median(fit.expected) ** 2
    seen = fit.rms**2
    some = fit.used & np.isfinite(seen) & np.isfinite(expected) & (seen > 0)
    if some.sum() < 6:
        return np.full(len(seen), np.sqrt(max(_median(seen[some] - expected[some]), 0.0)))
    photon = 10 ** (0.4 * (fit.offset - np.median(fit.offset[some])))
    start = max(_median(seen[some] - expected[some]), 1e-3 * _median(seen[some])) / 2

    def off(parameters: FloatArray) -> FloatArray:
        flat, slope = np.exp(parameters)
        model = expected[some] + flat + slope * photon[some]
        result: FloatArray = np.log(seen[some] / model)
        return result

    guess = np.log([start, start])
    # Variable stars lie far above: the loss keeps them from lifting the curve.
    found = least_squares(off, guess, loss="soft_l1", f_scale=0.3, bounds=(guess - 20, guess + 10))
    flat, slope = np.exp(found.x)
    common: FloatArray = np.sqrt(flat + slope * photon)
    return common


def _median(values: FloatArray) -> float:
    return float(np.median(values)) if len(values) else 0.0


def _fit(
    mag: FloatArray, err: FloatArray, used: BoolArray, common: FloatArray, reason: list[str]
) -> Ensemble:
    frames, stars = mag.shape
    measured = np.isfinite(mag) & np.isfinite(err) & (err > 0)
    values = np.where(measured, mag, 0.0)
    variance: FloatArray = np.square(np.where(measured, err, 1.0))
    good = measured & used[None, :]
    excess = common.copy()
    offset = np.zeros(stars)
    weight = np.zeros(mag.shape)
    # A star's own scatter is known from many frames; until then what all stars show counts more.
    trust = good.sum(axis=0) / (good.sum(axis=0) + SCATTER_FRAMES)
    with np.errstate(invalid="ignore"):
        offset[:] = np.nan_to_num(_column_median(np.where(measured, mag, np.nan)))
    zero = _row_median(np.where(good, mag - offset, np.nan))
    for _ in range(ROUNDS):
        weight = np.where(good, 1 / (variance + excess**2), 0.0)
        off = values - offset - np.nan_to_num(zero)[:, None]
        wild = _wild(off / np.sqrt(variance + excess**2), good)
        weight[wild] = 0.0
        total = weight.sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            zero = np.where(total > 0, (weight * (values - offset)).sum(axis=1) / total, np.nan)
            column = np.where(measured, 1 / variance, 0.0)
            column[wild] = 0.0
            column[~np.isfinite(zero)] = 0.0
            new = (column * (values - np.nan_to_num(zero)[:, None])).sum(axis=0)
            offset = np.where(column.sum(axis=0) > 0, new / column.sum(axis=0), offset)
        share = np.where(used, weight.sum(axis=0), 0.0)
        if share.sum() > 0:
            centre = float((share * offset).sum() / share.sum())
            offset, zero = offset - centre, zero + centre
        residual, expected = _leave_one_out(values, variance, measured, weight, offset, excess)
        excess = np.sqrt(trust * _excess(residual, expected) + (1 - trust) * common**2)
    total = weight.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        zero_err = np.where(total > 0, 1 / np.sqrt(total), np.nan)
        chi = spread(residual / np.sqrt(expected**2 + common[None, :] ** 2))
    full = np.sqrt(expected**2 + excess[None, :] ** 2)
    frame_chi = np.ones(frames)
    enough = (weight > 0).sum(axis=1) >= 8
    if enough.any():
        pulls = np.where(good, residual / full, np.nan)[enough]
        frame_chi[enough] = np.maximum(1.4826 * np.nanmedian(np.abs(pulls), axis=1), 1.0)
    share = np.where(used, weight.sum(axis=0), 0.0)
    return Ensemble(
        zero, zero_err, (weight > 0).sum(axis=1), offset, residual, expected, excess, common, chi,
        share / share.sum() if share.sum() > 0 else share, used.copy(), tuple(reason), frame_chi,
    )  # fmt: skip


def _wild(pulls: FloatArray, good: BoolArray) -> BoolArray:
    """
    Single points that are far off, (T, N).

    Measured by the frame's own scatter where that is larger: before the zero points are settled,
    and on restless frames, all stars are off.
    """
    size = np.where(good, np.abs(pulls), np.nan)
    typical = np.nan_to_num(1.4826 * _row_median(size), nan=1.0)
    wild: BoolArray = good & (np.abs(pulls) > CUT * np.maximum(typical, 1.0)[:, None])
    return wild


def _leave_one_out(
    values: FloatArray,
    variance: FloatArray,
    measured: BoolArray,
    weight: FloatArray,
    offset: FloatArray,
    excess: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Each star minus the zero point of the others, and the error of that."""
    own = values - offset
    rest = weight.sum(axis=1, keepdims=True) - weight
    with np.errstate(invalid="ignore", divide="ignore"):
        zero = ((weight * own).sum(axis=1, keepdims=True) - weight * own) / rest
        residual = np.where(measured & (rest > 0), own - zero, np.nan)
        expected = np.where(measured & (rest > 0), np.sqrt(variance + 1 / rest), np.nan)
        middle = _column_median(residual)
    return residual - np.nan_to_num(middle)[None, :], expected


def _excess(residual: FloatArray, expected: FloatArray) -> FloatArray:
    with np.errstate(invalid="ignore"):
        beyond = spread(residual) ** 2 - np.nan_to_num(_column_median(expected)) ** 2
    return np.maximum(np.nan_to_num(beyond), 0.0)


def _column_median(values: FloatArray) -> FloatArray:
    result = np.full(values.shape[1], np.nan)
    some = np.isfinite(values).any(axis=0)
    if some.any():
        result[some] = np.nanmedian(values[:, some], axis=0)
    return result


def _row_median(values: FloatArray) -> FloatArray:
    return _column_median(values.T)
