"""
Pictures of the results, as PNG files.

Figures are made with matplotlib's objects, never with pyplot: no display, no global state, so
that runs in threads do not disturb each other.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from astropy.table import QTable
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from matplotlib.ticker import LogFormatter
from numpy.typing import NDArray

from example_photometry import ensemble
from example_photometry.apertures import cut_stamps, ring_sky, subtract_sky, sum_apertures
from example_photometry.flags import INFORMATION, Flag, names
from example_photometry.frames import Frame
from example_photometry.lightcurve import LightCurve
from example_photometry.series import FilterSeries
from example_photometry.target import Target

FloatArray = NDArray[np.float64]

DPI = 140
LARGEST_PICTURE = 900
"""Pixels a side of an image in a picture; larger frames are binned."""
INK, MUTED, ACCENT, GOOD, BAD = "#1a1a1a", "#8a8a8a", "#0b5fa5", "#2a8a3e", "#c23b22"
HALO = [patheffects.withStroke(linewidth=2, foreground="white")]
STYLE: dict[str, Any] = {"elinewidth": 0.8, "capsize": 0, "linestyle": "none"}


def _figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _tidy(axes: Axes) -> None:
    axes.tick_params(direction="in", top=True, right=True, color=MUTED, labelsize=9)
    for spine in axes.spines.values():
        spine.set_color(MUTED)


# -- light curve -----------------------------------------------------------------------------------


def plot_light_curve(series: FilterSeries, target: Target, path: Path) -> None:
    """
    The target over time, a check star on the same scale, and strips of seeing and airmass.

    Bright is up. Flagged points are hollow, one marker for each reason.
    """
    curve = series.curve
    day = float(np.floor(np.nanmin(curve.times.bjd_tdb)))
    time = curve.times.bjd_tdb - day
    has_check = curve.comparison is not None and curve.check >= 0
    has_airmass = bool(np.isfinite(curve.times.airmass).any())
    heights = [3.4, *([1.5] if has_check else []), 0.8, *([0.8] if has_airmass else [])]
    figure = _figure(7.6, 1.35 * sum(heights))
    panels = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights, squeeze=False)
    axes: list[Axes] = list(panels[:, 0])
    top = axes.pop(0)
    _points(top, curve, time)
    _limits(top, curve.mag, curve.mag_err, curve.flags)
    label = "Magnitude" if series.curve.zero_point else "Differential magnitude"
    top.set_ylabel(label)
    top.set_title(_title(series, target), fontsize=11, color=INK)
    if has_check:
        check = axes.pop(0)
        _check_star(check, curve, time)
        _same_scale(top, check)
    strip = axes.pop(0)
    strip.plot(time, [r.fwhm for r in curve.results], ".", color=ACCENT, ms=3)
    strip.set_ylabel("FWHM\n(pixel)", fontsize=9)
    if has_airmass:
        strip = axes.pop(0)
        strip.plot(time, curve.times.airmass, ".", color=ACCENT, ms=3)
        strip.set_ylabel("Airmass", fontsize=9)
    for row in panels[:, 0]:
        _tidy(row)
    panels[-1, 0].set_xlabel(f"BJD$_{{\\rm TDB}}$ − {day:.0f} (d)")
    figure.align_ylabels(list(panels[:, 0]))
    figure.savefig(path, dpi=DPI)


def _title(series: FilterSeries, target: Target) -> str:
    curve = series.curve
    parts = [target.name, series.filter, f"{len(curve)} frame{'s' if len(curve) != 1 else ''}"]
    if curve.comparison is not None:
        parts.append(f"{int(curve.comparison.used.sum())} comparison stars")
    error = float(np.nanmedian(curve.mag_err)) if np.isfinite(curve.mag_err).any() else np.nan
    if np.isfinite(error):
        parts.append(f"error {_mag(error)}")
    return " · ".join(part for part in parts if part)


def _mag(value: float) -> str:
    return f"{1e3 * value:.1f} mmag" if value < 0.1 else f"{value:.2f} mag"


def _points(axes: Axes, curve: LightCurve, time: FloatArray) -> None:
    flags = curve.flags & ~int(INFORMATION)
    known = np.isfinite(curve.mag)
    good = known & (flags == 0)
    axes.errorbar(
        time[good], curve.mag[good], curve.mag_err[good],
        marker="o", ms=3.5, color=ACCENT, ecolor="#9db9d3", **STYLE,
    )  # fmt: skip
    markers = iter("sD^v<>ph*X")
    for kind in sorted(set(flags[known & (flags != 0)].tolist())):
        some = known & (flags == kind)
        axes.errorbar(
            time[some], curve.mag[some], curve.mag_err[some], marker=next(markers, "o"),
            ms=5, mfc="none", mec=BAD, ecolor="#e3b1a8",
            label=f"{names(kind).replace('_', ' ').replace(',', ', ')} ({some.sum()})", **STYLE,
        )  # fmt: skip
    upper = np.isfinite(curve.limit) & ~known
    if upper.any():
        axes.plot(
            time[upper], curve.limit[upper], "v", color=MUTED, ms=4,
            label=f"3σ limit ({upper.sum()})",
        )  # fmt: skip
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=8, frameon=False, loc="best")


def _limits(axes: Axes, mag: FloatArray, error: FloatArray, flags: NDArray[np.int_]) -> None:
    """Bright is up, and a wild flagged point does not squeeze the others."""
    good = np.isfinite(mag) & ((flags & ~int(INFORMATION)) == 0)
    good = good if good.any() else np.isfinite(mag)
    if not good.any():
        axes.invert_yaxis()
        return
    pad = 1.5 * float(np.nanmedian(error[good])) if np.isfinite(error[good]).any() else 0.0
    low, high = float(mag[good].min()), float(mag[good].max())
    pad = max(pad, 0.08 * (high - low), 0.002)
    outside = np.isfinite(mag) & ((mag < low - pad) | (mag > high + pad))
    near = outside & (mag > low - 2 * (high - low + pad)) & (mag < high + 2 * (high - low + pad))
    if near.any():
        low, high = min(low, float(mag[near].min())), max(high, float(mag[near].max()))
    axes.set_ylim(high + pad, low - pad)
    lost = int((outside & ~near).sum())
    if lost:
        axes.text(
            0.99, 0.02, f"{lost} flagged point{'s' if lost > 1 else ''} outside",
            transform=axes.transAxes, ha="right", fontsize=8, color=BAD,
        )  # fmt: skip


def _check_star(axes: Axes, curve: LightCurve, time: FloatArray) -> None:
    comparison = curve.comparison
    assert comparison is not None
    residual, expected = (a[:, curve.check] for a in (comparison.residual, comparison.expected))
    error = np.sqrt(expected**2 + curve.excess**2)
    axes.axhline(0, color=MUTED, lw=0.6)
    axes.errorbar(time, residual, error, marker="o", ms=2.5, color=GOOD, ecolor="#b7d8be", **STYLE)
    scatter = float(ensemble.spread(residual[:, None])[0])
    axes.set_ylabel("Check\nstar", fontsize=9)
    axes.text(
        0.01, 0.05, f"comparison star {curve.check + 1}, scatter {_mag(scatter)}",
        transform=axes.transAxes, fontsize=8, color=MUTED,
    )  # fmt: skip
    pad = max(4 * float(np.nanmedian(error)), 1.1 * float(np.nanmax(np.abs(residual))))
    axes.set_ylim(pad, -pad)


def _same_scale(top: Axes, check: Axes) -> None:
    """Magnitudes per centimetre as in the panel above, if the residuals fit in."""
    bottom, upper = top.get_ylim()
    share = 1.5 / 3.4 * (bottom - upper) / 2
    if share > check.get_ylim()[0]:
        check.set_ylim(share, -share)


# -- finding chart ---------------------------------------------------------------------------------


def plot_chart(frame: Frame, series: FilterSeries, target: Target, path: Path) -> None:
    """The reference frame: the target's aperture and ring, comparison stars numbered, a zoom."""
    field, curve = series.field, series.curve
    figure = _figure(*_picture_size(frame))
    axes = figure.add_subplot()
    _image(axes, frame)
    result = next((r for r in curve.results if r.info.path == frame.info.path), curve.results[0])
    radius, r_in, r_out = float(result.radii[curve.column]), result.r_in, result.r_out
    stars = len(field) - 1 if curve.comparison is not None else 0
    used = curve.comparison.used if curve.comparison is not None else np.zeros(0, dtype=bool)
    extent = max(frame.info.shape)
    size = max(radius * 1.6, extent * 0.009)
    for number in range(1, stars + 1):
        x, y = field.x[number], field.y[number]
        colour = GOOD if used[number - 1] else BAD
        axes.add_patch(Circle((x, y), size, fill=False, color=colour, lw=0.9))
        axes.annotate(
            str(number), (x, y), xytext=(5, 5), textcoords="offset points",
            fontsize=7, color=colour, path_effects=HALO,
        )  # fmt: skip
    x0, y0 = float(field.x[0]), float(field.y[0])
    for reach, style in ((max(size, radius), "-"), (r_in, "--"), (r_out, "--")):
        axes.add_patch(Circle((x0, y0), reach, fill=False, color=ACCENT, lw=1.1, ls=style))
    axes.text(
        x0, y0 - r_out - 0.012 * extent, target.name, ha="center", va="top",
        fontsize=9, color=ACCENT, fontweight="bold", path_effects=HALO,
    )  # fmt: skip
    _compass(axes, frame, field.scale)
    _inset(axes, frame, (x0, y0), (radius, r_in, r_out))
    count = f"{int(used.sum())} comparison stars used (green)" if stars else "constant zero point"
    if (~used).any():
        count += f", {int((~used).sum())} not (red)"
    axes.set_title(f"{target.name} · {frame.info.name}\n{count}", fontsize=10, color=INK)
    figure.savefig(path, dpi=DPI)


