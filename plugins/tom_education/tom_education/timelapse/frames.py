"""A FITS file as a frame: when it was taken, and its pixels."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

Image = NDArray[np.float32]

DATE_KEY = "DATE-OBS"
TIME_KEYS = ("TIME-OBS", "UTSTART", "UT")
NO_PICTURES = {"BPM", "DQ", "MASK", "ERR", "ERROR", "VAR", "WEIGHT", "CAT", "EXP", "BKG"}
_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)"
    r"(?:[T ](\d\d):(\d\d)(?::(\d\d)(\.\d+)?)?)?"
    r"\s*(?:Z|UTC|([+-])(\d\d):?(\d\d))?"
)


class FrameError(ValueError):
    """A file cannot be used as a frame; the text names it."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"Error in file '{name}': {reason}")


@dataclass(frozen=True)
class Frame:
    """
    A frame that has been looked at and not read.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    name : str
        What people call it.
    time : datetime.datetime
        When it was taken, UTC.
    """

    path: Path
    name: str
    time: datetime


def inspect(path: Path, name: str, date_key: str = DATE_KEY) -> Frame:
    """
    Look at the headers of a file.

    Raises
    ------
    FrameError
        If it is no FITS file, has no picture, or no date.
    """
    with _opened(path, name) as hdus:
        data_index(hdus, name)
        header = next((hdu.header for hdu in hdus if hdu.header.get(date_key)), None)
        if header is None:
            raise FrameError(name, f"could not find observation date in FITS header '{date_key}'")
        text = str(header[date_key]).strip()
        time_of_day = next((str(header[key]) for key in TIME_KEYS if header.get(key)), "")
        if "T" not in text and " " not in text and ":" in time_of_day:
            text = f"{text}T{time_of_day.strip()}"
        return Frame(path, name, parse_date(text, name, date_key))


def parse_date(text: str, name: str, date_key: str = DATE_KEY) -> datetime:
    """
    Return a moment from a date in ISO format; UTC unless it names an offset.

    Raises
    ------
    FrameError
        If it is something else.
    """
    match = _ISO.fullmatch(text)
    if match:
        year, month, day, hour, minute, second, fraction, sign, hours, minutes = match.groups()
        offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
        try:
            moment = datetime(
                int(year), int(month), int(day), int(hour or 0), int(minute or 0),
                tzinfo=timezone.utc,
            )  # fmt: skip
        except ValueError:
            pass
        else:
            seconds = timedelta(seconds=int(second or 0) + float(fraction or 0))
            return moment + seconds + (offset if sign == "-" else -offset)
    raise FrameError(
        name, f"the observation date {text!r} in FITS header '{date_key}' is not in ISO format"
    )


def data_index(hdus: Any, name: str = "") -> int:
    """
    Return the index of the first HDU with a picture.

    Raises
    ------
    FrameError
        If there is none.
    """
    for index, hdu in enumerate(hdus):
        if not hdu.is_image or str(hdu.name).upper() in NO_PICTURES:
            continue
        shape = [size for size in hdu.shape if size != 1]
        if len(shape) == 2:
            return index
    raise FrameError(name, "it holds no two-dimensional image")


def read(frame: Frame) -> tuple[Image, Any]:
    """
    Read the pixels of a frame and the header that belongs to them.

    Returns
    -------
    data : (ny, nx) array of float32
    header : astropy.io.fits.Header

    Raises
    ------
    FrameError
        If the pixels cannot be read.
    """
    with _opened(frame.path, frame.name) as hdus:
        hdu = hdus[data_index(hdus, frame.name)]
        data = np.squeeze(np.asarray(hdu.data, dtype=np.float32))
        return np.ascontiguousarray(data), hdu.header


@contextmanager
def _opened(path: Path, name: str) -> Iterator[Any]:
    """Open a file; whatever is wrong with it is a FrameError."""
    try:
        # Headers in the wild break many rules that do not matter for a picture.
        with warnings.catch_warnings(), fits.open(path, memmap=False) as hdus:
            warnings.simplefilter("ignore")
            yield hdus
    except FrameError:
        raise
    except Exception as error:
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise FrameError(name, f"it cannot be read as FITS ({text})") from error
