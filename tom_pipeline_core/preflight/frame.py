"""What the headers of a frame say about it, in one vocabulary for all observatories."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, BinaryIO

import numpy as np

from tom_pipeline_core.preflight.fits_headers import (
    Hdu,
    NotFits,
    Unpacked,
    get,
    image_of,
    integer,
    number,
    read_hdus,
    unpacked,
)

BANDS = ("FILTER", "FILTNAM", "FILTERS", "INSFLNAM", "BAND")
WHEELS = ("FILTER1", "FILTER2", "FILTER3")
OPEN = {"", "air", "clear", "open", "none", "empty", "n/a", "unknown", "0"}
REDUCED_KEYS = ("FLATCOR", "BIASCOR", "DARKCOR", "CALSTAT", "L1STATFL", "PIPEVER", "L1PUBDAT")
MOST_AXIS = 2**31 - 1
"""What a database keeps; a header may say anything."""

NEAR = 5
"""Pixels around the target that are looked at for saturation."""


@dataclass
class Frame:
    """Facts of one file; the names are those of the model that keeps them."""

    kind: str
    problem: str = ""
    band: str = ""
    instrument: str = ""
    telescope: str = ""
    observed_at: datetime | None = None
    exposure: float | None = None
    reduced: bool | None = None
    width: int | None = None
    height: int | None = None
    wcs: dict[str, float] | None = None
    """Centre of the frame: ``ra``, ``dec``, and ``scale``, arcseconds a pixel."""

    saturation: float | None = None
    target_x: float | None = None
    target_y: float | None = None
    peak: float | None = None


def look_at(
    stream: BinaryIO, size: int | None, *, ra: float | None = None, dec: float | None = None
) -> Frame:
    """
    Read what a file's headers say.

    Parameters
    ----------
    stream : file object
        Binary, seekable, at its beginning.
    size : int or None
        Of the file, bytes; tells whether it is cut off.
    ra, dec : float, optional
        Of the target, degrees ICRS.

    Raises
    ------
    NotFits
        If it is not a FITS file; the text says what it is instead.
    """
    content = unpacked(stream)
    hdus = read_hdus(content)
    image = image_of(hdus)
    if image is None:
        return Frame("no image", "It holds no image.")
    frame = _described(image, hdus[0].header)
    last = max(hdu.start + hdu.size for hdu in hdus)
    packed = isinstance(content, Unpacked)
    if size is not None and not packed and size < last:
        frame.kind = "broken"
        frame.problem = f"It is cut off: {last - size} of {last} bytes are missing."
        return frame
    _place_target(frame, image, hdus[0].header, ra, dec)
    if frame.target_x is not None and not packed and not image.is_packed:
        frame.peak = _peak(stream, image, frame.target_x, frame.target_y or 0)
    return frame


def _described(image: Hdu, primary: Any) -> Frame:
    def value(key: str) -> Any:
        found = get(image.header, key)
        return get(primary, key) if found in (None, "") else found

    def text(key: str) -> str:
        found = value(key)
        return "" if found is None else str(found).replace("\x00", "").strip()[:80]

    def quantity(key: str) -> float | None:
        found = number(image.header, key)
        found = number(primary, key) if found is None else found
        return found if found is not None and math.isfinite(found) else None

    band = next((text(key) for key in BANDS if text(key)), "")
    if not band:
        band = "+".join(text(key) for key in WHEELS if text(key).lower() not in OPEN)
    exposure = next(
        (t for key in ("EXPTIME", "EXPOSURE") if (t := quantity(key)) is not None), None
    )
    return Frame(
        kind="image",
        band=band[:80],
        instrument=text("INSTRUME"),
        telescope=text("TELESCOP"),
        observed_at=_time(
            text("DATE-OBS"), text("UTSTART") or text("TIME-OBS"), quantity("MJD-OBS")
        ),
        exposure=exposure,
        reduced=_reduced(quantity("RLEVEL"), [value(key) for key in REDUCED_KEYS]),
        width=min(image.shape[-1], MOST_AXIS),
        height=min(image.shape[-2], MOST_AXIS),
        saturation=quantity("SATURATE"),
    )


def _reduced(level: float | None, marks: list[Any]) -> bool | None:
    if level is not None:
        return level > 0
    if any(mark not in (None, "", False) and str(mark).strip() not in ("", "0") for mark in marks):
        return True
    return None


def _time(date: str, clock: str, mjd: float | None) -> datetime | None:
    from django.utils.dateparse import parse_datetime

    text = f"{date}T{clock}" if len(date) == 10 and clock else date
    try:
        moment = parse_datetime(text if len(text) > 10 else f"{text}T00:00:00")
    except ValueError:
        moment = None
    if moment is None and mjd is not None and 15000 < mjd < 100000:
        moment = datetime(1858, 11, 17) + timedelta(days=mjd)  # noqa: DTZ001 - made aware below
    if moment is None:
        return None
    if moment.tzinfo is None:
        return moment.replace(tzinfo=timezone.utc)
    try:
        return moment.astimezone(timezone.utc)
    except OverflowError:
        return None


def _place_target(
    frame: Frame, image: Hdu, primary: Any, ra: float | None, dec: float | None
) -> None:
    """Find the frame's centre on the sky, and the target on the frame."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            wcs = _wcs(image, primary)
            if wcs is None:
                return
            centre = wcs.all_pix2world([[frame.width / 2 - 0.5, frame.height / 2 - 0.5]], 0)[0]  # type: ignore[operator]
            from astropy.wcs.utils import proj_plane_pixel_scales

            scale = float(proj_plane_pixel_scales(wcs).mean()) * 3600
            if not np.isfinite([*centre, scale]).all() or scale <= 0:
                return
            frame.wcs = {"ra": float(centre[0]), "dec": float(centre[1]), "scale": scale}
            if ra is None or dec is None or _apart(centre[0], centre[1], ra, dec) > 60:
                return
            try:
                x, y = wcs.all_world2pix([[ra, dec]], 0)[0]
            except Exception:  # noqa: BLE001 - far outside, distortions do not converge
                x, y = wcs.wcs_world2pix([[ra, dec]], 0)[0]
            if np.isfinite([x, y]).all():
                frame.target_x, frame.target_y = float(x), float(y)
        except Exception:  # noqa: BLE001 - astropy raises many kinds; no WCS is what we can say
            return


