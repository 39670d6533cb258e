"""What headers say, in one vocabulary."""

from __future__ import annotations

import io
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from astropy.io import fits

from tests.preflight.frames import frame
from tom_pipeline_core.preflight.frame import Frame, look_at

UTC = timezone.utc
RA, DEC = 150.1163, 2.2058
DATA = Path(__file__).parents[2] / "../shared/data"


def look(content: bytes, **options: Any) -> Frame:
    return look_at(io.BytesIO(content), len(content), **options)


def test_band_instrument_time_and_exposure_are_read() -> None:
    found = look(frame(TELESCOP="1m0", SATURATE=5000.0))
    assert (found.kind, found.band, found.instrument, found.telescope) == (
        "image", "r", "camera", "1m0",
    )  # fmt: skip
    assert found.observed_at == datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert (found.exposure, found.saturation, found.width, found.height) == (30, 5000, 20, 20)


@pytest.mark.parametrize(
    ("cards", "expected"),
    [
        ({"DATE_OBS": "2026-03-01T12:00:00-0700"}, datetime(2026, 3, 1, 19, tzinfo=UTC)),
        (
            {"DATE_OBS": "2026-03-01", "UTSTART": "01:02:03.5"},
            datetime(2026, 3, 1, 1, 2, 3, 500000, tzinfo=UTC),
        ),
        ({"DATE_OBS": "01/03/26", "MJD_OBS": 61100.5}, datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ({"DATE_OBS": "yesterday"}, None),
    ],
)
def test_times_are_read_as_observatories_write_them(
    cards: dict[str, Any], expected: datetime | None
) -> None:
    found = look(frame(**cards)).observed_at
    assert found == expected


def test_filter_wheels_are_joined_without_the_open_ones() -> None:
    assert look(frame(FILTER="", FILTER1="Air", FILTER2="rp")).band == "rp"


@pytest.mark.parametrize(
    ("cards", "reduced"), [({"RLEVEL": 91}, True), ({"RLEVEL": 0}, False), ({}, None)]
)
def test_the_level_of_reduction_is_read(cards: dict[str, Any], reduced: bool | None) -> None:
    assert look(frame(**cards)).reduced is reduced


def test_the_target_is_found_on_the_frame_and_off_it() -> None:
    inside = look(frame(), ra=RA, dec=DEC)
    assert inside.target_x == pytest.approx(9.5, abs=0.01)
    assert inside.target_y == pytest.approx(9.5, abs=0.01)
    assert inside.peak is not None
    beside = look(frame(), ra=RA, dec=DEC + 60 / 3600)
    assert beside.target_y == pytest.approx(69.5, abs=0.01)
    assert beside.peak is None
    opposite = look(frame(), ra=(RA + 180) % 360, dec=-DEC)
    assert opposite.target_x is None


def test_a_frame_without_wcs_says_so() -> None:
    assert look(frame(wcs=False), ra=RA, dec=DEC).wcs is None


def test_a_file_that_is_cut_off_tells_how_much_is_missing() -> None:
    whole = frame()
    found = look(whole[: len(whole) - 2000])
    assert found.kind == "broken"
    assert "bytes are missing" in found.problem


def test_a_table_is_no_image() -> None:
    out = io.BytesIO()
    fits.HDUList(
        [fits.PrimaryHDU(), fits.BinTableHDU.from_columns([fits.Column("x", "E", array=[1.0])])]
    ).writeto(out)
    assert look(out.getvalue()).kind == "no image"


@pytest.mark.skipif(not DATA.is_dir(), reason="the real frames are not beside this checkout")
def test_real_frames_of_several_observatories_are_understood() -> None:
    lco = DATA / "lco_pds110/ogg0m404-kb82-20170815-1159-e91.fits.fz"
    with lco.open("rb") as stream:
        found = look_at(stream, lco.stat().st_size, ra=80.8792, dec=-1.0732)
    assert (found.band, found.instrument, found.reduced) == ("rp", "kb82", True)
    assert (found.width, found.height) == (1523, 1020)
    assert found.target_x is not None
    assert 0 < found.target_x < 1523
    for path in (DATA / "awkward").rglob("*.fi*"):
        if path.stat().st_size:
            with path.open("rb") as stream:
                assert look_at(stream, path.stat().st_size).kind in ("image", "no image", "broken")
