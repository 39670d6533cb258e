"""Turn whatever a pipeline handed back into typed outputs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from tom_dataproducts.models import DataProduct, ReducedDatum

from tom_pipeline_core.exceptions import OutputError
from tom_pipeline_core.models import PipelineOutput, PipelineProcess
from tom_pipeline_core.outputs import Datum, File, Output, Photometry
from tom_pipeline_core.saving.datums import text_of

MJD_OF_UNIX_EPOCH = 40587.0
SECONDS_PER_DAY = 86400.0
UNKNOWN_BANDPASS = "unknown"


def normalise(process: PipelineProcess, returned: Any) -> list[Output]:
    """
    Return the outputs of a process.

    Parameters
    ----------
    process : PipelineProcess
        Whose input files old-style photometry may name.
    returned : iterable or None
        What ``do_pipeline`` returned; if it is a generator, the pipeline runs while it is read.

    Raises
    ------
    OutputError
        If something is of no known kind.
    """
    if returned is None:
        return []
    if isinstance(returned, Output | str | os.PathLike | PipelineOutput):
        returned = [returned]
    if not isinstance(returned, Iterable):
        raise OutputError(
            f"do_pipeline returned {returned!r}; return a list of paths or outputs, or yield them"
        )
    return [output for item in returned for output in _convert(process, item)]


def _convert(process: PipelineProcess, item: Any) -> Iterator[Output]:
    if isinstance(item, Output):
        yield item
    elif isinstance(item, str | os.PathLike):
        yield File(Path(item))
    elif isinstance(item, tuple | list) and 1 <= len(item) <= 4:
        yield _from_positions(process, PipelineOutput(*item))
    else:
        raise OutputError(
            f"{item!r} is no output; return a path, or one of the classes in "
            "tom_pipeline_core.outputs, such as File(path)"
        )


def _from_positions(process: PipelineProcess, output: PipelineOutput) -> Output:
    kind = output.output_type
    if kind is DataProduct:
        if output.path is None:
            raise OutputError("A DataProduct output has no path")
        return File(Path(output.path), str(output.data_product_type or ""))
    if kind is ReducedDatum:
        return _reduced_datum(process, output)
    raise OutputError(f"Invalid output type '{getattr(kind, '__name__', kind)}'")


def _reduced_datum(process: PipelineProcess, output: PipelineOutput) -> Output:
    if output.path is not None and (output.data is None or output.data in ("", ())):
        return _datum_of_file(process, Path(output.path), str(output.data_product_type or ""))
    try:
        mjd, magnitude, error, *rest = output.data
        mjd, magnitude, error = float(mjd), float(magnitude), float(error)
    except (TypeError, ValueError) as problem:
        raise OutputError(
            "A ReducedDatum output needs data = (mjd, magnitude, error, file), "
            f"and has {output.data!r}"
        ) from problem
    moment = (mjd - MJD_OF_UNIX_EPOCH) * SECONDS_PER_DAY
    return Photometry(
        timestamp=datetime.fromtimestamp(moment, tz=timezone.utc),
        brightness=magnitude,
        brightness_error=error,
        bandpass=UNKNOWN_BANDPASS,
        source_name=f"{process.identifier}_{mjd:.0f}",
        source=find_input(process, rest[0]) if rest else None,
    )


def _datum_of_file(process: PipelineProcess, path: Path, data_type: str) -> Datum:
    assert process._work_folder is not None
    return Datum(
        value=text_of(path, process._work_folder / "tmp"),
        data_type=data_type or "text",
        source_name=f"{process.identifier}_{path.name}",
    )


def find_input(process: PipelineProcess, mark: Any) -> DataProduct | None:
    """Return the input file that ``mark`` names: a DataProduct, a path, a name or a file object."""
    if isinstance(mark, DataProduct):
        return mark
    is_path = isinstance(mark, os.PathLike)  # whose own ``name`` is the base name only
    name = str(mark if is_path else getattr(mark, "name", mark) or "")
    if not name:
        return None
    products: list[DataProduct] = list(process.input_files.all())
    by_base_name: list[DataProduct] = []
    for product in products:
        stored = str(product.data.name)
        if name == stored or name.endswith(f"/{stored}"):
            return product
        if Path(name).name == Path(stored).name:
            by_base_name.append(product)
    return by_base_name[0] if len(by_base_name) == 1 else None
