"""Tiny FITS frames of a target's field."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from astropy.io import fits


def frame(ra: float = 150.1163, dec: float = 2.2058, *, wcs: bool = True, **cards: Any) -> bytes:
    """Return a frame of 20 by 20 pixels of 1 arcsecond, centred on a position."""
    header = fits.Header()
    header["FILTER"], header["INSTRUME"] = "r", "camera"
    header["DATE-OBS"], header["EXPTIME"] = "2026-03-01T12:00:00", 30.0
    if wcs:
        header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
        header["CRVAL1"], header["CRVAL2"] = ra, dec
        header["CRPIX1"] = header["CRPIX2"] = 10.5
        header["CDELT1"], header["CDELT2"] = -1 / 3600, 1 / 3600
    for key, value in cards.items():
        header[key.replace("_", "-")] = value
    data = np.random.default_rng(1).normal(100, 5, (20, 20)).astype("f4")
    out = io.BytesIO()
    fits.PrimaryHDU(data, header).writeto(out)
    return out.getvalue()
