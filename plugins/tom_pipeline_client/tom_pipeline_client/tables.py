"""Photometry as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

COLUMNS = ("timestamp", "brightness", "brightness_error", "limit", "bandpass", "exposure_time",
           "telescope", "instrument", "source_name", "product")  # fmt: skip


def photometry_table(rows: Sequence[dict[str, Any]]) -> Any:
    """
    Return points as an astropy table; as they came where astropy is not installed.

    Columns: ``time`` (:class:`astropy.time.Time`, UTC), ``brightness``, ``brightness_error`` and
    ``limit`` (masked where there is none; with the unit where all points have the same and astropy
    knows it), ``bandpass``, ``exposure_time`` (seconds), ``telescope``, ``instrument``,
    ``source_name``, ``product``.
    """
    try:
        from astropy import units
        from astropy.table import MaskedColumn, Table
        from astropy.time import Time
    except ImportError:
        return list(rows)
    table = Table(masked=False)
    table["time"] = (
        Time(
            [row["timestamp"].replace("Z", "").replace("+00:00", "") for row in rows] or [],
            format="isot",
            scale="utc",
        )
        if rows
        else []
    )
    found = {row["unit"] for row in rows}
    unit = None
    if len(found) == 1:
        try:
            unit = units.Unit(found.pop())
        except ValueError:
            unit = None
    for name in COLUMNS[1:]:
        values = [row[name] for row in rows]
        if name in ("bandpass", "telescope", "instrument", "source_name"):
            table[name] = [str(value) for value in values] if values else []
            continue
        missing = [value is None for value in values]
        filled = [0.0 if value is None else value for value in values]
        of = {"exposure_time": units.s, "product": None}.get(name, unit)
        kind = int if name == "product" else float
        table[name] = MaskedColumn(filled, mask=missing, unit=of, dtype=kind)
    return table
