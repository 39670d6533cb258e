"""
Outputs become DataProducts, photometry and a group: all of them or none.

Files go into the storage first, because a DataProduct without a file breaks the TOM's pages. Then
one transaction inserts every row and moves the process to ``succeeded``: that row is the commit
point. Whatever fails before it takes the files out again.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import transaction
from tom_dataproducts import models as host
from tom_dataproducts.models import DataProduct, DataProductGroup

from tom_pipeline_core import hooks
from tom_pipeline_core.exceptions import OutputError
from tom_pipeline_core.models import (
    InputFile,
    Measurement,
    OutputRecord,
    PipelineOutput,
    PipelineProcess,
)
from tom_pipeline_core.outputs import (
    Datum,
    File,
    Output,
    Photometry,
    PhotometryTable,
    Plot,
    Spectrum,
)
from tom_pipeline_core.saving import datums, photometry, spectra
from tom_pipeline_core.saving.files import StagedFile, Staging
from tom_pipeline_core.saving.normalise import normalise
from tom_pipeline_core.saving.sharing import share

__all__ = ["PipelineOutput", "keep_fates", "normalise", "save_outputs"]


@dataclass
class _Plan:
    """All rows to write, computed before the transaction so that it is short."""

    files: list[tuple[File | Plot, StagedFile]] = field(default_factory=list)
    points: list[Any] = field(default_factory=list)
    spectra: list[Any] = field(default_factory=list)
    datums: list[Any] = field(default_factory=list)
    by_plugins: list[Any] = field(default_factory=list)
    """What plugins have saved already."""


def save_outputs(
    process: PipelineProcess,
    outputs: Sequence[Output],
    tmpdir: Path,
    *,
    commit: Callable[[], None],
    say: Callable[[str, int], None],
) -> None:
    """
    Save the outputs of a process, all or none.

    Parameters
    ----------
    process : PipelineProcess
        The process; its ``group`` is set.
    outputs : sequence of Output
        As returned by :func:`normalise`.
    tmpdir : pathlib.Path
        The folder that files must lie in.
    commit : callable
        Called last inside the transaction: moves the process to its end, or raises, which undoes
        everything.
    say : callable
        ``say(text, level)`` writes to the process's log.

    Raises
    ------
    OutputError
        If an output cannot be saved; nothing was.
    """
    version = reduction_version(process)
    storage = DataProduct._meta.get_field("data").storage
    staging = Staging(storage, tmpdir, process.short_name)
    # From the moment the database is told to commit, an error does not say whether it has: an
    # answer can be lost, and a signal can come right after it. Then the files stay; those that no
    # row names are removed by housekeeping.
    may_be_committed = False
    try:
        # Copying files takes long, and SQLite lets nobody else write during a transaction.
        staged = _stage(outputs, staging)
        ask_plugins = hooks.is_implemented("save_output")
        plan = _Plan() if ask_plugins else _plan(process, outputs, staged, version, say)
        with transaction.atomic():
            if ask_plugins:  # they write, so theirs is in the transaction
                left, saved = _offer_to_plugins(process, outputs)
                plan = _plan(process, left, staged, version, say)
                plan.by_plugins = saved
            _write(process, plan, version, say)
            commit()
            may_be_committed = True
        if ask_plugins:
            staging.discard()  # what plugins have saved in their own way; no row names it
    except BaseException:
        if not may_be_committed:
            staging.discard()
        raise


def reduction_version(process: PipelineProcess) -> str:
    """Return the mark of reduced data: which pipeline, in which version."""
    label = process.pipeline_name or process.short_name
    version = f"-{process.pipeline_version}" if process.pipeline_version else ""
    return f"{label[: 50 - len(version)]}{version}"[:50]


def _offer_to_plugins(
    process: PipelineProcess, outputs: Sequence[Output]
) -> tuple[list[Output], list[Any]]:
    """Return the outputs that no plugin saved, and what plugins made of the others."""
    left, saved = [], []
    for output in outputs:
        made = hooks.save_output(process, output)
        if made is None:
            left.append(output)
        else:
            saved.append(made)
    return left, saved


def _stage(outputs: Sequence[Output], staging: Staging) -> dict[int, StagedFile]:
    """Put all files into the storage; the key is the identity of the output."""
    return {
        id(output): staging.put(output.path)
        for output in outputs
        if isinstance(output, File | Plot)
    }


def _plan(
    process: PipelineProcess,
    outputs: Sequence[Output],
    staged: Mapping[int, StagedFile],
    version: str,
    say: Callable[[str, int], None],
) -> _Plan:
    plan = _Plan()
    points: list[Photometry] = []
    for output in outputs:
        if isinstance(output, File | Plot):
            plan.files.append((output, staged[id(output)]))
        elif isinstance(output, Photometry):
            points.append(output)
        elif isinstance(output, PhotometryTable):
            points.extend(photometry.points_of_table(process, output))
        elif isinstance(output, Spectrum):
            plan.spectra.append(spectra.row_of(process, output, version))
        elif isinstance(output, Datum):
            plan.datums.append(datums.row_of(process, output, version))
        else:
            raise OutputError(f"Outputs of type {type(output).__name__} cannot be saved")
    plan.points, left_out = photometry.rows_of(process, points, version)
    if left_out:
        say(f"{left_out} points of photometry were not finite and are not saved", logging.WARNING)
    return plan


def _write(
    process: PipelineProcess, plan: _Plan, version: str, say: Callable[[str, int], None]
) -> None:
    products = _write_files(process, plan.files, say)
    reduced: list[Any] = []
    if plan.points:
        count = photometry.save_rows(plan.points)
        OutputRecord.objects.create(
            process=process,
            kind=OutputRecord.Kind.PHOTOMETRY,
            points=count,
            reduction_version=version,
        )
        reduced.extend(row for row in plan.points if row.pk is not None)
    for row in plan.spectra:
        refusal = spectra.save_row(row)
        if refusal:
            say(f"A spectrum could not be kept by the TOM's database: {refusal}", logging.WARNING)
            continue
        OutputRecord.objects.create(
            process=process,
            kind=OutputRecord.Kind.SPECTRUM,
            points=len(row.flux),
            reduction_version=version,
        )
        reduced.append(row)
    for row in plan.datums:
        row.save()
        OutputRecord.objects.create(
            process=process,
            kind=OutputRecord.Kind.OTHER,
            name=row.data_type,
            points=1,
            reduction_version=version,
        )
        reduced.append(row)
    for made in plan.by_plugins:
        if isinstance(made, DataProduct):
            OutputRecord.objects.create(
                process=process,
                kind=OutputRecord.Kind.FILE,
                product=made,
                name=Path(str(made.data.name)).name if made.data else "",
            )
            products.append(made)
    share(process, products, reduced)
    keep_fates(process)


def _write_files(
    process: PipelineProcess,
    files: Sequence[tuple[File | Plot, StagedFile]],
    say: Callable[[str, int], None],
) -> list[DataProduct]:
    if not files:
        return []
    record = _common_observation_record(process)
    group = DataProductGroup.objects.create(name=f"{process.identifier}_outputs")
    products = []
    for output, staged in files:
        product = DataProduct(
            # The host gives the record of a product to whoever knows this id.
            product_id=f"{process.identifier}_{secrets.token_hex(8)}_{staged.name}"[:255],
            target=process.target,
            observation_record=record,
            data_product_type=_known_type(output, say),
        )
        product.data.name = staged.stored_name
        product.save()
        product.group.add(group)
        products.append(product)
        OutputRecord.objects.create(
            process=process,
            kind=OutputRecord.Kind.PLOT if isinstance(output, Plot) else OutputRecord.Kind.FILE,
            product=product,
            name=staged.name,
            caption=output.caption if isinstance(output, Plot) else "",
            size=staged.size,
            sha256=staged.sha256,
        )
    PipelineProcess.objects.filter(pk=process.pk).update(group=group)
    process.group = group
    return products


def _known_type(output: File | Plot, say: Callable[[str, int], None]) -> str:
    """Return the type if the site knows it: the host's pages fail on others."""
    known = {name for name, _label in host.DATA_TYPE_CHOICES}
    if output.data_product_type in known or not output.data_product_type:
        return output.data_product_type
    say(
        f"{Path(output.path).name} is saved without the type {output.data_product_type!r}, which "
        "DATA_PRODUCT_TYPES of this site does not have",
        logging.WARNING,
    )
    return ""


def _common_observation_record(process: PipelineProcess) -> Any:
    records = {product.observation_record_id for product in process.input_files.all()}
    if len(records) != 1 or None in records:
        return None
    first = process.input_files.select_related("observation_record").first()
    return first.observation_record if first else None


def keep_fates(process: PipelineProcess) -> None:
    """Write which inputs were skipped and what was measured."""
    for pk, reason in getattr(process, "_skipped", {}).items():
        InputFile.objects.filter(process_id=process.pk, product_id=pk).update(
            fate=InputFile.Fate.SKIPPED, reason=reason
        )
    Measurement.objects.bulk_create(
        Measurement(
            process_id=process.pk, name=name[:100], value=value, unit=unit[:50], product_id=pk
        )
        for name, value, unit, pk in getattr(process, "_measured", ())
    )
