"""One process from submission to outputs, told on the terminal: ``make demo ONCE=1``."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.contrib.auth.models import User
from tom_dataproducts.models import PhotometryReducedDatum
from tom_targets.models import Target

from demo import LOGIN, seed
from tom_pipeline_core import process_log, submission
from tom_pipeline_core.models import PipelineProcess

PIPELINE = "Aperture photometry"
POLL = 0.2  # seconds
LIMIT = 300  # seconds; a run takes a few


def submit() -> PipelineProcess:
    """Submit the example pipeline on all frames of the demo's target."""
    target = Target.objects.get(name=seed.TARGET)
    frames = target.dataproduct_set.filter(data_product_type="fits_file").order_by("pk")
    process = submission.submit(
        PIPELINE, target=target, products=frames, user=User.objects.get(username=LOGIN)
    )
    print(f"Submitted {process.identifier}: {PIPELINE} on {len(frames)} frames of {target.name}")
    return process


def follow(process: PipelineProcess, check_worker: Callable[[], None]) -> None:
    """
    Print what changes until the process has ended.

    Parameters
    ----------
    process : PipelineProcess
    check_worker : callable
        Raises if the worker is gone, so that nobody waits for it in vain.
    """
    shown, last_line = "", 0
    deadline = time.monotonic() + LIMIT
    while True:
        process.refresh_from_db()  # before the log: a process that has ended has said everything
        for line in process_log.lines_after(process, last_line, 1000):
            print(f"  {line.time:%H:%M:%S} | {line.text}")
            last_line = line.pk
        now = _headline(process)
        if now != shown:
            print(now)
            shown = now
        if process.is_terminal:
            return
        check_worker()
        if time.monotonic() > deadline:
            raise TimeoutError(f"{process.identifier} is still {process.state} after {LIMIT} s.")
        time.sleep(POLL)


def _headline(process: PipelineProcess) -> str:
    text = process.state
    if process.status != process.state:
        text += f": {process.status}"
    if process.progress_total and not process.is_terminal:
        text += f" ({process.progress_done:g} of {process.progress_total:g})"
    return text


def report(process: PipelineProcess) -> int:
    """Print what the process left, and return the exit code for it."""
    if process.state != "succeeded":
        print(f"The process {process.state}. {process.failure_kind}: {process.failure_message}")
        return 1
    print("\nOutputs")
    points = PhotometryReducedDatum.objects.none()
    for output in process.outputs.all():
        if output.size is not None:
            print(f"  {output.name:<40} {output.size:>10,} bytes")
        if output.points is not None:
            print(f"  {output.points} points of photometry")
            points |= PhotometryReducedDatum.objects.filter(
                target=process.target, reduction_version=output.reduction_version
            )
    print("\nSaved on the target's Photometry tab")
    for point in points.order_by("timestamp"):
        print(
            f"  {point.timestamp:%Y-%m-%d %H:%M:%S}  {point.bandpass:<4}"
            f" {point.brightness:8.4f} +- {point.brightness_error:.4f}"
        )
    return 0
