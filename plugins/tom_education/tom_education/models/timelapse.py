"""The timelapse pipeline: a target's frames as an animated GIF, an MP4 or a WebM."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from tom_dataproducts.models import DataProduct

from tom_education.models.pipelines import PipelineProcess
from tom_education.timelapse import frames, movie, pixels
from tom_education.timelapse.frames import Frame, Image
from tom_education.timelapse.frames import data_index as get_data_index
from tom_education.timelapse.pixels import crop_image, normalise_background
from tom_pipeline_core.exceptions import AsyncError
from tom_pipeline_core.outputs import File, Output, Plot

__all__ = [
    "TIMELAPSE_GIF",
    "TIMELAPSE_MP4",
    "TIMELAPSE_WEBM",
    "TimelapsePipeline",
    "crop_image",
    "get_data_index",
    "normalise_background",
]

TIMELAPSE_GIF, TIMELAPSE_MP4, TIMELAPSE_WEBM = "gif", "mp4", "webm"
SETTING = "TOM_EDUCATION_TIMELAPSE_SETTINGS"
DEFAULTS: dict[str, Any] = {"format": TIMELAPSE_GIF, "fps": 10, "size": 500, "crop_scale": 0.5}
SLOWEST, FASTEST = 0.1, 60.0
SMALLEST, LARGEST = 16, 4096
CENTRE, TARGET = "centre", "target"


def timelapse_settings() -> dict[str, Any]:
    """
    Return the site's defaults.

    Raises
    ------
    ImproperlyConfigured
        If the setting is no mapping or has keys that do not exist.
    """
    given = getattr(settings, SETTING, None) or {}
    if not isinstance(given, Mapping) or given.keys() - DEFAULTS.keys():
        raise ImproperlyConfigured(
            f"{SETTING} is {given!r}; it takes the keys {', '.join(DEFAULTS)}"
        )
    return {**DEFAULTS, **given}


def _default(key: str) -> Any:
    return lambda: timelapse_settings()[key]


class TimelapsePipeline(PipelineProcess):
    """
    Frames of a target, in the order they were taken, as a moving picture.

    All frames need the same number of pixels and a date in their header.
    """

    short_name = "tl"
    verbose_name = "Timelapse"
    allowed_suffixes: ClassVar[Sequence[str] | None] = [".fits", ".fz", ".fit", ".fts", ".fits.gz"]
    flags: ClassVar[dict[str, dict[str, Any]] | None] = {
        "normalise_background": {
            "default": False,
            "long_name": "Normalise background: remove cosmic rays, subtract the sky",
        },
        "crop": {"default": False, "long_name": "Crop"},
    }
    FITS_DATE_FIELD = frames.DATE_KEY

    class Meta:
        app_label = "tom_education"
        proxy = True

    class Parameters(forms.Form):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            timelapse_settings()  # wrong ones make the pipeline unavailable, not its page fail
            super().__init__(*args, **kwargs)

        format = forms.ChoiceField(
            choices=[("gif", "Animated GIF"), ("mp4", "MP4"), ("webm", "WebM")],
            initial=_default("format"),
        )
        fps = forms.FloatField(
            label="Frames per second",
            min_value=SLOWEST,
            max_value=FASTEST,
            initial=_default("fps"),
        )
        size = forms.IntegerField(
            label="Size (pixels)",
            min_value=SMALLEST,
            max_value=LARGEST,
            initial=_default("size"),
            help_text="Of the longer side; frames are made smaller, never larger.",
        )
        crop_scale = forms.FloatField(
            label="Part of each side that is kept when cropping",
            min_value=0.01,
            max_value=1,
            initial=_default("crop_scale"),
        )
        crop_around = forms.ChoiceField(
            choices=[(CENTRE, "the centre of the frame"), (TARGET, "the target, by the WCS")],
            initial=CENTRE,
        )
        stretch = forms.ChoiceField(
            choices=[
                ("zscale", "zscale (as DS9)"),
                ("linear", "linear"),
                ("sqrt", "square root"),
                ("asinh", "asinh"),
                ("log", "logarithm"),
            ],
            initial="zscale",
        )

    def do_pipeline(
        self,
        tmpdir: Path,
        *,
        format: str,
        size: int,
        fps: float,
        **options: Any,
    ) -> list[Output]:
        """Write the timelapse."""
        path = tmpdir / f"t.{format}"
        count = self._write(path, fmt=format, fps=fps, image_size=size, **options)
        types = getattr(settings, "DATA_PRODUCT_TYPES", {})
        kind = types.get("timelapse", ("",))[0]
        if format == TIMELAPSE_GIF:
            caption = f"{count} frames, {fps:g} a second"
            return [Plot(path, caption, kind)]
        return [File(path, kind)]

    # -- for code ------------------------------------------------------------------------------

    @classmethod
    def get_settings(cls) -> dict[str, Any]:
        """Return the site's defaults: ``format``, ``fps``, ``size`` and ``crop_scale``."""
        return timelapse_settings()

    def write_timelapse(
        self,
        outfile: Any,
        fmt: str = TIMELAPSE_GIF,
        fps: float = 10,
        image_size: int = 500,
        **options: Any,
    ) -> None:
        """
        Write a timelapse of the input files.

        Parameters
        ----------
        outfile : path or binary file
            Where to.
        fmt : str
            ``gif``, ``mp4`` or ``webm``.
        fps : float
            Frames per second.
        image_size : int
            Pixels of the longer side.
        **options
            ``normalise_background``, ``crop`` (bool), ``crop_scale``, ``crop_around``, ``stretch``.

        Raises
        ------
        AsyncError
            If an option is wrong or a file cannot be used; it names the file.
        """
        options.setdefault("crop_scale", self.get_settings()["crop_scale"])
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"t.{fmt}"
            self._write(path, fmt=fmt, fps=fps, image_size=image_size, **options)
            if hasattr(outfile, "write"):
                with path.open("rb") as stream:
                    shutil.copyfileobj(stream, outfile)
            else:
                shutil.copyfile(path, outfile)

    def sorted_frames(self) -> list[DataProduct]:
        """Return the input files by the date in their headers; equal ones keep their order."""
        return [product for product, _frame in self._inspected()]

    # -- how -----------------------------------------------------------------------------------

    def _inspected(self) -> list[tuple[DataProduct, Frame]]:
        found = []
        rows = self.inputs.exclude(product=None).select_related("product")
        product: Any
        for product in (row.product for row in rows):
            name = Path(str(product.data.name)).name
            try:
                found.append(
                    (product, frames.inspect(self.local_path(product), name, self.FITS_DATE_FIELD))
                )
            except frames.FrameError as error:
                raise AsyncError(str(error)) from error
        return sorted(found, key=lambda pair: pair[1].time)

    def _write(self, path: Path, *, fmt: str, fps: float, image_size: int, **options: Any) -> int:
        """Write the file and return the number of frames."""
        try:
            target = movie.Movie(path, fmt, fps)
        except ValueError as error:
            raise AsyncError(str(error)) from error
        with self.update_status("Sorting frames"):
            ordered = [frame for _product, frame in self._inspected()]
        first, first_shape = "", (0, 0)
        with target:
            for number, frame in enumerate(self.track(ordered, "Writing frames"), start=1):
                self.log(f"Processing frame {number}/{len(ordered)}: {frame.name}")
                try:
                    data, header = frames.read(frame)
                except frames.FrameError as error:
                    raise AsyncError(str(error)) from error
                if not first:
                    first, first_shape = frame.name, data.shape
                if data.shape != first_shape:
                    raise AsyncError(
                        "Invalid parameters. Are all images the same size? "
                        f"'{frame.name}' has {_size(data.shape)} pixels, "
                        f"'{first}' has {_size(first_shape)}."
                    )
                target.append(self._picture(data, header, frame.name, image_size, **options))
        return len(ordered)

    def _picture(
        self,
        data: Image,
        header: Any,
        name: str,
        size: int,
        *,
        normalise_background: bool = False,
        crop: bool = False,
        crop_scale: float = 0.5,
        crop_around: str = CENTRE,
        stretch: str = "zscale",
    ) -> Any:
        try:
            if normalise_background:
                data = pixels.normalise_background(data, header)
            if crop and crop_around == TARGET:
                ra, dec = self.target.ra, self.target.dec
                if ra is None or dec is None:
                    raise AsyncError(
                        "The target has no position, so frames cannot be cropped to it"
                    )
                data = pixels.crop_around(data, header, crop_scale, ra, dec)
            elif crop:
                data = pixels.crop_image(data, header, crop_scale)
            return pixels.to_grey(pixels.fit(data, size), stretch)
        except ValueError as error:
            raise AsyncError(f"Error in file '{name}': {error}") from error


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]}x{shape[0]}"
