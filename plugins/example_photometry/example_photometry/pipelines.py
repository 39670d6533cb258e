"""The pipelines that a TOM offers: the only module here that knows Django and the core."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

from astropy import units as u
from astropy.table import QTable
from django import forms

from example_photometry import flags
from example_photometry.errors import FrameError
from example_photometry.frames import FrameInfo, inspect, read
from example_photometry.plots import plot_light_curve
from example_photometry.target import Apertures, Measurement, measure_target
from example_photometry.times import barycentric
from tom_pipeline_core.models import AsyncError, PipelineProcess
from tom_pipeline_core.outputs import File, Output, PhotometryTable, Plot

SUFFIXES = (".fits", ".fit", ".fts", ".fits.fz", ".fits.gz", ".fz")
UNITS = (("fwhm", "multiples of the seeing (FWHM)"), ("arcsec", "arcseconds"), ("pixel", "pixels"))


class AperturePhotometry(PipelineProcess):
    """
    Measure the target on every selected frame.

    On each frame the target is found by its coordinates through the WCS, centred, and its light
    summed in a circle; the sky comes from a ring around it. Gives a table (ECSV), a light curve
    (PNG) and points on the target's Photometry tab.
    """

    short_name = "photometry"
    allowed_suffixes = SUFFIXES
    min_inputs = 1

    class Parameters(forms.Form):
        aperture = forms.ChoiceField(
            choices=UNITS, initial="fwhm", required=False, label="Radii are given in"
        )
        aperture_radius = forms.FloatField(
            initial=1.5, min_value=0.5, max_value=100, required=False, label="Aperture radius"
        )
        annulus_inner = forms.FloatField(
            initial=4.0, min_value=1, max_value=200, required=False, label="Sky ring, inner radius"
        )
        annulus_outer = forms.FloatField(
            initial=7.0, min_value=1.5, max_value=300, required=False,
            label="Sky ring, outer radius",
        )  # fmt: skip
        zero_point = forms.FloatField(
            initial=25.0, min_value=0, max_value=40, required=False, label="Zero point (mag)",
            help_text="Magnitude of a star that gives one count per second.",
        )  # fmt: skip

        def clean(self) -> dict[str, Any]:
            given = super().clean() or self.cleaned_data
            for name, form_field in self.fields.items():
                if given.get(name) in (None, ""):
                    given[name] = form_field.initial
            if not given["aperture_radius"] < given["annulus_inner"] < given["annulus_outer"]:
                raise forms.ValidationError(
                    "The radii have to grow: aperture %(a)s < inner %(b)s < outer %(c)s.",
                    params={
                        "a": given["aperture_radius"],
                        "b": given["annulus_inner"],
                        "c": given["annulus_outer"],
                    },
                )
            return given

    def do_pipeline(self, tmpdir: Path, **parameters: Any) -> list[Output]:
        apertures = Apertures(
            parameters["aperture"],
            parameters["aperture_radius"],
            parameters["annulus_inner"],
            parameters["annulus_outer"],
        )
        if self.target.ra is None or self.target.dec is None:
            raise AsyncError("The target has no coordinates (RA, Dec); this needs a fixed target.")
        rows: list[tuple[Any, FrameInfo, Measurement]] = []
        reasons: Counter[str] = Counter()
        products = list(self.input_files.all())
        for product in self.track(products, "Measuring"):
            try:
                info = inspect(self.local_path(product))
                measured = measure_target(read(info), self.target.ra, self.target.dec, apertures)
            except FrameError as error:
                self.skip(product, str(error))
                reasons[str(error)] += 1
                continue
            for note in info.exposure.notes:
                self.log(f"{info.name}: {note}")
            self.measure("fwhm", measured.fwhm, unit="pixel", product=product)
            rows.append((product, info, measured))
        if not rows:
            found = "; ".join(f"{count} x {reason}" for reason, count in reasons.most_common(5))
            raise AsyncError(f"None of {len(products)} frames could be measured: {found}")

        with self.update_status("Building the light curve"):
            table = self._table(rows, parameters["zero_point"])
        with self.update_status("Drawing plots"):
            picture = tmpdir / "lightcurve.png"
            plot_light_curve(table, picture, f"{self.target.name}: {len(table)} frames")
        saved = tmpdir / "lightcurve.ecsv"
        table.write(saved)
        good = (table["flags"] & int(flags.UNUSABLE)) == 0
        if not good.all():
            self.log(f"{(~good).sum()} flagged points stay in the table only")
        return [
            File(saved),
            Plot(picture, f"Light curve of {self.target.name}; flagged points are hollow."),
            PhotometryTable(self._points(rows, table)[good]),
        ]

    def _table(self, rows: list[tuple[Any, FrameInfo, Measurement]], zero_point: float) -> QTable:
        """One row a frame, in order of time."""
        rows.sort(key=lambda row: row[1].exposure.mid.mjd)
        times = barycentric(
            [info.exposure.mid for _, info, _ in rows], self.target.ra, self.target.dec,
            next((info.site for _, info, _ in rows if info.site is not None), None),
        )  # fmt: skip
        infos = [info for _, info, _ in rows]
        found = [measured for _, _, measured in rows]
        pixel, adu = u.pixel, u.adu
        table = QTable()
        table["file"] = [info.name for info in infos]
        table["product_id"] = [product.pk for product, _, _ in rows]
        table["mjd_utc_mid"] = [info.exposure.mid.mjd for info in infos] * u.day
        table["bjd_tdb"] = times.bjd_tdb * u.day
        table["exptime"] = [info.exposure.exptime for info in infos] * u.s
        table["airmass"] = times.airmass
        table["filter"] = [info.filter for info in infos]
        for name, unit in (
            ("x", pixel), ("y", pixel), ("fwhm", pixel), ("sky", adu), ("sky_sigma", adu),
            ("aperture", pixel), ("flux", adu), ("flux_err", adu), ("peak", adu),
        ):  # fmt: skip
            table[name] = [getattr(m, name) for m in found] * unit
        seconds = [info.exposure.exptime if info.exposure.exptime > 0 else 1.0 for info in infos]
        table["mag"] = [
            zero_point + m.mag_inst + 2.5 * math.log10(t)
            for m, t in zip(found, seconds, strict=True)
        ] * u.mag
        table["mag_err"] = [m.mag_err for m in found] * u.mag
        table["flags"] = [int(m.flags) for m in found]
        table["flag_text"] = [flags.names(m.flags) for m in found]
        table.meta = {"target": str(self.target.name), "parameters": dict(self.parameters)}
        return table

    def _points(self, rows: list[tuple[Any, FrameInfo, Measurement]], table: QTable) -> QTable:
        """The same for the target's Photometry tab."""
        points = QTable()
        points["mjd"] = table["mjd_utc_mid"]
        points["mag"] = table["mag"]
        points["mag_err"] = table["mag_err"]
        points["bandpass"] = [name or "unknown" for name in table["filter"]]
        points["exposure_time"] = table["exptime"]
        points["telescope"] = [info.telescope for _, info, _ in rows]
        points["instrument"] = [info.instrument for _, info, _ in rows]
        points["source_name"] = ["example_photometry"] * len(table)
        points["source"] = table["product_id"]
        return points