def _wcs(image: Hdu, primary: Any) -> Any:
    from astropy.wcs import WCS

    header = image.header.copy(strip=False)
    if get(header, "CTYPE1") is None and get(primary, "CTYPE1") is not None:
        header = primary.copy(strip=False)
    if "CPDIS1" in header or "CPDIS2" in header or "D2IMDIS1" in header:
        # Tables of distortions are elsewhere in the file; without them it is right to some pixels.
        for key in ("CPDIS1", "CPDIS2", "D2IMDIS1", "D2IMDIS2", "DP1", "DP2", "D2IM1", "D2IM2"):
            header.remove(key, ignore_missing=True, remove_all=True)
    wcs = WCS(header, naxis=2)
    return wcs if wcs.has_celestial else None


def _apart(ra1: float, dec1: float, ra2: float, dec2: float) -> float:
    """Return the angle between two directions, degrees."""
    a1, d1, a2, d2 = np.radians([ra1, dec1, ra2, dec2])
    cosine = np.sin(d1) * np.sin(d2) + np.cos(d1) * np.cos(d2) * np.cos(a1 - a2)
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


def _peak(stream: BinaryIO, image: Hdu, x: float, y: float) -> float | None:
    """Return the highest value close to a position, from a few short reads."""
    height, width = image.shape[-2:]
    left, right = max(0, round(x) - NEAR), min(width, round(x) + NEAR + 1)
    rows = range(max(0, round(y) - NEAR), min(height, round(y) + NEAR + 1))
    if left >= right or not rows:
        return None
    try:
        values = [read_row(stream, image, row, left, right) for row in rows]
    except (OSError, ValueError):
        return None
    peak = float(np.nanmax(values)) if np.isfinite(values).any() else math.nan
    return peak if math.isfinite(peak) else None


def read_row(stream: BinaryIO, image: Hdu, row: int, left: int, right: int) -> Any:
    """Return pixels of a row of an image that is not compressed, as floats."""
    bits = integer(image.header, "BITPIX")
    kind = {8: "u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}.get(bits)
    if kind is None:
        raise ValueError(f"BITPIX {bits}")
    size = abs(bits) // 8
    stream.seek(image.start + (row * image.shape[-1] + left) * size)
    raw = stream.read((right - left) * size)
    if len(raw) < (right - left) * size:
        raise ValueError("the file is cut off")
    stored = np.frombuffer(raw, dtype=kind)
    scale = number(image.header, "BSCALE")
    values = stored.astype(float) * (1.0 if scale is None else scale) + (
        number(image.header, "BZERO") or 0.0
    )
    blank = get(image.header, "BLANK")
    if bits > 0 and isinstance(blank, int):
        values[stored == blank] = np.nan
    return values


__all__ = ["Frame", "NotFits", "look_at", "read_row"]
