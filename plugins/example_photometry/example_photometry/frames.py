"""
A FITS file becomes one checked image, its mask and its facts.

:func:`inspect` looks at headers only (a millisecond); :func:`read` brings the pixels. Whatever
makes a file unusable is a :class:`~example_photometry.errors.FrameError` that says so in words.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from astropy.coordinates import EarthLocation
from astropy.io import fits
from astropy.wcs import WCS
from numpy.typing import NDArray

from example_photometry.errors import FrameError
from example_photometry.target import Target
from example_photometry.times import Exposure, Stamp, read_exposure, read_site

SMALLEST_SIDE = 24
FITS_BLOCK = 2880
DEAD = 10.0
"""Scatters of the sky below which a pixel of 0 is no measurement."""
MASK_NAMES = ("BPM", "DQ", "MASK")
NO_IMAGES = {*MASK_NAMES, "ERR", "ERROR", "VAR", "WEIGHT", "CAT", "EXP", "BKG"}


@dataclass(frozen=True)
class Overrides:
    """What a person knows better than the headers; None: take the header's."""

    date_obs_is: Stamp = "start"
    exptime: float | None = None
    gain: float | None = None
    read_noise: float | None = None
    saturation: float | None = None
    site: EarthLocation | None = None


@dataclass(frozen=True)
class FrameInfo:
    """
    The facts of one frame; small, so that hundreds can be kept.

    Parameters
    ----------
    path : pathlib.Path
    hdu, mask_hdu : int
        Index of the image and of its bad-pixel mask (-1: none).
    shape : tuple of int
        (ny, nx).
    exposure : Exposure
    filter : str
        Empty when the header has none.
    gain : float
        Electrons per count; NaN when unknown.
    read_noise : float
        Electrons; 0 when unknown.
    saturation : float
        Counts; infinite when unknown.
    site : astropy.coordinates.EarthLocation or None
    airmass : float
        The header's, NaN when absent.
    wcs_hdu : int
        Index of the HDU whose header holds the celestial WCS; -1: none.
    wcs_failed : str
        Why the WCS must not be trusted, from the header (``WCSERR 4``); empty when it may.
    at : (float, float) or None
        Where the WCS puts the target: pixels, 0-based, inside the image or not. None without a
        WCS, or further away than it can tell.
    distance : float
        Degrees from the middle of the image to the target by the WCS; NaN without one.
    """

    path: Path
    hdu: int
    mask_hdu: int
    shape: tuple[int, int]
    exposure: Exposure
    filter: str
    gain: float
    read_noise: float
    saturation: float
    site: EarthLocation | None
    airmass: float
    wcs_hdu: int
    wcs_failed: str
    at: tuple[float, float] | None = None
    distance: float = np.nan
    telescope: str = ""
    instrument: str = ""
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.path.name


@dataclass(frozen=True)
class Frame:
    """
    One image in memory.

    Parameters
    ----------
    info : FrameInfo
    pixels : (ny, nx) float32 array
        Native byte order, contiguous; bad pixels hold 0.
    bad : (ny, nx) bool array
        True where there is no measurement: NaN or masked by the file.
    wcs : astropy.wcs.WCS or None
        Celestial, two axes.
    """

    info: FrameInfo
    pixels: NDArray[np.float32]
    bad: NDArray[np.bool_]
    wcs: WCS | None = field(repr=False)

    @property
    def mask(self) -> NDArray[np.bool_] | None:
        """The bad pixels, or None where there are none: sep is quicker without a mask."""
        return self.bad if self.bad.any() else None


class Cards(Mapping[str, Any]):
    """Header cards of an image, and of the primary HDU where the image has none."""

    def __init__(self, *headers: fits.Header) -> None:
        self._headers = headers
        self.comments = self._Comments(self)

    class _Comments:
        def __init__(self, cards: Cards) -> None:
            self._cards = cards

        def __getitem__(self, key: str) -> str:
            return str(self._cards._holder(key).comments[key])

    def _holder(self, key: str) -> fits.Header:
        for header in self._headers:
            if key in header and _is_given(_value(header, key)):
                return header
        raise KeyError(key)

    def __getitem__(self, key: str) -> Any:
        return _value(self._holder(key), key)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(key for header in self._headers for key in header))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _value(header: fits.Header, key: str) -> Any:
    try:
        return header[key]
    except fits.VerifyError:  # a card that breaks the standard says nothing
        return None


