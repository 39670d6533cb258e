"""The pipelines that a TOM offers: with ``parameters`` the only code that knows Django."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from datetime import timezone
from pathlib import Path
from typing import Any

import numpy as np

from example_photometry import flags
from example_photometry.catalogue import make_catalogue
from example_photometry.errors import FrameError, SeriesError
from example_photometry.flags import INFORMATION, UNUSABLE, Flag
from example_photometry.frames import inspect, read
from example_photometry.parameters import (
    CatalogueParameters,
    SeriesParameters,
    catalogue_settings,
    series_settings,
)
from example_photometry.plots import (
    plot_catalogue,
    plot_chart,
    plot_growth,
    plot_light_curve,
    plot_noise,
)
from example_photometry.series import FilterSeries, measure_series
from example_photometry.tables import comparison_table, light_curve_table, safe_name
from example_photometry.target import Target
from tom_pipeline_core.models import AsyncError, PipelineProcess
from tom_pipeline_core.outputs import File, Output, Photometry, Plot

SUFFIXES = (".fits", ".fit", ".fts", ".fits.fz", ".fits.gz", ".fit.gz", ".fz")
SOURCE_NAME = "example_photometry"
MOSTLY = 0.9
"""Part of the points that have to be saturated for a run to be refused."""


def target_of(process: PipelineProcess) -> Target:
    """
    The process's target, with its proper motion.

    Raises
    ------
    AsyncError
        If it has no coordinates.
    """
    row = process.target
    if row is None or row.ra is None or row.dec is None:
        raise AsyncError(
            "The target has no coordinates (RA, Dec). Aperture photometry needs a fixed target: "
            "enter them on the target's page."
        )
    return Target(
        float(row.ra), float(row.dec), str(row.name), float(row.pm_ra or 0.0),
        float(row.pm_dec or 0.0), float(row.epoch or 2000.0),
    )  # fmt: skip


class Told:
    """A listener of :func:`measure_series` that tells the process."""

    def __init__(self, process: PipelineProcess, products: dict[Path, Any]) -> None:
        self.process = process
        self.products = products
        self.skipped: dict[str, str] = {}

    def step(self, text: str) -> None:
        self.process.update_status(text)

    def progress(self, done: int, total: int, text: str) -> None:
        self.process.progress(done, total)

    def skip(self, path: Path, reason: str) -> None:
        self.skipped[path.name] = reason
        self.process.skip(self.products[path], reason)

    def note(self, text: str) -> None:
        self.process.log(text)


class AperturePhotometry(PipelineProcess):
    """
    A differential light curve of the target, with honest errors.

    Select 5 to 500 reduced frames and run with the defaults. Comparison stars are found on the
    frames, the aperture follows the seeing, times are mid-exposure (UTC and BJD_TDB). Gives a table
    (ECSV) and pictures for each filter, and points on the target's Photometry tab. Frames that
    cannot be used are listed with the reason.
    """

    short_name = "photometry"
    allowed_suffixes = SUFFIXES
    Parameters = SeriesParameters

    def do_pipeline(self, tmpdir: Path, **parameters: Any) -> Iterator[Output]:
        target, settings = target_of(self), series_settings(parameters)
        products = {Path(self.local_path(product)): product for product in self.input_files.all()}
        told = Told(self, products)
        workers = min(int(parameters["workers"]), available_cores())
        try:
            found = measure_series(list(products), target, settings, told, workers)
        except SeriesError as error:
            raise AsyncError(str(error)) from error
        if not parameters["save_flagged"]:
            refuse_saturated(found)
        for series in found:
            table = light_curve_table(
                series, target, settings, told.skipped,
                {path: product.pk for path, product in products.items()},
            )  # fmt: skip
            name = safe_name(series.filter)
            self.update_status(f"Drawing plots ({series.filter})")
            yield from self._files(tmpdir, name, series, target, table)
            summary = summarise(series)
            self.log(f"{series.filter}: {summary}")
            for result in series.curve.results:
                self.measure("fwhm", result.fwhm, unit="pixel", product=products[result.info.path])
            if parameters["save_points"]:
                points = list(points_of(series, products, bool(parameters["save_flagged"])))
                self.update_status(f"Saving {len(points)} points ({series.filter})")
                yield from points
        self.log(
            f"{sum(len(series.curve) for series in found)} of {len(products)} frames measured, "
            f"{len(told.skipped)} skipped"
        )

    def _files(
        self, tmpdir: Path, name: str, series: FilterSeries, target: Target, table: Any
    ) -> Iterator[Output]:
        def path(kind: str, suffix: str) -> Path:
            return tmpdir / f"{kind}_{name}.{suffix}"

        table.write(path("lightcurve", "ecsv"))
        yield File(path("lightcurve", "ecsv"))
        stars = comparison_table(series)
        if stars is not None:
            stars.write(path("comparison_stars", "ecsv"))
            yield File(path("comparison_stars", "ecsv"))
        plot_light_curve(series, target, path("lightcurve", "png"))
        yield Plot(
            path("lightcurve", "png"),
            f"Light curve of {target.name} in {series.filter}, a check star on the same scale, "
            f"seeing and airmass. Hollow points are flagged.",
        )
        reference = read(series.field.reference)
        plot_chart(reference, series, target, path("chart", "png"))
        yield Plot(
            path("chart", "png"),
            f"{target.name} with its aperture and sky ring, and the comparison stars "
            f"(green: used, red: not), on {reference.info.name}.",
        )
        if series.curve.comparison is not None and len(series.curve) > 1:
            plot_noise(series, target, path("noise", "png"))
            yield Plot(
                path("noise", "png"),
                "Scatter of the comparison stars against their magnitude, and the noise expected "
                "of photons, sky and zero point.",
            )
        plot_growth(reference, series, target, path("growth", "png"))
        yield Plot(
            path("growth", "png"),
            "Light inside a circle against its radius, and the scatter by which the aperture was "
            "chosen.",
        )


def available_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def refuse_saturated(found: list[FilterSeries]) -> None:
    """
    Stop a run whose magnitudes would be wrong.

    Raises
    ------
    AsyncError
        If the target is saturated on nearly all frames.
    """
    points = [(s, r, f) for s in found for r, f in zip(s.curve.results, s.curve.flags, strict=True)]
    cut = [(series, result) for series, result, flag in points if flag & int(Flag.SATURATED)]
    if len(cut) >= MOSTLY * len(points):
        series, result = cut[0]
        limit = 0.9 * min(result.info.saturation, series.field.saturation)
        raise AsyncError(
            f"The target is saturated in {len(cut)} of {len(points)} frames (peak "
            f"{result.peak[0]:.0f}, limit {limit:.0f}): magnitudes would be wrong. Use shorter "
            f"exposures, or save flagged points if you know what you do."
        )


def summarise(series: FilterSeries) -> str:
    """One sentence about a light curve."""
    curve = series.curve
    parts = [f"{len(curve)} points"]
    if curve.comparison is not None:
        parts.append(f"{int(curve.comparison.used.sum())} comparison stars")
    parts.append(f"aperture {curve.factor:g}")
    if np.isfinite(curve.mag_err).any():
        parts.append(f"error {1e3 * float(np.nanmedian(curve.mag_err)):.1f} mmag")
    if np.isfinite(curve.chi):
        parts.append(
            f"comparison stars like the target scatter {curve.chi:.2f} times their error "
            f"({1e3 * curve.excess:.1f} mmag added)"
        )
    kinds = Counter(
        name for flag in curve.flags for name in flags.names(flag & ~int(INFORMATION)).split(",")
    )
    kinds.pop("", None)
    if kinds:
        text = ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in kinds.most_common())
        parts.append(f"flagged: {text}")
    return "; ".join(parts)


def points_of(
    series: FilterSeries, products: dict[Path, Any], save_flagged: bool
) -> Iterator[Photometry]:
    """The light curve as the TOM keeps it; wrong points only if asked for."""
    curve = series.curve
    calibrated = bool(curve.zero_point)
    # The TOM's plot says "Apparent Magnitude" whatever the unit: the name has to tell.
    bandpass = series.filter[:25] if calibrated else f"{series.filter[:25]} (diff)"
    for n, result in enumerate(curve.results):
        flag = int(curve.flags[n])
        if flag & int(UNUSABLE) and not save_flagged:
            continue
        limit = float(curve.limit[n])
        detected = np.isfinite(curve.mag[n]) and not np.isfinite(limit)
        if not detected and not np.isfinite(limit):
            continue
        info = result.info
        yield Photometry(
            timestamp=info.exposure.mid.utc.to_datetime(timezone=timezone.utc),
            brightness=float(curve.mag[n]) if detected else None,
            brightness_error=float(curve.mag_err[n]) if detected else None,
            limit=None if detected else limit,
            bandpass=bandpass,
            exposure_time=info.exposure.exptime,
            telescope=info.telescope,
            instrument=info.instrument,
            source_name=SOURCE_NAME,
            source=products[info.path],
            value={
                "bjd_tdb": float(curve.times.bjd_tdb[n]),
                "airmass": float(curve.times.airmass[n]),
                "fwhm": float(result.fwhm),
                "flags": flag,
                "flag_text": flags.names(flag),
                "n_comp": 0 if curve.comparison is None else int(curve.comparison.count[n]),
            },
        )


class SourceCatalogue(PipelineProcess):
    """
    All sources of each selected frame, with positions and magnitudes.

    Gives for each frame a catalogue (ECSV) and a picture with the sources circled; the target's
    own magnitude goes to its Photometry tab if wanted.
    """

    short_name = "catalogue"
    allowed_suffixes = SUFFIXES
    max_inputs = 50
    Parameters = CatalogueParameters

    def do_pipeline(self, tmpdir: Path, **parameters: Any) -> Iterator[Output]:
        settings = catalogue_settings(parameters)
        target = target_of(self) if parameters["save_points"] else None
        products = list(self.input_files.all())
        reasons: Counter[str] = Counter()
        for product in self.track(products, "Finding sources"):
            try:
                info = inspect(self.local_path(product), target=target)
                frame = read(info)
                table = make_catalogue(frame, settings)
            except FrameError as error:
                self.skip(product, str(error))
                reasons[str(error)] += 1
                continue
            self.log(f"{info.name}: {len(table)} sources, FWHM {table.meta['fwhm']:.2f} px")
            self.measure("sources", len(table), product=product)
            self.measure("fwhm", table.meta["fwhm"], unit="pixel", product=product)
            name = f"{product.pk}_{safe_name(info.path.name.split('.')[0])}"
            table.write(tmpdir / f"catalogue_{name}.ecsv")
            yield File(tmpdir / f"catalogue_{name}.ecsv")
            plot_catalogue(frame, table, tmpdir / f"catalogue_{name}.png")
            yield Plot(
                tmpdir / f"catalogue_{name}.png", f"{len(table)} sources of {info.name}, circled."
            )
            if target is not None:
                point = self._point(frame, table, product)
                if point is not None:
                    yield point
        if sum(reasons.values()) == len(products):
            found = "; ".join(f"{n} x {reason}" for reason, n in reasons.most_common(5))
            raise AsyncError(f"None of {len(products)} frames gave a catalogue: {found}")

    def _point(self, frame: Any, table: Any, product: Any) -> Photometry | None:
        """The source at the target's place, if its magnitude can be trusted."""
        info = frame.info
        if info.at is None or info.wcs_failed:
            self.log(f"{info.name}: no place for the target without a WCS that can be trusted")
            return None
        distance = np.hypot(table["x"].value - info.at[0], table["y"].value - info.at[1])
        nearest = int(np.argmin(distance))
        row = table[nearest]
        if distance[nearest] > max(3.0, table.meta["fwhm"]):
            self.log(f"{info.name}: no source at the target's place")
            return None
        if row["flags"] & int(UNUSABLE) or not np.isfinite(row["mag"].value):
            self.log(f"{info.name}: the target is flagged ({row['flag_text']}): no point saved")
            return None
        return Photometry(
            timestamp=info.exposure.mid.utc.to_datetime(timezone=timezone.utc),
            brightness=float(row["mag"].value),
            brightness_error=float(row["mag_err"].value),
            bandpass=(info.filter or "unknown")[:32],
            exposure_time=info.exposure.exptime,
            telescope=info.telescope,
            instrument=info.instrument,
            source_name=SOURCE_NAME,
            source=product,
            value={"flags": int(row["flags"]), "fwhm": float(table.meta["fwhm"])},
        )
