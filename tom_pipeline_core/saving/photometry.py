"""Photometry as the TOM keeps it, many points at once."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from tom_dataproducts.models import DataProduct, PhotometryReducedDatum

from tom_pipeline_core.exceptions import OutputError
from tom_pipeline_core.models import PipelineProcess
from tom_pipeline_core.outputs import Photometry, PhotometryTable
from tom_pipeline_core.process_log import clean_text
from tom_pipeline_core.saving.normalise import find_input

BATCH = 500
UPDATED = [
    "brightness_error",
    "data_product",
    "exposure_time",
    "telescope",
    "source_name",
    "unit",
    "value",
]
KEY = ["target", "bandpass", "timestamp", "instrument", "reduction_version"]


def finite(value: Any) -> float | None:
    """Return a number as Python's float; None for what is missing, masked or not finite."""
    if value is None or getattr(value, "mask", False):
        return None
    number = float(value)
    return number if math.isfinite(number) else None


def points_of_table(process: PipelineProcess, output: PhotometryTable) -> Iterator[Photometry]:
    """Yield the rows of a table as points; rows without a finite brightness or limit too."""
    table = output.table
    names = set(table.colnames)
    times = _timestamps(table, names)
    magnitude_name = _first(names, "mag", "brightness")
    error_name = _first(names, "mag_err", "brightness_error")
    if magnitude_name is None:
        raise OutputError(
            "A PhotometryTable needs a column 'mag' or 'brightness'; it has "
            f"{', '.join(table.colnames) or 'none'}"
        )
    unit = _unit(table[magnitude_name], output.unit)
    if not output.bandpass and "bandpass" not in names:
        raise OutputError("A PhotometryTable needs a column 'bandpass' or the argument bandpass=")

    def cell(index: int, name: str | None, default: Any = None) -> Any:
        if name is None or name not in names:
            return default
        value = table[name][index]
        return getattr(value, "value", value)

    for index in range(len(table)):
        source = cell(index, "source")
        yield Photometry(
            timestamp=times[index],
            brightness=finite(cell(index, magnitude_name)),
            brightness_error=finite(cell(index, error_name)),
            limit=finite(cell(index, "limit")),
            bandpass=str(cell(index, "bandpass", output.bandpass)),
            unit=unit,
            exposure_time=finite(_in_seconds(table, names, index)),
            telescope=str(cell(index, "telescope", "") or ""),
            instrument=str(cell(index, "instrument", "") or ""),
            source_name=str(cell(index, "source_name", "") or ""),
            source=source,
        )


def _first(names: set[str], *wanted: str) -> str | None:
    return next((name for name in wanted if name in names), None)


def _unit(column: Any, default: str) -> str:
    unit = getattr(column, "unit", None)
    return str(unit) if unit else default


def _in_seconds(table: Any, names: set[str], index: int) -> Any:
    if "exposure_time" not in names:
        return None
    value = table["exposure_time"][index]
    if hasattr(value, "to_value"):
        return value.to_value("s")
    return value


def _timestamps(table: Any, names: set[str]) -> list[datetime]:
    if "time" in names:
        return [moment.replace(tzinfo=timezone.utc) for moment in table["time"].utc.to_datetime()]
    if "timestamp" in names:
        return list(table["timestamp"])
    if "mjd" in names:
        epoch = datetime(1858, 11, 17, tzinfo=timezone.utc)
        return [epoch + timedelta(days=float(getattr(mjd, "value", mjd))) for mjd in table["mjd"]]
    raise OutputError(
        "A PhotometryTable needs a column 'time' (astropy Time), 'timestamp' (aware datetimes) or "
        f"'mjd' (UTC); it has {', '.join(table.colnames) or 'none'}"
    )


def rows_of(
    process: PipelineProcess, points: Iterable[Photometry], reduction_version: str
) -> tuple[list[PhotometryReducedDatum], int]:
    """
    Return unsaved rows, and how many points were left out as not finite.

    Raises
    ------
    OutputError
        If a point has no bandpass, a naive time, or text that does not fit the TOM's columns.
    """
    rows: list[PhotometryReducedDatum] = []
    left_out = 0
    products = {product.pk: product for product in process.input_files.all()}
    for point in points:
        brightness, limit = finite(point.brightness), finite(point.limit)
        if brightness is None and limit is None:
            left_out += 1
            continue
        _check(point)
        rows.append(
            PhotometryReducedDatum(
                target=process.target,
                data_product=_source(process, products, point.source),
                timestamp=point.timestamp,
                brightness=brightness,
                brightness_error=finite(point.brightness_error),
                # The TOM shows every point with a limit as a non-detection.
                limit=limit if brightness is None else None,
                unit=point.unit,
                bandpass=point.bandpass,
                exposure_time=finite(point.exposure_time),
                telescope=clean_text(point.telescope, 255),
                instrument=clean_text(point.instrument, 255),
                source_name=clean_text(point.source_name or process.identifier, None)[:100],
                reduction_version=reduction_version,
                value={**_jsonable(point.value), "process": process.pk},
            )
        )
    return rows, left_out


def _check(point: Photometry) -> None:
    if not point.bandpass or len(point.bandpass) > 32:
        raise OutputError(
            f"A point of photometry at {point.timestamp} has the bandpass {point.bandpass!r}; "
            "the TOM takes 1 to 32 characters"
        )
    if point.timestamp.tzinfo is None:
        raise OutputError(
            f"The time {point.timestamp} of a point of photometry has no time zone; give UTC"
        )
    if len(point.unit) > 32:
        raise OutputError(f"The unit {point.unit!r} is longer than the TOM's 32 characters")


def _source(
    process: PipelineProcess, products: Mapping[int, DataProduct], source: Any
) -> DataProduct | None:
    if isinstance(source, DataProduct):
        return products.get(source.pk)
    if source is None or getattr(source, "mask", False):
        return None
    try:
        return products.get(int(source))
    except (TypeError, ValueError):
        return find_input(process, source)


def _jsonable(value: Mapping[str, Any]) -> dict[str, Any]:
    def plain(item: Any) -> Any:
        if isinstance(item, Mapping):
            return {str(key): plain(inner) for key, inner in item.items()}
        if isinstance(item, list | tuple):
            return [plain(inner) for inner in item]
        if hasattr(item, "tolist"):
            return plain(item.tolist())
        if isinstance(item, float) and not math.isfinite(item):
            return None
        return item

    try:
        result: dict[str, Any] = json.loads(json.dumps(plain(value)))
    except TypeError as problem:
        raise OutputError(f"The value of a point of photometry is no JSON: {problem}") from problem
    return result


def save_rows(rows: Iterable[PhotometryReducedDatum]) -> int:
    """
    Write points; a point that the TOM has already is updated, so that a run can be repeated.

    The TOM has one constraint for detections and one for limits, so they go in two calls.
    """
    detections: dict[Any, PhotometryReducedDatum] = {}
    limits: dict[Any, PhotometryReducedDatum] = {}
    for row in rows:
        key = (row.bandpass, row.timestamp, row.instrument)
        if row.brightness is not None:
            detections[(*key, row.brightness)] = row
        else:
            limits[(*key, row.limit)] = row
    for unique, batch in (("brightness", detections), ("limit", limits)):
        if batch:
            PhotometryReducedDatum.objects.bulk_create(
                batch.values(),
                batch_size=BATCH,
                update_conflicts=True,
                unique_fields=[*KEY, unique],
                update_fields=UPDATED,
            )
    return len(detections) + len(limits)