def _is_given(value: Any) -> bool:
    return not (value is None or isinstance(value, fits.card.Undefined) or value == "")


def number(value: Any) -> float:
    """A positive number from a header card; NaN for zero, text, lists and missing cards."""
    if isinstance(value, bool):
        return np.nan
    try:
        result = float(value)
    except (TypeError, ValueError):
        return np.nan
    return result if result > 0 and np.isfinite(result) else np.nan


def inspect(
    path: Path | str,
    overrides: Overrides | None = None,
    target: Target | None = None,
) -> FrameInfo:
    """
    Check a file by its headers.

    Parameters
    ----------
    path : path
    overrides : Overrides or None
    target : Target or None
        To see where the WCS puts it.

    Raises
    ------
    FrameError
        If it is no FITS file, is cut short, or has no usable image or observation time.
    """
    path, overrides = Path(path), overrides or Overrides()
    with _open(path) as hdus:
        index = _image_index(hdus)
        image = hdus[index]
        cards = Cards(image.header, hdus[0].header)
        shape = _shape(image)
        _check_length(path, hdus, index)
        gain = overrides.gain or number(cards.get("GAIN"))
        if np.isnan(gain):
            gain = number(cards.get("EGAIN"))
        read_noise = overrides.read_noise or number(cards.get("RDNOISE", cards.get("READNOIS")))
        saturation = overrides.saturation or number(cards.get("SATURATE"))
        exposure = read_exposure(
            cards, date_obs_is=overrides.date_obs_is, exposure_override=overrides.exptime
        )
        wcs_hdu, wcs = _find_wcs(hdus, index)
        at, distance = None, np.nan
        if wcs is not None and target is not None:
            at, distance = locate(wcs, shape, *target.at(exposure.mid.mjd))
        return FrameInfo(
            path=path,
            hdu=index,
            mask_hdu=_mask_index(hdus, index, shape),
            shape=shape,
            exposure=exposure,
            filter=_filter(cards),
            gain=gain,
            read_noise=0.0 if np.isnan(read_noise) else read_noise,
            saturation=np.inf if np.isnan(saturation) else saturation,
            site=read_site(cards) if overrides.site is None else overrides.site,
            airmass=number(cards.get("AIRMASS")),
            wcs_hdu=wcs_hdu,
            wcs_failed=_wcs_failed(cards),
            at=at,
            distance=distance,
            telescope=str(cards.get("TELESCOP", "")).strip(),
            instrument=str(cards.get("INSTRUME", "")).strip(),
        )


def read(info: FrameInfo) -> Frame:
    """
    Bring the pixels of an inspected file.

    Raises
    ------
    FrameError
        If they cannot be read, or hold nothing to measure.
    """
    with _open(info.path) as hdus:
        try:
            data = hdus[info.hdu].data
            pixels = np.ascontiguousarray(np.squeeze(data), dtype=np.float32)
        except (TypeError, ValueError, OSError, EOFError, RuntimeError) as error:
            raise FrameError(f"the image cannot be read ({error}). Upload it again.") from error
        if pixels.shape != info.shape:
            raise FrameError(f"the image is {pixels.shape}, its header says {info.shape}.")
        bad = ~np.isfinite(pixels) | _dead(pixels)
        if info.mask_hdu >= 0:
            bad |= np.squeeze(hdus[info.mask_hdu].data) != 0
        wcs = read_wcs(hdus, info.wcs_hdu) if info.wcs_hdu >= 0 else None
    if bad.all():
        raise FrameError("all pixels are blank.")
    if bad.any():
        if pixels.base is not None or not pixels.flags.writeable:
            pixels = pixels.copy()
        pixels[bad] = 0
    elif pixels.min() == pixels.max():
        raise FrameError("all pixels are identical.")
    return Frame(info, pixels, bad, wcs)


