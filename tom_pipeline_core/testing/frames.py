"""
Synthetic FITS frames with a known truth, for tests and demonstrations.

::

    series = make_series(folder, n_frames=24, seed=1)
    series.paths         # the files
    series.target_ra     # ICRS degrees
    series.truth         # per frame: mid-exposure time, true magnitude of the target, ...

Needs numpy and astropy; the same arguments give the same frames. :func:`spoil` makes from a good
frame one that a pipeline has to refuse or survive.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from astropy.io import fits
from astropy.table import Table
from astropy.time import Time, TimeDelta
from astropy.wcs import WCS
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Container = Literal["int16", "fz", "float32", "mixed"]
Flaw = Literal["no_wcs", "no_time", "truncated", "not_fits", "empty", "blank", "off_target"]
FLAWS: tuple[Flaw, ...] = get_args(Flaw)

GAIN = 1.6
"""Electrons per count."""
READ_NOISE = 7.0
"""Electrons."""
SATURATION = 32000.0
"""Counts; brighter pixels are cut there."""
ZERO_POINT = 22.5
"""Magnitude of a star that gives one electron per second."""
PIXEL_SCALE = 0.75
"""Arcseconds."""
SITE = {"LATITUDE": -30.1674, "LONGITUD": -70.8046, "HEIGHT": 2201.0}

# Nodes and weights of a 3-point Gauss-Legendre rule over one pixel.
_NODES, _WEIGHTS = (part / 2 for part in np.polynomial.legendre.leggauss(3))


@dataclass(frozen=True)
class Series:
    """
    Frames of one field, and what is true about them.

    Parameters
    ----------
    paths : list of pathlib.Path
        In order of time.
    target_ra, target_dec : float
        The variable star, ICRS degrees.
    truth : astropy.table.Table
        One row a frame: ``file``, ``mjd_mid`` (UTC, days), ``mag`` (the target's true magnitude),
        ``cloud`` (extinction in magnitudes), ``fwhm``, ``x``, ``y`` (pixels, 0-based), ``filter``.
    stars : astropy.table.Table
        ``ra``, ``dec`` (ICRS degrees) and ``mag``; row 0 is the target at rest.
    """

    paths: list[Path]
    target_ra: float
    target_dec: float
    truth: Table
    stars: Table


def sine(amplitude: float, period: float) -> Callable[[FloatArray], FloatArray]:
    """A brightness that varies by ``amplitude`` magnitudes about its mean, period in days."""
    return lambda days: amplitude * np.sin(2 * np.pi * days / period)


def make_series(
    folder: Path | str,
    *,
    n_frames: int = 24,
    seed: int = 1,
    shape: tuple[int, int] = (512, 512),
    n_stars: int = 60,
    target_mag: float = 14.0,
    signal: Callable[[FloatArray], FloatArray] | None = None,
    filters: tuple[str, ...] = ("rp",),
    exptime: float = 60.0,
    cadence: float = 420.0,
    fwhm: float = 3.2,
    clouds: float = 0.05,
    drift: float = 6.0,
    cosmic_rays: int = 4,
    ra: float = 150.1,
    dec: float = -27.4,
    start: str = "2025-02-20T02:00:00",
    container: Container = "mixed",
    prefix: str = "demo",
) -> Series:
    """
    Write a series of frames of one field with a variable star near its middle.

    Parameters
    ----------
    folder : path
        Made when missing; files of the same names are replaced.
    n_frames, seed : int
    shape : tuple of int
        (ny, nx).
    n_stars : int
        Constant stars, 11.5 to 18.5 mag.
    target_mag : float
        Mean magnitude of the target.
    signal : callable
        Days since the first mid-exposure -> change of magnitude; by default a sine of 0.15 mag
        with one and a half periods in the series.
    filters : tuple of str
        Taken in turn.
    exptime, cadence : float
        Seconds; start to start.
    fwhm, drift : float
        Pixels: the mean seeing, and how far the field moves during the series.
    clouds : float
        Largest grey extinction, magnitudes: it is common to all stars of a frame.
    cosmic_rays : int
        Hits per frame; none falls on the target.
    container : str
        ``int16`` and ``float32`` plain files, ``fz`` Rice-compressed ones, ``mixed`` int16 and fz
        in turn.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    stars = _make_stars(rng, shape, n_stars, target_mag, drift, _wcs(shape, ra, dec))
    begin = Time(start, scale="utc") + TimeDelta(np.arange(n_frames) * cadence, format="sec")
    middle = begin + TimeDelta(exptime / 2, format="sec")
    days = np.asarray((middle - middle[0]).to_value("day"), dtype=float)
    if signal is None:
        signal = sine(0.15, max(n_frames - 1, 1) * cadence / 86400 / 1.5)
    mag = target_mag + signal(days)
    phase = np.linspace(0, 1, n_frames)
    cloud = clouds * np.sin(np.pi * phase + rng.uniform(0, np.pi)) ** 2
    seeing = fwhm * (
        1 + 0.12 * np.sin(5 * phase + rng.uniform(0, 6)) + rng.normal(0, 0.02, n_frames)
    )
    moves = np.outer(phase - 0.5, (0.8 * drift, 0.6 * drift)) + rng.normal(0, 0.3, (n_frames, 2))

    rows, paths = [], []
    for n in range(n_frames):
        wcs = _wcs(shape, ra, dec, moves[n])
        x, y = wcs.all_world2pix(stars["ra"], stars["dec"], 0)
        true_mag = np.array(stars["mag"], dtype=float)
        true_mag[0] = mag[n]
        electrons = 10 ** (-0.4 * (true_mag + cloud[n] - ZERO_POINT)) * exptime
        sky = 2.5 * exptime * (1 + 0.3 * phase[n])
        counts = _expose(rng, shape, x, y, electrons, seeing[n], sky, cosmic_rays)
        header = _header(wcs, begin[n], exptime, filters[n % len(filters)], target=stars[0])
        kind = ("int16", "fz")[n % 2] if container == "mixed" else container
        path = _write(folder, f"{prefix}-{n:03d}", counts, header, kind)
        paths.append(path)
        rows.append(
            (path.name, middle[n].mjd, mag[n], cloud[n], seeing[n], x[0], y[0], header["FILTER"])
        )
    truth = Table(rows=rows, names=("file", "mjd_mid", "mag", "cloud", "fwhm", "x", "y", "filter"))
    return Series(paths, float(stars["ra"][0]), float(stars["dec"][0]), truth, stars)


def spoil(path: Path | str, flaw: Flaw, folder: Path | str) -> Path:
    """
    Make a file with one flaw from a good, plain frame.

    Parameters
    ----------
    path : path
        A frame of :func:`make_series` that is not compressed.
    flaw : str
        ``no_wcs``, ``no_time``, ``truncated``, ``not_fits`` (a web page), ``empty``, ``blank``
        (all pixels NaN) or ``off_target`` (pointed five degrees away).
    folder : path
        Where to put it; the name says the flaw.
    """
    path, folder = Path(path), Path(folder)
    spoilt = folder / f"{flaw}.fits"
    if flaw == "empty":
        spoilt.write_bytes(b"")
    elif flaw == "not_fits":
        spoilt.write_text("<!DOCTYPE html><html><body>Please log in</body></html>\n")
    elif flaw == "truncated":
        shutil.copyfile(path, spoilt)
        with spoilt.open("r+b") as stream:
            stream.truncate(int(path.stat().st_size * 0.6))
    else:
        header: fits.Header = fits.getheader(path)
        data: NDArray[Any] = fits.getdata(path)
        if flaw == "no_wcs":
            for card in ("CTYPE1", "CTYPE2", "CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2"):
                del header[card]
        elif flaw == "no_time":
            for card in ("DATE-OBS", "MJD-OBS"):
                header.remove(card, ignore_missing=True)
        elif flaw == "off_target":
            header["CRVAL2"] += 5
        else:
            data = np.full(data.shape, np.nan, dtype=np.float32)
        fits.writeto(spoilt, data, header, overwrite=True)
    return spoilt


def _make_stars(
    rng: np.random.Generator,
    shape: tuple[int, int],
    n: int,
    target_mag: float,
    drift: float,
    wcs: WCS,
) -> Table:
    """Row 0 is the target, alone within 30 pixels; counts rise with magnitude as on the sky."""
    ny, nx = shape
    mag = np.sort(11.5 + 7 * rng.power(2.2, n))
    x, y = rng.uniform(-drift, nx + drift, n), rng.uniform(-drift, ny + drift, n)
    x0, y0 = nx / 2 + rng.uniform(-20, 20), ny / 2 + rng.uniform(-20, 20)
    near = np.hypot(x - x0, y - y0) < 30
    x[near] += 60
    y[near] += 60
    sky = wcs.all_pix2world(np.r_[x0, x], np.r_[y0, y], 0)
    return Table({"ra": sky[0], "dec": sky[1], "mag": np.r_[target_mag, mag]})


def _wcs(
    shape: tuple[int, int], ra: float, dec: float, move: FloatArray | tuple[float, float] = (0, 0)
) -> WCS:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [ra, dec]
    wcs.wcs.crpix = [shape[1] / 2 + move[0], shape[0] / 2 + move[1]]
    wcs.wcs.cd = np.array([[-PIXEL_SCALE, 0.0], [0.0, PIXEL_SCALE]]) / 3600
    wcs.wcs.radesys = "ICRS"
    return wcs


def _star(dx: float, dy: float, fwhm: float, half: int) -> FloatArray:
    """A Moffat profile (beta 3) of unit flux, integrated over pixels, (dx, dy) off the middle."""
    pixels = np.arange(-half, half + 1)
    c = 4 * (2 ** (1 / 3) - 1) / fwhm**2
    stamp = np.zeros((pixels.size, pixels.size))
    for node_y, weight_y in zip(_NODES, _WEIGHTS, strict=True):
        for node_x, weight_x in zip(_NODES, _WEIGHTS, strict=True):
            r2 = (pixels + node_y - dy)[:, None] ** 2 + (pixels + node_x - dx)[None, :] ** 2
            stamp += weight_y * weight_x * (2 * c / math.pi) / (1 + c * r2) ** 3
    return stamp


def _expose(
    rng: np.random.Generator,
    shape: tuple[int, int],
    x: FloatArray,
    y: FloatArray,
    electrons: FloatArray,
    fwhm: float,
    sky: float,
    cosmic_rays: int,
) -> FloatArray:
    """One image in counts."""
    ny, nx = shape
    image = np.full(shape, sky) * (1 + 0.1 * np.linspace(-0.5, 0.5, nx))
    for star_x, star_y, flux in zip(x, y, electrons, strict=True):
        half = int(fwhm * (4 + max(0.0, 2 * math.log10(flux / 1e4))))
        ix, iy = round(star_x), round(star_y)
        x0, x1 = max(ix - half, 0), min(ix + half + 1, nx)
        y0, y1 = max(iy - half, 0), min(iy + half + 1, ny)
        if x0 < x1 and y0 < y1:
            stamp = flux * _star(star_x - ix, star_y - iy, fwhm, half)
            image[y0:y1, x0:x1] += stamp[
                y0 - iy + half : y1 - iy + half, x0 - ix + half : x1 - ix + half
            ]
    image = rng.poisson(image) + rng.normal(0, READ_NOISE, shape)
    hit_x, hit_y = rng.integers(0, nx, cosmic_rays), rng.integers(0, ny, cosmic_rays)
    clear = np.hypot(hit_x - x[0], hit_y - y[0]) > 25
    image[hit_y[clear], hit_x[clear]] += 1000 + rng.exponential(5000, int(clear.sum()))
    counts: FloatArray = np.minimum(image / GAIN, SATURATION)
    return counts


def _header(wcs: WCS, start: Time, exptime: float, filter_: str, target: Any) -> fits.Header:
    header = wcs.to_header()
    header["OBJECT"] = "synthetic"
    header["TELESCOP"] = "synthetic"
    header["INSTRUME"] = "made by tom_pipeline_core.testing"
    header["DATE-OBS"] = (start.isot, "[UTC] start of exposure")
    header["MJD-OBS"] = (start.mjd, "[d] start of exposure")
    header["TIMESYS"] = "UTC"
    header["EXPTIME"] = (exptime, "[s]")
    header["FILTER"] = filter_
    header["GAIN"] = (GAIN, "[electron/adu]")
    header["RDNOISE"] = (READ_NOISE, "[electron]")
    header["SATURATE"] = (SATURATION, "[adu]")
    header["RA"] = (float(target["ra"]), "[deg] target")
    header["DEC"] = (float(target["dec"]), "[deg] target")
    for card, value in SITE.items():
        header[card] = value
    header["BUNIT"] = "adu"
    return header


def _write(
    folder: Path, stem: str, counts: FloatArray, header: fits.Header, container: str
) -> Path:
    if container == "float32":
        path = folder / f"{stem}.fits"
        fits.writeto(path, counts.astype(np.float32), header, overwrite=True)
        return path
    whole = np.round(counts).astype(np.int16)
    if container == "int16":
        path = folder / f"{stem}.fits"
        fits.writeto(path, whole, header, overwrite=True)
        return path
    path = folder / f"{stem}.fits.fz"
    image = fits.CompImageHDU(whole, header, name="SCI", compression_type="RICE_1")
    fits.HDUList([fits.PrimaryHDU(), image]).writeto(path, overwrite=True)
    return path
