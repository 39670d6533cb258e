from __future__ import annotations

import numpy as np
import pytest
from astropy.coordinates import EarthLocation
from astropy.io import fits
from astropy.time import Time
from example_photometry.errors import FrameError
from example_photometry.times import barycentric, read_exposure, read_site


def middle(**cards: object) -> str:
    header = {name.replace("_", "-"): value for name, value in cards.items()}
    return str(read_exposure(header).mid.isot)


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("2017-12-20T01:33:43.317", "2017-12-20T01:34:13.317"),
        ("2017-12-20T01:33:43.317Z", "2017-12-20T01:34:13.317"),
        ("2017-12-20 01:33:43", "2017-12-20T01:34:13.000"),
        ("2017-12-19T18:33:43.317-0700", "2017-12-20T01:34:13.317"),
        ("2017-12-20T07:03:43+05:30", "2017-12-20T01:34:13.000"),
    ],
)
def test_date_obs_is_read_with_and_without_a_zone(date: str, expected: str) -> None:
    assert middle(DATE_OBS=date, EXPTIME=60) == expected


def test_a_local_time_is_converted_and_the_conversion_noted() -> None:
    exposure = read_exposure({"DATE-OBS": "2017-12-19T18:33:43-0700", "EXPTIME": 60})
    assert exposure.notes == (
        "DATE-OBS '2017-12-19T18:33:43-0700' is local time: converted to UTC",
    )


@pytest.mark.parametrize("scale", ["TT", "TDB", "tt"])
def test_timesys_is_honoured(scale: str) -> None:
    utc = read_exposure({"DATE-OBS": "2017-12-20T01:33:43", "EXPTIME": 60}).mid
    other = read_exposure({"DATE-OBS": "2017-12-20T01:33:43", "EXPTIME": 60, "TIMESYS": scale}).mid
    assert (utc - other).to_value("s") == pytest.approx(69.184, abs=0.003)


def test_gps_time_is_honoured() -> None:
    utc = Time("2017-12-20T01:33:43")
    gps = read_exposure({"DATE-OBS": "2017-12-20T01:34:01", "TIMESYS": "GPS", "EXPTIME": 0.002}).mid
    assert (gps - utc).to_value("s") == pytest.approx(0.001, abs=1e-4)


def test_an_unknown_timesys_is_refused() -> None:
    with pytest.raises(FrameError, match="TIMESYS 'MARS'"):
        read_exposure({"DATE-OBS": "2017-12-20T01:33:43", "EXPTIME": 60, "TIMESYS": "MARS"})


@pytest.mark.parametrize("card", ["TIME-OBS", "UT-OBS", "UTSTART"])
def test_split_date_and_time_are_joined(card: str) -> None:
    header = {"DATE-OBS": "2017-12-20", card: "01:33:43.5", "EXPTIME": 60}
    assert read_exposure(header).mid.isot == "2017-12-20T01:34:13.500"


def test_a_clock_in_date_obs_wins_over_time_obs() -> None:
    assert middle(DATE_OBS="2018-08-23T05:55:39", TIME_OBS="07:00:00", EXPTIME=90) == (
        "2018-08-23T05:56:24.000"
    )


@pytest.mark.parametrize(
    ("card", "value"),
    [("DATE-AVG", "2017-12-20T01:34:13"), ("MJD-AVG", Time("2017-12-20T01:34:13").mjd)],
)
def test_a_mean_time_is_already_the_middle(card: str, value: object) -> None:
    header = {"DATE-OBS": "2017-12-20T01:00:00", card: value, "EXPTIME": 60}
    assert abs(read_exposure(header).mid - Time("2017-12-20T01:34:13")).to_value("s") < 1e-3


@pytest.mark.parametrize(
    ("card", "value"),
    [("MJD-OBS", 58107.06509259), ("JD", 2458107.56509259), ("MJD-OBS", "58107.06509259")],
)
def test_day_numbers_serve_when_date_obs_is_no_use(card: str, value: object) -> None:
    exposure = read_exposure({"DATE-OBS": "20/12/17", card: value, "EXPTIME": 60})
    assert abs(exposure.mid - Time("2017-12-20T01:34:14")).to_value("s") < 0.01
    assert exposure.accurate


