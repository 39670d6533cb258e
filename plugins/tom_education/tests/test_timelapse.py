"""Frames become a moving picture, or a message that names the one at fault."""

from __future__ import annotations

import io
import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from astropy.io import fits
from django.core.management import CommandError, call_command
from PIL import Image
from tom_dataproducts.models import DataProductGroup
from tom_education.models import (
    AsyncError,
    InvalidPipelineError,
    PipelineProcess,
    TimelapsePipeline,
)
from tom_education.timelapse import frames, pixels

from tom_pipeline_core import registry, submission
from tom_pipeline_core.supervisor import Supervisor

pytestmark = pytest.mark.django_db
START = datetime(2019, 1, 2, 3, 4, 5, tzinfo=timezone.utc)


def picture(shape=(50, 500), level=100.0, seed=1) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(level, 5, shape)
    noise[shape[0] // 2, shape[1] // 2] += 500
    return noise.astype(np.float32)


def fits_bytes(data, *, date: str | None = None, date_in: int = 0, **header) -> bytes:
    hdus = fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(data, name="SCI")])
    hdus[1].header.update(header)
    if date is not None:
        hdus[date_in].header["DATE-OBS"] = date
    stream = io.BytesIO()
    hdus.writeto(stream)
    return stream.getvalue()


@pytest.fixture
def make_frame(target, make_product):
    def make(minutes: float = 0, shape=(50, 500), **options):
        date = options.pop("date", (START + timedelta(minutes=minutes)).isoformat()[:19])
        name = options.pop("name", f"frame{minutes:g}.fits")
        data = options.pop("data", None)
        content = fits_bytes(picture(shape) if data is None else data, date=date, **options)
        return make_product(target, name, content)

    return make


@pytest.fixture
def immediate(settings):
    settings.TOM_PIPELINES = {
        **settings.TOM_PIPELINES,
        "EXECUTORS": {"default": {"BACKEND": "immediate"}},
    }


def timelapse_of(*products) -> TimelapsePipeline:
    return TimelapsePipeline.create_timestamped(products[0].target, products)


def write(*products, **options) -> bytes:
    stream = io.BytesIO()
    timelapse_of(*products).write_timelapse(stream, **options)
    return stream.getvalue()