def _picture_size(frame: Frame) -> tuple[float, float]:
    """Inches, for an image with its labels and a title of two lines."""
    ny, nx = frame.info.shape
    return 7.6, float(np.clip(6.9 * ny / nx, 3.0, 10.0)) + 1.0


def _image(axes: Axes, frame: Frame) -> None:
    """The frame in grey, faint light stretched; a large one binned."""
    ny, nx = frame.info.shape
    step = max(1, -(-max(ny, nx) // LARGEST_PICTURE))
    trimmed = frame.pixels[: ny // step * step, : nx // step * step]
    binned = trimmed.reshape(ny // step, step, nx // step, step).mean(axis=(1, 3))
    hidden = frame.bad[: ny // step * step : step, : nx // step * step : step]
    seen = binned[~hidden] if (~hidden).any() else binned.ravel()
    sky = float(np.median(seen))
    noise = 1.4826 * float(np.median(np.abs(seen - sky))) or 1.0
    axes.imshow(
        np.arcsinh((binned - sky) / (5 * noise)), origin="lower", cmap="gray_r",
        vmin=-0.35, vmax=3.5, interpolation="nearest",
        extent=(-0.5, nx // step * step - 0.5, -0.5, ny // step * step - 0.5),
    )  # fmt: skip
    axes.set_xlim(-0.5, nx - 0.5)
    axes.set_ylim(-0.5, ny - 0.5)
    axes.set_xlabel("x (pixel)", fontsize=9)
    axes.set_ylabel("y (pixel)", fontsize=9)
    _tidy(axes)


def _compass(axes: Axes, frame: Frame, scale: float) -> None:
    """Arrows to the north and east, and a bar of a round length; nothing without a WCS."""
    if frame.wcs is None or frame.info.wcs_failed or not np.isfinite(scale):
        return
    ny, nx = frame.info.shape
    middle = np.array([(nx - 1) / 2, (ny - 1) / 2])
    ra, dec = (float(v) for v in frame.wcs.all_pix2world(*middle, 0, ra_dec_order=True))
    length = 0.07 * min(nx, ny)
    step = length * scale / 3600
    corner = np.array([0.88 * nx, 0.12 * ny])
    for name, at in (
        ("N", (ra, dec + step)),
        ("E", (ra + step / np.cos(np.radians(dec)), dec)),
    ):
        to = np.array([float(v) for v in frame.wcs.all_world2pix(*at, 0, ra_dec_order=True)])
        arm = (to - middle) / np.hypot(*(to - middle)) * length
        axes.annotate(
            "",
            tuple(corner + arm),
            tuple(corner),
            arrowprops={"arrowstyle": "->", "color": ACCENT, "lw": 1.2},
        )
        axes.text(
            corner[0] + 1.4 * arm[0], corner[1] + 1.4 * arm[1], name, ha="center", va="center", color=ACCENT, fontsize=9,
            path_effects=HALO,
        )  # fmt: skip
    nice = np.array([1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600])
    arcsec = float(nice[np.argmin(np.abs(np.log(nice / (0.18 * nx * scale))))])
    left, bottom = 0.04 * nx, 0.035 * ny
    axes.plot([left, left + arcsec / scale], [bottom, bottom], color=ACCENT, lw=2)
    text = f"{arcsec / 60:g}′" if arcsec >= 60 else f"{arcsec:g}″"
    axes.text(
        left + 0.5 * arcsec / scale, bottom + 0.012 * ny, text, ha="center", color=ACCENT,
        fontsize=9, path_effects=HALO,
    )  # fmt: skip


def _inset(
    axes: Axes, frame: Frame, at: tuple[float, float], radii: tuple[float, float, float]
) -> None:
    x, y = at
    ny, nx = frame.info.shape
    half = int(np.clip(1.4 * radii[-1], 20, 60))
    box = (0.02, 0.72, 0.26, 0.26)
    if x < 0.3 * nx and y > 0.6 * ny:  # not on top of the target itself
        box = (0.72, 0.72, 0.26, 0.26)
    inset = axes.inset_axes(box)
    xa, xb = max(int(x) - half, 0), min(int(x) + half + 1, nx)
    ya, yb = max(int(y) - half, 0), min(int(y) + half + 1, ny)
    part = frame.pixels[ya:yb, xa:xb].astype(float)
    sky = float(np.median(part))
    stretched = np.arcsinh((part - sky) / max(float(np.std(part)) * 0.2, 1e-9))
    inset.imshow(
        stretched, origin="lower", cmap="gray_r", interpolation="nearest",
        extent=(xa - 0.5, xb - 0.5, ya - 0.5, yb - 0.5),
    )  # fmt: skip
    for radius, style in zip(radii, ("-", "--", "--"), strict=True):
        inset.add_patch(Circle((x, y), radius, fill=False, color=ACCENT, lw=1.1, ls=style))
    inset.set_xticks([])
    inset.set_yticks([])
    for spine in inset.spines.values():
        spine.set_color(ACCENT)


# -- noise -----------------------------------------------------------------------------------------


def plot_noise(series: FilterSeries, target: Target, path: Path) -> None:
    """Scatter of each comparison star against its magnitude, with the noise that is expected."""
    curve = series.curve
    comparison = curve.comparison
    figure = _figure(7.0, 4.6)
    axes = figure.add_subplot()
    if comparison is None or len(curve) < 2:
        axes.text(0.5, 0.5, "Too few frames for a scatter", ha="center", transform=axes.transAxes)
        figure.savefig(path, dpi=DPI)
        return
    rms = 1e3 * comparison.rms
    used, known = comparison.used, np.isfinite(rms) & (rms > 0)
    for some, colour, fill, label in (
        (known & used, GOOD, GOOD, "comparison stars"),
        (known & ~used, BAD, "none", "left out"),
    ):
        if some.any():
            axes.plot(
                comparison.offset[some], rms[some], "o", ms=4, mec=colour, mfc=fill,
                label=f"{label} ({some.sum()})",
            )  # fmt: skip
    order = np.argsort(comparison.offset)
    seen = order[np.isfinite(comparison.expected).any(axis=0)[order]]
    formal = _smooth(comparison.offset[seen], np.nanmedian(comparison.expected[:, seen], axis=0))
    axes.plot(
        comparison.offset[seen], 1e3 * formal, "-", color=INK, lw=1.1,
        label="photons, sky and zero point",
    )  # fmt: skip
    total = np.sqrt(formal**2 + comparison.common_excess[seen] ** 2)
    if np.nanmedian(total / formal) > 1.03:
        axes.plot(
            comparison.offset[seen], 1e3 * total, "--", color=INK, lw=1.1,
            label="and what all stars show beyond",
        )  # fmt: skip
    mag, error = float(np.nanmedian(curve.dmag)), 1e3 * float(np.nanmedian(curve.dmag_err))
    if np.isfinite(mag) and np.isfinite(error):
        axes.plot(
            mag, error, "*", ms=13, color=ACCENT, mec="white",
            label=f"{target.name}: quoted error {error:.1f} mmag",
        )  # fmt: skip
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(LogFormatter(labelOnlyBase=False, minor_thresholds=(2, 1)))
    axes.set_xlabel("Magnitude relative to the ensemble")
    axes.set_ylabel("Scatter over the series (mmag)")
    axes.grid(alpha=0.2, which="both")
    axes.legend(fontsize=8, frameon=False)
    text = f"χ = {curve.chi:.2f}" if np.isfinite(curve.chi) else "χ unknown"
    axes.set_title(
        f"{target.name} · {series.filter} · {text}, added {1e3 * curve.excess:.1f} mmag",
        fontsize=11, color=INK,
    )  # fmt: skip
    _tidy(axes)
    figure.savefig(path, dpi=DPI)


def _smooth(x: FloatArray, y: FloatArray) -> FloatArray:
    """A cubic in the logarithm: stars of one brightness differ in their frames and sky."""
    if len(x) < 8 or np.ptp(x) < 0.5:
        return y
    fit: FloatArray = np.exp(np.polyval(np.polyfit(x, np.log(y), 3), x))
    return fit


# -- growth curve ----------------------------------------------------------------------------------


def plot_growth(frame: Frame, series: FilterSeries, target: Target, path: Path) -> None:
    """Light against radius on the reference frame, and what the aperture was chosen by."""
    field, curve = series.field, series.curve
    result = next((r for r in curve.results if r.info.path == frame.info.path), curve.results[0])
    tried = np.isfinite(curve.scatter)
    figure = _figure(9.0 if tried.any() else 5.4, 4.0)
    panels = figure.subplots(1, 2 if tried.any() else 1, squeeze=False)[0]
    left, *right = panels
    radii = np.linspace(0.5, result.r_out, 60)
    half = int(np.ceil(result.r_out)) + 2
    for stars, label, colour in (
        (np.array([0]), target.name, ACCENT),
        (field.bright[:15], "median of bright comparison stars", GOOD),
    ):
        if not len(stars) or (colour == GOOD and len(field) == 1):
            continue
        at = field.x[stars], field.y[stars]
        stamps = cut_stamps(frame.pixels, frame.bad, *at, half=half)
        sky = ring_sky(stamps, *at, r_in=result.r_in, r_out=result.r_out)
        sums = sum_apertures(subtract_sky(stamps, sky), stamps, *at, radii)
        whole = sums.flux[:, radii <= result.r_in][:, -1:]
        with np.errstate(invalid="ignore", divide="ignore"):
            growth = np.nanmedian(sums.flux / np.where(whole > 0, whole, np.nan), axis=0)
        left.plot(radii, growth, "-", color=colour, lw=1.4, label=label)
    radius = float(result.radii[curve.column])
    left.axvline(radius, color=INK, lw=1, label=f"aperture {radius:.1f} px")
    left.axvspan(result.r_in, result.r_out, color=MUTED, alpha=0.15, lw=0, label="sky ring")
    left.set_xlim(0, result.r_out)
    left.set_ylim(0, 1.15)
    left.set_xlabel("Radius (pixel)")
    left.set_ylabel("Light inside, relative to the ring's inner edge")
    left.legend(fontsize=8, frameon=False, loc="lower right")
    left.set_title(f"{target.name} · {frame.info.name}", fontsize=10, color=INK)
    _tidy(left)
    if right:
        axes = right[0]
        factors = result.radii / result.fwhm
        # Circles that would be too small are all made the smallest that makes sense.
        tried &= np.append(np.diff(factors) > 1e-9, True)
        axes.plot(factors[tried], 1e3 * curve.scatter[tried], "o-", color=ACCENT, ms=4, lw=1)
        axes.axvline(factors[curve.column], color=INK, lw=1)
        axes.set_xlabel("Aperture radius on this frame (FWHM)")
        axes.set_ylabel("Scatter of stars like the target (mmag)")
        axes.set_title(f"Chosen: {curve.factor:g} × FWHM", fontsize=10, color=INK)
        _tidy(axes)
    figure.savefig(path, dpi=DPI)


# -- catalogue -------------------------------------------------------------------------------------


def plot_catalogue(frame: Frame, table: QTable, path: Path) -> None:
    """All sources of one frame, circled; flagged ones in another colour."""
    figure = _figure(*_picture_size(frame))
    axes = figure.add_subplot()
    _image(axes, frame)
    size = max(float(table.meta["aperture"]), 0.008 * max(frame.info.shape))
    flagged = (np.asarray(table["flags"]) & ~int(INFORMATION | Flag.NO_GAIN)) != 0
    for x, y, wrong in zip(table["x"].value, table["y"].value, flagged, strict=True):
        axes.add_patch(Circle((x, y), size, fill=False, color=BAD if wrong else GOOD, lw=0.7))
    title = f"{frame.info.name} · {len(table)} sources"
    if flagged.any():
        title += f", {int(flagged.sum())} flagged (red)"
    axes.set_title(title, fontsize=10, color=INK)
    figure.savefig(path, dpi=DPI)
