"""
When and where a frame was taken: header cards to mid-exposure times.

Times are kept as UTC at the middle of the exposure; light curves also get BJD_TDB (Eastman,
Siverd & Gaudi 2010, PASP 122, 935). Nothing is downloaded.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from astropy import units as u
from astropy.coordinates import AltAz, Angle, EarthLocation, SkyCoord
from astropy.time import Time, TimeDelta
from astropy.utils import iers
from numpy.typing import NDArray

from example_photometry.errors import FrameError

FloatArray = NDArray[np.float64]
Stamp = Literal["start", "middle", "end"]

EXPOSURE_CARDS = ("EXPTIME", "EXPOSURE", "EXPOS", "EXP_TIME", "ITIME")
CLOCK_CARDS = ("TIME-OBS", "UT-OBS", "UTC-OBS", "UTSTART", "UTC-STRT", "UT", "UTC")
SCALES = {"": "utc", "UTC": "utc", "UT": "utc", "GMT": "utc", "UT1": "ut1", "TAI": "tai"} | {
    "TT": "tt", "TDT": "tt", "ET": "tt", "TDB": "tdb", "TCB": "tcb", "TCG": "tcg", "GPS": "tai"
}  # fmt: skip
GPS_MINUS_TAI = -19.0
SITE_CARDS = (
    ("LATITUDE", "LONGITUD", "HEIGHT"),
    ("SITELAT", "SITELONG", "SITEELEV"),
    ("OBSLAT", "OBSLONG", "OBSALT"),
    ("LAT-OBS", "LONG-OBS", "ALT-OBS"),
    ("OBS-LAT", "OBS-LONG", "OBS-ELEV"),
    ("GEOLAT", "GEOLON", "ALTITUDE"),
)

_ISO = re.compile(
    r"(?P<date>\d{4}-\d{2}-\d{2})[T ](?P<clock>\d{1,2}:\d{2}(:\d{2}(\.\d*)?)?)\s*"
    r"(?P<zone>Z|UTC?|[+-]\d{2}:?\d{2})?"
)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_CLOCK = re.compile(r"\d{1,2}:\d{2}(:\d{2}(\.\d*)?)?")


@dataclass(frozen=True)
class Exposure:
    """
    When a frame was exposed.

    Parameters
    ----------
    mid : astropy.time.Time
        Middle of the exposure, UTC.
    exptime : float
        Seconds; NaN when the header does not say.
    accurate : bool
        False when the time stamp is coarse or the middle had to be guessed.
    notes : tuple of str
        What was unusual in the header and how it was read.
    """

    mid: Time
    exptime: float
    accurate: bool = True
    notes: tuple[str, ...] = ()


def read_exposure(
    header: Mapping[str, Any],
    *,
    date_obs_is: Stamp = "start",
    exposure_override: float | None = None,
) -> Exposure:
    """
    Middle of the exposure from header cards.

    Tried in this order: ``DATE-AVG`` and ``MJD-AVG`` (already the middle), ``DATE-OBS`` with a
    clock time or together with ``TIME-OBS`` and its relatives, ``DATE-BEG``, ``MJD-OBS``,
    ``MJD-BEG``, ``JD``. Time zones and ``TIMESYS`` are honoured.

    Raises
    ------
    FrameError
        If there is no time, or only one that could mean several.
    """
    notes: list[str] = []
    exptime = _exposure_time(header, exposure_override)
    scale = str(header.get("TIMESYS", "") or "").strip().upper()
    if scale not in SCALES:
        raise FrameError(f"TIMESYS {scale!r} is not a time scale that is known here; use UTC.")
    for card in ("DATE-AVG", "MJD-AVG"):
        stamp = _stamp(header, card, scale, notes)
        if stamp is not None:
            return Exposure(stamp.utc, exptime, notes=tuple(notes))

    stamp, accurate = _start(header, scale, notes)
    if date_obs_is != "middle":
        if math.isnan(exptime):
            notes.append("no exposure time: the time is that of DATE-OBS, not of mid-exposure")
            accurate = False
        else:
            half = TimeDelta(exptime / 2, format="sec")
            stamp = stamp + half if date_obs_is == "start" else stamp - half
    return Exposure(stamp.utc, exptime, accurate, tuple(notes))


def _exposure_time(header: Mapping[str, Any], override: float | None) -> float:
    if override:
        return float(override)
    for card in EXPOSURE_CARDS:
        value = header.get(card)
        if value is None or isinstance(value, bool):
            continue
        try:
            seconds = float(value)
        except (TypeError, ValueError):
            raise FrameError(
                f"{card} is {value!r}, which is no number of seconds; give the exposure time "
                f"as a parameter."
            ) from None
        if seconds > 0 and math.isfinite(seconds):
            return seconds
    return math.nan


def _start(header: Mapping[str, Any], scale: str, notes: list[str]) -> tuple[Time, bool]:
    """The time stamp that belongs to the start (or what ``date_obs_is`` says), and its accuracy."""
    date = str(header.get("DATE-OBS", "") or "").strip()
    if _DATE.fullmatch(date):
        clock = next(
            (
                text
                for card in CLOCK_CARDS
                if _CLOCK.fullmatch(text := str(header.get(card, "") or "").strip())
            ),
            None,
        )
        if clock is not None:
            return _time(f"{date}T{clock}", scale), True
    for card in ("DATE-OBS", "DATE-BEG", "UT-OBS", "UTC-OBS"):
        stamp = _stamp(header, card, scale, notes)
        if stamp is not None:
            return stamp, True
    for card in ("MJD-OBS", "MJD-BEG", "MJD", "JD", "JD-OBS"):
        stamp = _stamp(header, card, scale, notes)
        if stamp is not None:
            # Some cameras round this card to a thousandth of a day, 86 s.
            accurate = len(repr(float(header[card])).partition(".")[2]) >= 5
            if not accurate:
                notes.append(f"{card} {header[card]} is rounded to a minute or more")
            return stamp, accurate
    if not date:
        raise FrameError("no observation time (no DATE-OBS, DATE-AVG, MJD-OBS or JD card).")
    if _DATE.fullmatch(date):
        raise FrameError(f"no usable observation time (DATE-OBS '{date}' has no clock time).")
    raise FrameError(
        f"no usable observation time (DATE-OBS '{date}' is ambiguous; need YYYY-MM-DDThh:mm:ss)."
    )


def _stamp(header: Mapping[str, Any], card: str, scale: str, notes: list[str]) -> Time | None:
    value = header.get(card)
    if value is None or value == "":
        return None
    if "JD" in card:
        try:
            days = float(value)
        except (TypeError, ValueError):
            return None
        # JD cards of real files also hold MJD; neither can be mistaken for the other.
        mjd = days - 2400000.5 if days > 2e6 else days
        if not 15000 < mjd < 100000:
            return None
        return _shift(Time(mjd, format="mjd", scale=SCALES[scale]), scale)
    match = _ISO.fullmatch(str(value).strip())
    if match is None:
        return None
    zone = match["zone"]
    if zone is None:
        return _time(f"{match['date']}T{match['clock']}", scale)
    time = _time(f"{match['date']}T{match['clock']}", "UTC")
    if zone[0] in "+-":
        hours, minutes = int(zone[1:3]), int(zone[-2:])
        offset = (hours * 3600 + minutes * 60) * (-1 if zone[0] == "-" else 1)
        if offset:
            notes.append(f"{card} '{value}' is local time: converted to UTC")
        time = time - TimeDelta(offset, format="sec")
    return time


def _time(iso: str, scale: str) -> Time:
    try:
        return _shift(Time(iso, format="isot", scale=SCALES[scale]), scale)
    except ValueError:
        raise FrameError(f"no usable observation time ('{iso}' is no date).") from None


def _shift(time: Time, scale: str) -> Time:
    return time - TimeDelta(GPS_MINUS_TAI, format="sec") if scale == "GPS" else time


def read_site(header: Mapping[str, Any]) -> EarthLocation | None:
    """
    The observatory's place from header cards, or None.

    ``OBSGEO-X/Y/Z`` (metres) are preferred; else latitude and east-positive longitude in degrees
    or sexagesimal text. A card whose comment says so is read as west positive.
    """
    try:
        geocentric = [float(header[f"OBSGEO-{axis}"]) for axis in "XYZ"]
    except (KeyError, TypeError, ValueError):
        geocentric = []
    if geocentric and 6.3e6 < math.dist(geocentric, (0, 0, 0)) < 6.5e6:
        return EarthLocation.from_geocentric(*geocentric, unit=u.m)
    for latitude_card, longitude_card, height_card in SITE_CARDS:
        latitude = _degrees(header.get(latitude_card))
        longitude = _degrees(header.get(longitude_card))
        if latitude is None or longitude is None or abs(latitude) > 90:
            continue
        comments = getattr(header, "comments", None)
        comment = str(comments[longitude_card]).lower() if comments is not None else ""
        if "west" in comment and "east" not in comment:
            longitude = -longitude
        try:
            height = float(header.get(height_card, 0) or 0)
        except (TypeError, ValueError):
            height = 0.0
        return EarthLocation.from_geodetic(longitude, latitude, height)
    return None


def _degrees(value: object) -> float | None:
    if value is None or isinstance(value, bool):
        return None
    try:
        degrees = float(Angle(str(value), unit=u.deg).deg)
    except (ValueError, u.UnitsError):
        return None
    return degrees if math.isfinite(degrees) else None


@dataclass(frozen=True)
class Ephemeris:
    """
    Times and airmass of a series, one entry a frame.

    Parameters
    ----------
    bjd_tdb : (N,) array
        Barycentric Julian date, TDB, days.
    airmass : (N,) array
        Secant of the zenith distance; NaN without a site or below the horizon.
    located : bool
        False when the geocentre stood in for the site (error at most 21 ms).
    """

    bjd_tdb: FloatArray
    airmass: FloatArray
    located: bool


def barycentric(
    mid: Time | Iterable[Time], ra: float, dec: float, site: EarthLocation | None
) -> Ephemeris:
    """
    BJD_TDB and airmass of mid-exposure times.

    Parameters
    ----------
    mid : astropy.time.Time or iterable of it
        Middle of the exposures, UTC, N of them.
    ra, dec : float
        Target, ICRS degrees.
    site : astropy.coordinates.EarthLocation or None
        None: the geocentre, without airmass.
    """
    times = mid if isinstance(mid, Time) else Time(list(mid))
    times = Time(np.atleast_1d(times.utc.jd1), np.atleast_1d(times.utc.jd2), format="jd")
    place = EarthLocation.from_geocentric(0, 0, 0, unit=u.m) if site is None else site
    times = Time(times, location=place)
    target = SkyCoord(ra, dec, unit="deg")
    with (
        iers.conf.set_temp("auto_download", False),
        iers.conf.set_temp("iers_degraded_accuracy", "ignore"),
    ):
        bjd = (times.tdb + times.light_travel_time(target)).jd
        if site is None:
            return Ephemeris(bjd, np.full(len(bjd), np.nan), False)
        secz = target.transform_to(AltAz(obstime=times, location=site)).secz.value
    return Ephemeris(bjd, np.where(secz >= 1, secz, np.nan), True)
