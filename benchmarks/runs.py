"""Pipelines that benchmarks run."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

from tom_pipeline_core.models import PipelineProcess
from tom_pipeline_core.runner.reporter import Reporter


class Noop(PipelineProcess):
    """Says when it began, and ends."""

    short_name = "noop"
    min_inputs = 0

    def do_pipeline(self, tmpdir: Path) -> None:
        self.log(f"began {time.time():.6f}")


def talk(pk: int, attempt: int, reporter: Reporter) -> None:
    """Print ``pk`` lines."""
    for number in range(pk):
        print(f"Frame {number:07d}: flux 12345.6 ± 23.4, fwhm 3.21 px, sky 101.2")


def talk_by_logging(pk: int, attempt: int, reporter: Reporter) -> None:
    """Log ``pk`` lines."""
    logger = logging.getLogger("bench")
    for number in range(pk):
        logger.info("Frame %07d: flux 12345.6 ± 23.4, fwhm 3.21 px, sky 101.2", number)


def one_long_line(pk: int, attempt: int, reporter: Reporter) -> None:
    """Write a line of ``pk`` MiB."""
    part = b"x" * (1 << 20)
    for _ in range(pk):
        os.write(1, part)
    os.write(1, b"\n")
