"""
What a pipeline hands back: named outputs instead of positions.

Return or yield any mix of these from ``do_pipeline``; plain paths are taken as :class:`File`.
Nothing here needs Django, so science code and notebooks can use it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from astropy.table import Table


@dataclass(frozen=True, kw_only=True)
class Output:
    """Base of all outputs."""


@dataclass(frozen=True)
class File(Output):
    """
    A file to keep as a DataProduct.

    Parameters
    ----------
    path : path
        A regular file inside the run's ``tmpdir``.
    data_product_type : str
        A key of the site's ``DATA_PRODUCT_TYPES``; one the site does not know is saved without
        type, and the log says so.
    """

    path: Path | str
    data_product_type: str = ""


@dataclass(frozen=True)
class Plot(Output):
    """
    A picture to keep as a DataProduct and to show on the process's page.

    Parameters
    ----------
    path : path
        A PNG, JPEG, GIF, WebP or SVG file inside the run's ``tmpdir``.
    caption : str
        A sentence that says what is shown.
    """

    path: Path | str
    caption: str = ""
    data_product_type: str = ""


@dataclass(frozen=True, kw_only=True)
class Photometry(Output):
    """
    One point of photometry, in the TOM's own terms.

    Parameters
    ----------
    timestamp : datetime.datetime
        Middle of the exposure, with a time zone.
    brightness : float or None
        In ``unit``; None for a non-detection.
    brightness_error : float or None
        1-sigma error in ``unit``.
    limit : float or None
        Upper limit, for a non-detection only: the TOM shows a point with a limit as one.
    unit : str
        ``mag`` unless said otherwise.
    bandpass : str
        Name of the filter; must not be empty.
    exposure_time : float or None
        Seconds.
    source : DataProduct or None
        The input file it was measured on.
    value : mapping
        Further JSON-able facts of this point.
    """

    timestamp: datetime
    brightness: float | None
    brightness_error: float | None = None
    bandpass: str
    unit: str = "mag"
    limit: float | None = None
    exposure_time: float | None = None
    telescope: str = ""
    instrument: str = ""
    source_name: str = ""
    source: Any = None
    value: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PhotometryTable(Output):
    """
    Many points of photometry at once.

    Parameters
    ----------
    table : astropy.table.Table
        One row a point. Columns: ``time`` (:class:`astropy.time.Time`) or ``timestamp`` (aware
        datetimes) or ``mjd`` (UTC); ``mag`` or ``brightness``; optionally ``mag_err`` or
        ``brightness_error``, ``limit``, ``bandpass``, ``exposure_time`` (seconds),
        ``telescope``, ``instrument``, ``source_name``, ``source`` (DataProduct or its primary
        key). Columns with units are converted. Rows without a finite brightness or limit are
        left out, and the log says how many.
    bandpass : str
        For tables without a ``bandpass`` column.
    unit : str
        Unit of the brightness for tables whose column has none.
    """

    table: Table
    bandpass: str = ""
    unit: str = "mag"


@dataclass(frozen=True, kw_only=True)
class Spectrum(Output):
    """
    One spectrum, for the target's Spectroscopy tab.

    Parameters
    ----------
    timestamp : datetime.datetime
        Middle of the exposure, with a time zone.
    wavelength : (N,) sequence of float
        In ``wavelength_unit``; finite.
    flux : (N,) sequence of float
        In ``flux_unit``; points that are not finite are left out.
    flux_error : (N,) sequence of float or None
        1-sigma errors in ``flux_unit``.
    source : DataProduct or None
        The input file it comes from.
    """

    timestamp: datetime
    wavelength: Sequence[float]
    flux: Sequence[float]
    flux_error: Sequence[float] | None = None
    wavelength_unit: str = "angstrom"
    flux_unit: str = "erg / (Angstrom s cm2)"
    telescope: str = ""
    instrument: str = ""
    source: Any = None
    value: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Datum(Output):
    """
    One value that belongs to the target and is neither photometry nor a spectrum.

    Parameters
    ----------
    value : JSON-able
        The value.
    data_type : str
        What it is: a word by which the site finds it again.
    timestamp : datetime.datetime or None
        When it was observed, with a time zone; None stands for the end of the run.
    source_name : str
        Where it comes from; the process's identifier unless said otherwise.
    source : DataProduct or None
        The input file it was measured on.
    """

    value: Any
    data_type: str
    timestamp: datetime | None = None
    source_name: str = ""
    source: Any = None