def frames_of(movie: bytes, tmp_path: Path, fmt: str) -> tuple[int, tuple[int, int]]:
    """Return number and size of the frames, as Pillow or ffmpeg decodes them."""
    if fmt == "gif":
        with Image.open(io.BytesIO(movie)) as gif:
            return getattr(gif, "n_frames", 1), gif.size
    path = tmp_path / f"movie.{fmt}"
    path.write_bytes(movie)
    ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    listed = subprocess.run(
        [ffmpeg, "-v", "error", "-i", str(path), "-f", "framecrc", "-"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    (size,) = (line.split()[-1] for line in listed if line.startswith("#dimensions"))
    width, height = map(int, size.split("x"))
    return len([line for line in listed if not line.startswith("#")]), (width, height)


# -- through the queue -----------------------------------------------------------------------------


def test_it_is_offered_by_its_entry_point():
    assert registry.load("Timelapse") is TimelapsePipeline
    entry = registry.find("Timelapse")
    assert (entry.source, entry.distribution) == ("entry point", "tom-pipeline-core-education")


@pytest.mark.usefixtures("immediate")
def test_a_selection_of_frames_becomes_an_animated_gif(target, make_frame):
    products = [make_frame(minutes) for minutes in (2, 0, 1)]
    process = submission.submit("Timelapse", target=target, products=products)

    Supervisor().run(process.pk)

    process.refresh_from_db()
    assert process.status == "created", process.failure_message
    (product,) = process.group.dataproduct_set.all()
    assert product.data.name.endswith("/tl_t.gif")
    assert product.product_id.startswith(f"tl_{target.pk}_")
    with product.data.open("rb") as stream, Image.open(io.BytesIO(stream.read())) as gif:
        assert gif.info["version"] == b"GIF89a"
        assert (gif.n_frames, gif.size) == (3, (500, 50))
    assert process.logs.splitlines() == [
        "Processing frame 1/3: frame0.fits",
        "Processing frame 2/3: frame1.fits",
        "Processing frame 3/3: frame2.fits",
    ]
    assert (process.progress_done, process.progress_total) == (3, 3)


@pytest.mark.usefixtures("immediate")
def test_the_flags_of_old_and_the_settings_of_old_still_hold(target, make_frame, settings):
    settings.TOM_EDUCATION_TIMELAPSE_SETTINGS = {"format": "webm", "size": 64, "crop_scale": 0.8}
    process = TimelapsePipeline.create_timestamped(
        target, [make_frame(0, (200, 200))], {"crop": True}
    )

    process.run()

    assert process.parameters["format"] == "webm"
    assert process.parameters["crop_scale"] == 0.8
    assert TimelapsePipeline.get_settings() == {
        "format": "webm", "fps": 10, "size": 64, "crop_scale": 0.8,
    }  # fmt: skip
    assert process.group.dataproduct_set.get().data.name.endswith(".webm")


@pytest.mark.parametrize("fps", [0, -1])
def test_a_rate_in_the_settings_that_is_none_fails_the_process(settings, make_frame, fps):
    settings.TOM_EDUCATION_TIMELAPSE_SETTINGS = {"fps": fps}
    process = timelapse_of(make_frame())

    with pytest.raises(AsyncError, match="fps"):
        process.run()

    assert process.status == "failed"


def test_an_unknown_key_of_the_settings_is_named(settings):
    settings.TOM_EDUCATION_TIMELAPSE_SETTINGS = {"fsp": 3}
    registry.clear_cache()

    with pytest.raises(
        InvalidPipelineError, match=r"TOM_EDUCATION_TIMELAPSE_SETTINGS is \{'fsp': 3\}"
    ):
        PipelineProcess.get_subclass("Timelapse")
    registry.clear_cache()


def test_old_settings_may_name_the_class_by_its_path(settings):
    settings.TOM_EDUCATION_PIPELINES = {
        "Timelapse": "tom_education.models.timelapse.TimelapsePipeline"
    }

    assert registry.load("Timelapse") is TimelapsePipeline
    assert registry.static_faults() == []


# -- formats and order ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fmt", "magic", "size"),
    [
        ("gif", b"GIF89a", (501, 51)),
        ("mp4", b"ftyp", (502, 52)),
        ("webm", b"\x1a\x45\xdf\xa3", (502, 52)),
    ],
)
def test_each_format_has_a_frame_for_each_file(make_frame, tmp_path, fmt, magic, size):
    products = [make_frame(minutes, (51, 501)) for minutes in range(4)]

    movie = write(*products, fmt=fmt, image_size=600)

    assert magic in movie[:12]
    assert frames_of(movie, tmp_path, fmt) == (4, size)


def test_frames_are_sorted_by_the_date_in_any_hdu_and_equal_ones_keep_their_order(make_frame):
    late, early = make_frame(9, name="a.fits"), make_frame(1, name="b.fits", date_in=1)
    twin = make_frame(1, name="c.fits")

    assert timelapse_of(late, twin, early).sorted_frames() == [twin, early, late]


def test_the_order_can_be_seen_in_the_picture(make_frame, tmp_path):
    dark = np.zeros((40, 40), np.float32)
    bright = dark.copy()
    bright[:20] = 100
    other = dark.copy()
    other[20:] = 100
    second = make_frame(5, data=bright)
    first = make_frame(1, data=other)
    path = tmp_path / "t.gif"

    timelapse_of(second, first).write_timelapse(path, stretch="linear")

    with Image.open(path) as gif:
        tops = []
        for number in range(gif.n_frames):
            gif.seek(number)
            tops.append(gif.convert("L").getpixel((20, 5)))
    assert tops == [255, 0], "FITS counts rows from below, so the upper half comes first"


def test_frames_are_made_smaller_and_never_larger(make_frame, tmp_path):
    movie = write(make_frame(0, (100, 200)), image_size=50)
    assert frames_of(movie, tmp_path, "gif") == (1, (50, 25))

    movie = write(make_frame(1, (30, 20)), image_size=500)
    assert frames_of(movie, tmp_path, "gif") == (1, (20, 30))


# -- what is done to pixels -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "scale", "left"),
    [((500, 500), 0.8, (400, 400)), ((6, 10), 0.5, (2, 4)), ((7, 7), 1, (6, 6))],
)
def test_cropping_keeps_the_middle(shape, scale, left):
    data = np.zeros(shape, np.float32)
    data[shape[0] // 2, shape[1] // 2] = 1

    cropped = pixels.crop_image(data, None, scale)

    assert cropped.shape == left
    assert cropped[left[0] // 2, left[1] // 2] == 1


@pytest.mark.parametrize("scale", [-0.1, 1.1])
def test_a_scale_that_is_none_is_refused(scale):
    with pytest.raises(ValueError, match=r"scale must be in \[0, 1\]"):
        pixels.crop_image(np.zeros((10, 10), np.float32), None, scale)


def test_cropping_around_a_position_follows_the_wcs():
    data = np.zeros((100, 200), np.float32)
    data[30, 150] = 7
    header = fits.Header(
        {
            "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 10.0, "CRVAL2": -30.0,
            "CRPIX1": 151.0, "CRPIX2": 31.0, "CDELT1": -1e-3, "CDELT2": 1e-3,
        }
    )  # fmt: skip

    cut = pixels.crop_around(data, header, 0.9, 10.0, -30.0)

    assert cut.shape == (90, 180)
    assert cut[45, 90] == 7
    assert np.isnan(cut[0, 90]), "outside the frame"
    with pytest.raises(ValueError, match="not on the image"):
        pixels.crop_around(data, header, 0.5, 50.0, 10.0)
    with pytest.raises(ValueError, match="no WCS"):
        pixels.crop_around(data, fits.Header(), 0.5, 10.0, -30.0)


def test_the_background_is_zero_and_cosmic_rays_are_gone_afterwards():
    data = picture((200, 200), level=300)
    data[100, 100] = 300
    data[50, 60] = 60000
    before = data.copy()

    clean = pixels.normalise_background(data)

    assert abs(np.median(clean)) < 1
    assert clean[50, 60] < 100
    assert np.array_equal(data, before)


@pytest.mark.parametrize("wanted", [False, True])
def test_the_background_is_normalised_once_a_frame_and_only_on_request(
    make_frame, monkeypatch, wanted
):
    calls = []
    original = pixels.normalise_background
    monkeypatch.setattr(pixels, "normalise_background", lambda *a: calls.append(1) or original(*a))

    write(make_frame(0), make_frame(1), normalise_background=wanted)

    assert len(calls) == (2 if wanted else 0)


@pytest.mark.parametrize("stretch", list(pixels.STRETCHES))
def test_every_stretch_uses_black_and_white_and_bears_missing_pixels(stretch):
    data = np.linspace(0, 1000, 10000, dtype=np.float32).reshape(100, 100)
    data[3, 3] = np.nan

    grey = pixels.to_grey(data, stretch)

    assert (grey.min(), grey.max()) == (0, 255)
    column = grey[::-1].ravel()[10000 // 3 :]
    assert (np.diff(column.astype(int)) >= 0).all(), "brighter stays brighter"


# -- at fault -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("fps", [0, -1])
def test_a_rate_that_is_none_is_refused(make_frame, fps):
    with pytest.raises(AsyncError, match=f"Invalid FPS {fps}"):
        write(make_frame(), fps=fps)


def test_an_unknown_format_is_refused(make_frame):
    with pytest.raises(AsyncError, match="Unknown format 'avi'; known are gif, mp4, webm"):
        write(make_frame(), fmt="avi")


def test_a_frame_without_date_is_named(make_frame):
    bad = make_frame(1, date=None, name="undated.fits")

    with pytest.raises(
        AsyncError,
        match=r"'undated.fits': could not find observation date in FITS header 'DATE-OBS'",
    ):
        write(make_frame(), bad)


def test_another_key_can_hold_the_date(make_frame, monkeypatch):
    product = make_frame(0, date=None, DATE="2019-01-02")
    monkeypatch.setattr(TimelapsePipeline, "FITS_DATE_FIELD", "DATE")

    assert timelapse_of(product).sorted_frames() == [product]


@pytest.mark.parametrize("date", ["26/10/92", "2019-13-01", "soon"])
def test_a_date_that_is_not_iso_is_named(make_frame, date):
    bad = make_frame(1, date=date, name="odd.fits")

    with pytest.raises(AsyncError, match=rf"'odd.fits': the observation date '{date}'.*not in ISO"):
        write(bad)


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2019-01-02T03:04:05.5", "2019-01-02T03:04:05.500000+00:00"),
        ("2017-12-19T18:33:43.317-0700", "2017-12-20T01:33:43.317000+00:00"),
        ("2019-01-02", "2019-01-02T00:00:00+00:00"),
        ("2016-12-31T23:59:60", "2017-01-01T00:00:00+00:00"),
    ],
)
def test_dates_of_all_iso_forms_are_read(text, utc):
    assert frames.parse_date(text, "a").isoformat() == utc


def test_a_frame_of_another_size_is_named_with_both_sizes(make_frame):
    with pytest.raises(
        AsyncError,
        match=r"same size\? 'frame1.fits' has 400x50 pixels, 'frame0.fits' has 500x50",
    ):
        write(make_frame(0), make_frame(1, (50, 400)), image_size=100)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "cannot be read as FITS"),
        (b"no FITS", "cannot be read as FITS"),
        (fits_bytes(np.zeros((3, 20, 20), np.float32), date="2019-01-01"), "two-dimensional image"),
        (fits_bytes(np.full((20, 20), np.nan, np.float32), date="2019-01-01"), "has a value"),
        (fits_bytes(picture(), date="2019-01-01")[:12000], "cannot be read as FITS"),
    ],
)
def test_a_broken_file_is_named(target, make_product, content, reason):
    product = make_product(target, "broken.fits", content)

    with pytest.raises(AsyncError, match=rf"Error in file 'broken.fits': .*{reason}"):
        write(product)


