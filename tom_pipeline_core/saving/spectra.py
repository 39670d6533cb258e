"""Spectra as the TOM keeps them."""

from __future__ import annotations

import numpy as np
from django.db import DatabaseError, IntegrityError, transaction
from tom_dataproducts.models import SpectroscopyReducedDatum

from tom_pipeline_core.exceptions import OutputError
from tom_pipeline_core.models import PipelineProcess
from tom_pipeline_core.outputs import Spectrum


def row_of(
    process: PipelineProcess, spectrum: Spectrum, reduction_version: str
) -> SpectroscopyReducedDatum:
    """Return an unsaved row; points that are not finite are left out."""
    wavelength = np.asarray(spectrum.wavelength, dtype=float)
    flux = np.asarray(spectrum.flux, dtype=float)
    error = None if spectrum.flux_error is None else np.asarray(spectrum.flux_error, dtype=float)
    shapes = {wavelength.shape, flux.shape} | ({error.shape} if error is not None else set())
    if wavelength.ndim != 1 or len(shapes) > 1:
        raise OutputError(
            f"A spectrum needs one-dimensional arrays of one length; got {sorted(map(str, shapes))}"
        )
    if spectrum.timestamp.tzinfo is None:
        raise OutputError(f"The time {spectrum.timestamp} of a spectrum has no time zone; give UTC")
    good = np.isfinite(wavelength) & np.isfinite(flux)
    if error is not None:
        good &= np.isfinite(error)
    if not good.any():
        raise OutputError("A spectrum has no finite point")
    pk = getattr(spectrum.source, "pk", None)
    return SpectroscopyReducedDatum(
        target=process.target,
        data_product=process.input_files.filter(pk=pk).first() if pk else None,
        timestamp=spectrum.timestamp,
        wavelength=wavelength[good].tolist(),
        flux=flux[good].tolist(),
        error=error[good].tolist() if error is not None else [],
        flux_unit=spectrum.flux_unit,
        wavelength_unit=spectrum.wavelength_unit,
        telescope=spectrum.telescope,
        instrument=spectrum.instrument,
        source_name=process.identifier[:100],
        reduction_version=reduction_version,
        value={**dict(spectrum.value), "process": process.pk},
    )


def save_row(row: SpectroscopyReducedDatum) -> str:
    """
    Write a spectrum and return '', or the reason why the database refused it.

    The TOM's unique constraint holds the whole flux, which PostgreSQL cannot index from about 250
    points on. That must not undo the rest of the outputs.
    """
    try:
        with transaction.atomic():
            SpectroscopyReducedDatum.objects.bulk_create([row])
    except IntegrityError:
        return ""  # the same spectrum of the same reduction is there already
    except DatabaseError as problem:
        return str(problem)
    return ""