def test_a_day_number_rounded_to_a_minute_is_called_coarse() -> None:
    exposure = read_exposure({"MJD-OBS": 58107.065, "EXPTIME": 60})
    assert not exposure.accurate
    assert "rounded" in exposure.notes[0]


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({}, "no DATE-OBS"),
        ({"DATE-OBS": "2017-12-20"}, "has no clock time"),
        ({"DATE-OBS": "26/10/92"}, "'26/10/92' is ambiguous; need YYYY-MM-DDThh:mm:ss"),
        ({"DATE-OBS": "2017-13-20T01:00:00"}, "is no date"),
        ({"MJD-OBS": 0.0}, "no DATE-OBS"),
        ({"DATE-OBS": "2017-12-20T01:33:43", "EXPTIME": "6O.0"}, "EXPTIME is '6O.0'"),
    ],
)
def test_an_unusable_time_says_why(header: dict[str, object], reason: str) -> None:
    with pytest.raises(FrameError, match=reason):
        read_exposure(header)


def test_an_exposure_time_in_text_is_read() -> None:
    assert middle(DATE_OBS="2017-12-20T01:33:43", EXPTIME="060.00") == "2017-12-20T01:34:13.000"


def test_without_exposure_time_the_start_is_used_and_called_coarse() -> None:
    exposure = read_exposure({"DATE-OBS": "2017-12-20T01:33:43"})
    assert exposure.mid.isot == "2017-12-20T01:33:43.000"
    assert np.isnan(exposure.exptime)
    assert not exposure.accurate


@pytest.mark.parametrize(("stamp", "second"), [("start", 30), ("middle", 0), ("end", -30)])
def test_date_obs_can_be_start_middle_or_end(stamp: str, second: int) -> None:
    header = {"DATE-OBS": "2017-12-20T01:33:43", "EXPTIME": 60}
    shift = read_exposure(header, date_obs_is=stamp).mid - Time("2017-12-20T01:33:43")  # type: ignore[arg-type]
    assert shift.to_value("s") == pytest.approx(second, abs=1e-6)


def test_the_site_is_read_from_geocentric_coordinates_first() -> None:
    site = EarthLocation.from_geodetic(-156.257, 20.7068, 3055)
    header = {
        "OBSGEO-X": site.x.value, "OBSGEO-Y": site.y.value, "OBSGEO-Z": site.z.value,
        "LATITUDE": 0.0, "LONGITUD": 0.0,
    }  # fmt: skip
    found = read_site(header)
    assert found is not None
    assert found.lat.deg == pytest.approx(20.7068, abs=1e-6)


@pytest.mark.parametrize(
    "header",
    [
        {"LATITUDE": 31.68, "LONGITUD": -110.88, "HEIGHT": 1268},
        {"SITELAT": "31:40:48", "SITELONG": "-110:52:48"},
        {"LAT-OBS": "+31 40 48", "LONG-OBS": "249.12", "ALT-OBS": "1268.0"},
    ],
)
def test_the_site_is_read_from_degrees_and_sexagesimal_text(header: dict[str, object]) -> None:
    found = read_site(header)
    assert found is not None
    assert found.lat.deg == pytest.approx(31.68, abs=1e-6)
    assert found.lon.wrap_at("180d").deg == pytest.approx(-110.88, abs=1e-6)


def test_a_longitude_that_says_west_is_read_as_west() -> None:
    header = fits.Header()
    header["LATITUDE"] = 31.68
    header["LONGITUD"] = (110.88, "degrees West")
    found = read_site(header)
    assert found is not None
    assert found.lon.wrap_at("180d").deg == pytest.approx(-110.88, abs=1e-6)


def test_no_site_is_none() -> None:
    assert read_site({"LATITUDE": "unknown", "LONGITUD": None}) is None


def test_bjd_tdb_agrees_with_a_published_time_to_a_tenth_of_a_second() -> None:
    site = EarthLocation.from_geodetic(-110.88, 31.68, 1268)
    times = barycentric(Time("2017-12-20T01:34:13.317"), 31.042825, 46.687836, site)
    assert (times.bjd_tdb[0] - 2458107.56985755) * 86400 == pytest.approx(0, abs=0.1)
    assert times.located
    # The telescope's altitude in that header is 62.59 degrees at the start.
    assert times.airmass[0] == pytest.approx(1 / np.sin(np.radians(62.59)), abs=0.01)


def test_without_a_site_the_geocentre_is_good_to_a_twentieth_of_a_second() -> None:
    when = Time("2017-12-20T01:34:13.317")
    site = EarthLocation.from_geodetic(-110.88, 31.68, 1268)
    here, centre = (barycentric(when, 31.042825, 46.687836, s) for s in (site, None))
    assert abs(here.bjd_tdb[0] - centre.bjd_tdb[0]) * 86400 < 0.05
    assert not centre.located
    assert np.isnan(centre.airmass[0])
