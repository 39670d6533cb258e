"""Run one pipeline on files and collect what it gave."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from astropy.table import Table

    from tom_pipeline_core.executors import ExecutorPool
    from tom_pipeline_core.executors.base import Sink
    from tom_pipeline_core.models import PipelineProcess


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a run gave."""

    process: PipelineProcess
    """The row of the process, after its end."""

    ok: bool
    """Whether it succeeded."""

    message: str
    """Why it failed, as the user reads it; empty if it succeeded."""

    log: tuple[str, ...]
    outputs: Mapping[str, Path] = field(default_factory=dict)
    """Saved files by name."""

    photometry: Table | None = None
    """``time``, ``brightness``, ``brightness_error``, ``limit``, ``unit``, ``bandpass`` and
    ``exposure_time`` (s) of the saved points; None if there are none."""

    measurements: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Quality numbers by name, in the order they were measured."""

    skipped: Mapping[str, str] = field(default_factory=dict)
    """Input files that the pipeline left out, with its reasons."""

    @property
    def traceback(self) -> str:
        """Where it failed."""
        return str(self.process.failure_traceback)


def run(
    pipeline: str,
    files: Iterable[Path | str],
    *,
    ra: float | None = None,
    dec: float | None = None,
    target: Any = None,
    products: Iterable[Any] = (),
    parameters: Mapping[str, Any] | None = None,
    listener: Sink | None = None,
    executor: str = "",
) -> Result:
    """
    Run a pipeline to its end.

    Parameters
    ----------
    pipeline : str
        Name or qualified id; see :func:`tom_pipeline_core.standalone.register` for other classes.
    files : iterable of path
        Input files; they are linked into the TOM, not copied.
    ra, dec : float, optional
        ICRS degrees of the target that is made.
    target : Target, optional
        Use this one instead.
    products : iterable of DataProduct, optional
        Files that are in the TOM already.
    parameters : mapping, optional
        By name.
    listener : Sink, optional
        Hears log, status and progress while the pipeline runs.
    executor : str, optional
        An alias of the settings; in the calling thread unless told otherwise.

    Raises
    ------
    SubmissionRefused
        If the pipeline does not take the files or parameters.
    """
    from tom_pipeline_core import submission
    from tom_pipeline_core.models import PipelineProcess
    from tom_pipeline_core.supervisor import Supervisor

    target = target if target is not None else add_target(ra=ra, dec=dec)
    process = submission.submit(
        pipeline,
        target=target,
        products=[*products, *(add_product(target, Path(path)) for path in files)],
        parameters=parameters,
        executor=executor or None,
        origin="shell",
    )
    supervisor = Supervisor(_pool(listener, in_thread=not executor))
    try:
        supervisor.run(process.pk)
    finally:
        supervisor.close()
    return collect(PipelineProcess.objects.get(pk=process.pk))


def add_target(*, ra: float | None, dec: float | None, name: str = "") -> Any:
    """Make a sidereal target; its name is made up unless given."""
    from tom_targets.models import Target

    return Target.objects.create(
        name=name or f"target-{uuid.uuid4().hex[:8]}",
        type="SIDEREAL",
        ra=ra,
        dec=dec,
        epoch=2000,
        permissions="PUBLIC",
    )


def add_product(target: Any, path: Path) -> Any:
    """
    Make a data product whose file is a link to ``path``.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    """
    from django.conf import settings
    from tom_dataproducts.models import DataProduct

    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}")
    name = f"inputs/{uuid.uuid4().hex[:8]}/{path.name}"
    place = Path(settings.MEDIA_ROOT) / name
    place.parent.mkdir(parents=True)
    try:
        place.symlink_to(path.resolve())
    except OSError:  # a file system without links
        shutil.copyfile(path, place)
    product = DataProduct(target=target, data_product_type="fits_file")
    product.data.name = name
    product.save()
    return product


def collect(process: PipelineProcess) -> Result:
    """Gather what a process left in the TOM."""
    measurements: dict[str, list[float]] = {}
    for measurement in process.measurements.all():
        measurements.setdefault(measurement.name, []).append(measurement.value)
    return Result(
        process=process,
        ok=process.state == "succeeded",
        message=process.failure_message,
        log=tuple(process.log_lines.values_list("text", flat=True)),
        outputs={
            record.name: Path(record.product.data.path)
            for record in process.outputs.select_related("product")
            if record.product is not None
        },
        photometry=_photometry(process),
        measurements={name: tuple(values) for name, values in measurements.items()},
        skipped={row.name: row.reason for row in process.inputs.filter(fate="skipped")},
    )


def _photometry(process: PipelineProcess) -> Table | None:
    from astropy import units
    from astropy.table import Table
    from astropy.time import Time
    from tom_dataproducts.models import PhotometryReducedDatum

    versions = process.outputs.filter(kind="photometry").values_list("reduction_version", flat=True)
    rows = list(
        PhotometryReducedDatum.objects.filter(
            target=process.target, reduction_version__in=list(versions)
        ).order_by("timestamp", "bandpass")
    )
    if not rows:
        return None

    def numbers(name: str) -> list[float]:
        values = [getattr(row, name) for row in rows]
        return [float("nan") if value is None else float(value) for value in values]

    table = Table()
    table["time"] = Time([row.timestamp for row in rows])
    for name in ("brightness", "brightness_error", "limit"):
        table[name] = numbers(name)
    table["unit"] = [row.unit for row in rows]
    table["bandpass"] = [row.bandpass for row in rows]
    table["exposure_time"] = numbers("exposure_time")
    table["exposure_time"].unit = units.s
    return table


def _pool(listener: Sink | None, *, in_thread: bool) -> ExecutorPool:
    from tom_pipeline_core.executors import ExecutorPool
    from tom_pipeline_core.standalone.executors import InThisThread, Listening

    pool = InThisThread() if in_thread else ExecutorPool()
    return Listening(pool, listener) if listener is not None else pool
