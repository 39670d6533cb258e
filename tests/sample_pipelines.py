"""Small pipelines that tests run, each for one behaviour."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from django import forms
from tom_dataproducts.models import DataProduct, ReducedDatum

from tom_pipeline_core.models import AsyncError, PipelineOutput, PipelineProcess
from tom_pipeline_core.outputs import File, Photometry, PhotometryTable, Plot, Spectrum

NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f"
    b"\x15\xc4\x89\x00\x00\x00\rIDATx\x9cc\xf8\xff\xff?\x00\x05\xfe\x02\xfe\xa75\x81\x84\x00\x00"
    b"\x00\x00IEND\xaeB`\x82"
)


class Copy(PipelineProcess):
    """Writes the names of its input files into a table."""

    short_name = "copy"

    def do_pipeline(self, tmpdir: Path) -> list[Path]:
        with self.update_status("Copying"):
            names = [product.data.name for product in self.track(self.input_files.all())]
            self.log(f"{len(names)} files")
        out = tmpdir / "names.txt"
        out.write_text("\n".join(names))
        return [out]


class CopyWithMeta(PipelineProcess):
    short_name = "copymeta"

    class Meta:
        proxy = True

    def do_pipeline(self, tmpdir: Path) -> list[Path]:
        out = tmpdir / "names.txt"
        out.write_text("x")
        return [out]


class Refusing(PipelineProcess):
    short_name = "refusing"

    def do_pipeline(self, tmpdir: Path) -> None:
        self.log("about to fail")
        raise AsyncError("No star in frame.fits: point the telescope at the sky")


class Silent(PipelineProcess):
    short_name = "silent"

    def do_pipeline(self, tmpdir: Path) -> None:
        raise AsyncError


class Raising(PipelineProcess):
    short_name = "raising"

    def do_pipeline(self, tmpdir: Path) -> None:
        (tmpdir / "half.txt").write_text("half")
        raise ZeroDivisionError("the sky is flat")


class Exiting(PipelineProcess):
    short_name = "exiting"

    def do_pipeline(self, tmpdir: Path) -> None:
        sys.exit(3)


class Nothing(PipelineProcess):
    short_name = "nothing"

    def do_pipeline(self, tmpdir: Path) -> None:
        return None


class TwoThenRaise(PipelineProcess):
    short_name = "two"

    def do_pipeline(self, tmpdir: Path) -> Iterator[Path]:
        for name in ("one.txt", "two.txt"):
            (tmpdir / name).write_text(name)
            yield tmpdir / name
        raise AsyncError("after two outputs")


class Outside(PipelineProcess):
    short_name = "outside"

    def do_pipeline(self, tmpdir: Path) -> list[Path]:
        (tmpdir / "fine.txt").write_text("fine")
        return [tmpdir / "fine.txt", Path("/etc/hostname")]


class Linked(PipelineProcess):
    short_name = "linked"

    def do_pipeline(self, tmpdir: Path) -> list[Path]:
        (tmpdir / "link.txt").symlink_to("/etc/hostname")
        return [tmpdir / "link.txt"]


class Missing(PipelineProcess):
    short_name = "missing"

    def do_pipeline(self, tmpdir: Path) -> list[Path]:
        (tmpdir / "fine.txt").write_text("fine")
        return [tmpdir / "fine.txt", tmpdir / "never_written.txt"]


class SameNames(PipelineProcess):
    short_name = "same"

    def do_pipeline(self, tmpdir: Path) -> list[Path]:
        paths = []
        for folder in ("a", "b"):
            (tmpdir / folder).mkdir()
            path = tmpdir / folder / "result.txt"
            path.write_text(folder)
            paths.append(path)
        return paths


class Typed(PipelineProcess):
    """Hands back one of each output."""

    short_name = "typed"

    def do_pipeline(self, tmpdir: Path) -> Iterator[Any]:
        (tmpdir / "plot.png").write_bytes(PNG)
        (tmpdir / "table.csv").write_text("a,b\n1,2\n")
        product = self.input_files.first()
        self.measure("fwhm", 3.2, unit="pixel", product=product)
        yield File(tmpdir / "table.csv", "photometry")
        yield Plot(tmpdir / "plot.png", "The light curve")
        yield Photometry(
            timestamp=NOON,
            brightness=15.25,
            brightness_error=0.01,
            bandpass="r",
            exposure_time=60,
            source=product,
        )
        yield Photometry(timestamp=NOON, brightness=None, limit=20.5, bandpass="u")
        yield Spectrum(timestamp=NOON, wavelength=[4000.0, 5000.0], flux=[1.0, float("nan")])


class Table(PipelineProcess):
    short_name = "table"
    version = "2.1"

    def do_pipeline(self, tmpdir: Path) -> list[PhotometryTable]:
        from astropy import units
        from astropy.table import QTable
        from astropy.time import Time

        times = Time(["2026-03-01T12:00:00", "2026-03-01T12:03:00", "2026-03-01T12:06:00"])
        table = QTable(
            {
                "time": times,
                "mag": [15.1, float("nan"), 15.3] * units.mag,
                "mag_err": [0.01, 0.01, 0.02] * units.mag,
                "exposure_time": [1, 1, 1] * units.min,
            }
        )
        return [PhotometryTable(table, bandpass="V")]


class Adjustable(PipelineProcess):
    """Writes down what it was given."""

    short_name = "adjustable"

    class Parameters(forms.Form):
        radius = forms.FloatField(min_value=1, max_value=50, initial=6, help_text="pixels")
        method = forms.ChoiceField(choices=[("sum", "sum"), ("fit", "fit")], initial="sum")
        verbose = forms.BooleanField(required=False, initial=True)
        since = forms.DateField(required=False)

    def do_pipeline(
        self, tmpdir: Path, radius: float, method: str, verbose: bool, since: Any
    ) -> None:
        assert self.parameters["radius"] == radius
        self.log(f"{radius!r} {method!r} {verbose!r} {since!r}")


class Flagged(PipelineProcess):
    short_name = "flagged"
    flags = {
        "plot": {"default": False, "long_name": "Make a plot"},
        "quick": {"default": True, "long_name": "Be quick"},
    }

    def do_pipeline(self, tmpdir: Path, **flags: bool) -> None:
        self.log(str(sorted(flags.items())))


class OnlyFits(PipelineProcess):
    short_name = "onlyfits"
    allowed_suffixes = (".fits", ".fits.fz")
    max_inputs = 2

    def do_pipeline(self, tmpdir: Path) -> None:
        return None

    @classmethod
    def accepts(cls, product: DataProduct) -> str | None:
        return "it is dark" if "dark" in str(product.data.name) else None


class Skipping(PipelineProcess):
    short_name = "skipping"

    def do_pipeline(self, tmpdir: Path) -> None:
        for product in self.input_files.all():
            if "bad" in product.data.name:
                self.skip(product, "no WCS in its header")


class OldStyle(PipelineProcess):
    """Outputs by position, as pipelines of old return them."""

    short_name = "old"

    def do_pipeline(self, tmpdir: Path) -> Iterator[Any]:
        for name in ("a.txt", "b.txt", "c.txt"):
            (tmpdir / name).write_text(name)
        yield tmpdir / "a.txt"
        yield (tmpdir / "b.txt", DataProduct)
        yield PipelineOutput(
            path=tmpdir / "c.txt", output_type=DataProduct, data_product_type="image_file"
        )
        yield PipelineOutput(
            path=None,
            output_type=ReducedDatum,
            data_product_type="photometry",
            data=(61100.5, 17.5, 0.02, self.input_files.first().data.name),
        )


class WrongType(PipelineProcess):
    short_name = "wrong"

    def do_pipeline(self, tmpdir: Path) -> list[Any]:
        (tmpdir / "a.txt").write_text("a")
        return [tmpdir / "a.txt", (tmpdir / "a.txt", "cheese")]


class OldHabits(PipelineProcess):
    """Sets the status and saves itself, and logs in pieces."""

    short_name = "habits"

    def do_pipeline(self, tmpdir: Path) -> None:
        self.status = "thinking"
        self.identifier = "must not be written"
        self.save()
        self.log("one, ", end="")
        self.log("two")
        self.log(42)
        sys.stdout.write("to standard output\n")
        self.log("no end", end="")


class DeletingItsInput(PipelineProcess):
    """Takes away what the supervisor believes in: the row is cancelled while it runs."""

    short_name = "cancelled"

    def do_pipeline(self, tmpdir: Path) -> list[Path]:
        from tom_pipeline_core import submission

        submission.cancel(PipelineProcess.objects.get(pk=self.pk))
        (tmpdir / "late.txt").write_text("late")
        return [tmpdir / "late.txt"]


class ManyPoints(PipelineProcess):
    short_name = "many"

    def do_pipeline(self, tmpdir: Path) -> Iterator[Photometry]:
        for number in range(200):
            yield Photometry(
                timestamp=NOON + timedelta(minutes=number),
                brightness=15 + number / 1000,
                brightness_error=0.01,
                bandpass="r",
            )


class SlowToEnd(PipelineProcess):
    """Waits for a file to appear, so that a test decides when it ends."""

    short_name = "slow"

    class Parameters(forms.Form):
        gate = forms.CharField()

    def do_pipeline(self, tmpdir: Path, gate: str) -> None:
        import time

        self.update_status("Waiting")
        for _ in range(6000):
            if os.path.exists(gate):  # noqa: PTH110
                return
            time.sleep(0.05)
        raise AsyncError("nobody opened the gate")


class Stepwise(PipelineProcess):
    """Goes on when a test lets it: at each gate it waits for a file of that name."""

    short_name = "stepwise"

    class Parameters(forms.Form):
        gates = forms.CharField(label="Folder of the gates")
        radius = forms.FloatField(initial=4, label="Radius [pixel]")
        fail = forms.BooleanField(required=False)

    def do_pipeline(self, tmpdir: Path, gates: str, radius: float, fail: bool) -> Iterator[Any]:
        self.update_status("Reading frames")
        self.log("first line")
        self.progress(1, 4)
        self._wait(gates, "measure")
        self.update_status("Measuring")
        self.log("a star is saturated", level=logging.WARNING)
        self.progress(3, 4)
        self._wait(gates, "end")
        if fail:
            raise AsyncError("No star in frame.fits: point the telescope at the sky")
        (tmpdir / "table.csv").write_text("mjd,mag\n61100.5,15.25\n")
        (tmpdir / "plot.png").write_bytes(PNG)
        yield File(tmpdir / "table.csv")
        yield Plot(tmpdir / "plot.png", "The light curve")
        for number in range(3):
            yield Photometry(
                timestamp=NOON + timedelta(hours=number),
                brightness=15 + number / 10,
                brightness_error=0.01,
                bandpass="r",
            )

    def _wait(self, gates: str, name: str) -> None:
        import time

        for _ in range(1200):
            if os.path.exists(os.path.join(gates, name)):  # noqa: PTH110, PTH118
                return
            time.sleep(0.05)
        raise AsyncError(f"nobody opened the gate {name}")