def _dead(pixels: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Pixels of exactly 0 in an image whose sky is far above: dead columns and gaps."""
    zero: NDArray[np.bool_] = pixels == 0
    if not zero.any():
        return zero
    # Neighbours' differences: a gradient of the sky is no noise.
    sample, beside = pixels[::16, :-1:16], pixels[::16, 1::16]
    known = np.isfinite(sample) & np.isfinite(beside)
    if not known.any():
        return np.zeros_like(zero)
    sky = float(np.median(sample[known]))
    noise = 1.4826 * float(np.median(np.abs(sample - beside)[known])) / math.sqrt(2)
    return zero if sky > DEAD * noise else np.zeros_like(zero)


@contextmanager
def _open(path: Path) -> Iterator[fits.HDUList]:
    """Open a FITS file without its warnings; problems of opening become a FrameError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            hdus = fits.open(path, memmap=False)  # memory maps refuse BZERO and BLANK
            len(hdus)  # reads all headers
        except FileNotFoundError:
            raise FrameError("the file is gone.") from None
        except (OSError, TypeError, ValueError, EOFError) as error:
            raise FrameError(_why_not_fits(path, error)) from error
        with hdus:
            yield hdus


def _why_not_fits(path: Path, error: Exception) -> str:
    with path.open("rb") as stream:
        start = stream.read(40)
    if not start:
        return "not a FITS file (it is empty). Was the download complete?"
    if start.startswith((b"SIMPLE", b"\x1f\x8b")):
        return f"not a readable FITS file ({error}). Upload it again."
    text = re.sub(r"[^\x20-\x7e]+", " ", start.decode("latin-1")).strip()
    return f"not a FITS file (it starts with '{text[:24]}'). Was the download complete?"


def _is_image(hdu: Any) -> bool:
    if isinstance(hdu, fits.GroupsHDU) or not hdu.is_image:
        return False
    axes = [hdu.header.get(f"NAXIS{n}", 0) for n in range(1, hdu.header.get("NAXIS", 0) + 1)]
    return len(axes) >= 2 and min(axes) > 0


def _image_index(hdus: fits.HDUList) -> int:
    images = [n for n, hdu in enumerate(hdus) if _is_image(hdu) and hdu.name not in NO_IMAGES]
    science = [n for n in images if hdus[n].name == "SCI"]
    if len(science) == 1:
        return science[0]
    if len(science) > 1:
        if any(card in hdus[science[0]].header for card in ("BIASSEC", "TRIMSEC", "DATASEC")):
            raise FrameError(
                f"{len(science)} SCI images: this looks like raw multi-amplifier data; "
                f"use the reduced (e91) frame."
            )
        raise FrameError(f"{len(science)} SCI images; give a file with one image of the sky.")
    if not images:
        found = ", ".join(f"{hdu.name or 'unnamed'} {type(hdu).__name__}" for hdu in hdus)
        raise FrameError(f"contains no 2-D image (HDUs: {found}).")
    if len(images) > 1 and images[0] != 0:
        raise FrameError(f"{len(images)} images and none is called SCI; give a file with one.")
    return images[0]


def _shape(hdu: Any) -> tuple[int, int]:
    axes = [hdu.header[f"NAXIS{n}"] for n in range(1, hdu.header["NAXIS"] + 1)]
    planes = int(np.prod(axes[2:]))
    if planes > 1:
        raise FrameError(f"image has {planes} planes; give 2-D frames.")
    nx, ny = axes[:2]
    if min(nx, ny) < SMALLEST_SIDE:
        raise FrameError(f"image is {nx} x {ny} pixels: too small for an aperture and a sky ring.")
    return ny, nx


def _check_length(path: Path, hdus: fits.HDUList, index: int) -> None:
    if path.suffix == ".gz":
        return  # the length says nothing; reading will
    place = hdus[index].fileinfo() or {}
    expected = place.get("datLoc", 0) + place.get("datSpan", 0)
    size = path.stat().st_size
    if size <= expected - FITS_BLOCK:  # some writers leave out the padding of the last block
        raise FrameError(
            f"file is cut short (expected {expected:,} bytes, has {size:,}). Upload it again."
        )


def _mask_index(hdus: fits.HDUList, image: int, shape: tuple[int, int]) -> int:
    for n, hdu in enumerate(hdus):
        if n != image and hdu.name in MASK_NAMES and _is_image(hdu):
            nx, ny = hdu.header["NAXIS1"], hdu.header["NAXIS2"]
            if (ny, nx) == shape:
                return n
    return -1


def _find_wcs(hdus: fits.HDUList, image: int) -> tuple[int, WCS | None]:
    for n in dict.fromkeys((image, 0)):
        wcs = read_wcs(hdus, n)
        if wcs is not None:
            return n, wcs
    return -1, None


def read_wcs(hdus: fits.HDUList, index: int) -> WCS | None:
    """The equatorial J2000 WCS of an HDU, with its distortions; None when none works."""
    try:
        wcs = WCS(hdus[index].header, hdus, naxis=2)
        if not wcs.has_celestial or not any(axis.startswith("RA") for axis in wcs.wcs.ctype):
            return None
        system = wcs.wcs.radesys
        if system not in ("", "ICRS", "FK5", "GAPPT") or not (
            math.isnan(wcs.wcs.equinox) or wcs.wcs.equinox == 2000.0
        ):
            return None
        wcs.all_pix2world(0.0, 0.0, 0)
    except Exception:  # noqa: BLE001  wcslib's errors have no common base, and broken cards abound
        return None
    return wcs


def _wcs_failed(cards: Cards) -> str:
    code = cards.get("WCSERR")
    try:
        failed = code is not None and int(code) != 0
    except (TypeError, ValueError):
        failed = False
    return f"WCSERR {code}" if failed else ""


def pixel_scale(wcs: WCS) -> float:
    """Arcseconds per pixel, the geometric mean of both axes."""
    return float(np.sqrt(abs(np.linalg.det(wcs.pixel_scale_matrix)))) * 3600


def locate(
    wcs: WCS, shape: tuple[int, int], ra: float, dec: float
) -> tuple[tuple[float, float] | None, float]:
    """
    Where a WCS puts sky coordinates.

    Parameters
    ----------
    wcs : astropy.wcs.WCS
    shape : (ny, nx)
    ra, dec : float
        ICRS degrees.

    Returns
    -------
    at : (float, float) or None
        0-based pixels; None further away than a frame's size, where distortions mislead.
    distance : float
        Degrees from the middle of the image.
    """
    ny, nx = shape
    centre = (float(v) for v in wcs.all_pix2world((nx - 1) / 2, (ny - 1) / 2, 0, ra_dec_order=True))
    distance = _separation(ra, dec, *centre)
    if not distance < 90:
        return None, distance
    # Distorted systems do not converge far outside the image: the linear one decides there.
    x, y = (float(v) for v in wcs.wcs_world2pix(ra, dec, 0, ra_dec_order=True))
    if not (-nx < x < 2 * nx and -ny < y < 2 * ny):
        return None, distance
    x, y = (float(v) for v in wcs.all_world2pix(ra, dec, 0, ra_dec_order=True, quiet=True))
    return (x, y), distance


def _separation(ra1: float, dec1: float, ra2: float, dec2: float) -> float:
    """Great-circle distance in degrees (haversine)."""
    a1, d1, a2, d2 = (math.radians(v) for v in (ra1, dec1, ra2, dec2))
    half = math.sin((d2 - d1) / 2) ** 2 + math.cos(d1) * math.cos(d2) * math.sin((a2 - a1) / 2) ** 2
    return math.degrees(2 * math.asin(min(1.0, math.sqrt(half))))


def _filter(cards: Cards) -> str:
    for card in ("FILTER", "FILTNAM", "FILTERS"):
        text = str(cards.get(card, "")).strip()
        if text:
            return text
    wheel = [str(cards.get(f"FILTER{n}", "")).strip() for n in range(1, 5)]
    return "+".join(name for name in wheel if name and name.lower() not in ("air", "open", "clear"))