def test_a_mask_is_no_picture():
    hdus = fits.HDUList(
        [fits.PrimaryHDU(), fits.ImageHDU(np.zeros((4, 4)), name="BPM"),
         fits.ImageHDU(np.zeros((1, 4, 4)), name="SCI")]
    )  # fmt: skip

    assert frames.data_index(hdus) == 2


def test_no_ffmpeg_is_left_behind_by_a_failure(make_frame):
    with pytest.raises(AsyncError, match="same size"):
        write(make_frame(0), make_frame(1, (50, 400)), fmt="mp4")

    name = Path(imageio_ffmpeg.get_ffmpeg_exe()).name
    listed = subprocess.run(["ps", "-eo", "ppid,comm"], capture_output=True, text=True, check=True)
    mine = [line for line in listed.stdout.splitlines() if line.split()[0] == str(_pid())]
    assert not [line for line in mine if name[:15] in line]


def _pid() -> int:
    import os

    return os.getpid()


# -- the command -----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("immediate")
def test_the_command_takes_the_groups_frames_of_the_target_and_no_raw_ones(
    settings, target, make_frame, make_target
):
    settings.TOM_EDUCATION_TIMELAPSE_GROUP_NAME = "good"
    out = io.StringIO()
    call_command("create_timelapse", target.pk, stdout=out)
    assert "Nothing to do" in out.getvalue()

    group = DataProductGroup.objects.create(name="good")
    for product in (make_frame(0), make_frame(1), make_frame(2, name="raw-e00.fits.fz")):
        product.group.add(group)
    make_frame(3)
    call_command("create_timelapse", target.pk, stdout=out)

    process = TimelapsePipeline.objects.get()
    assert process.input_files.count() == 2
    assert f"Created timelapse {process.group.dataproduct_set.get().data.name}" in out.getvalue()
    with pytest.raises(CommandError, match="no target 999"):
        call_command("create_timelapse", 999)
