"""``manage.py run_pipelines``: the worker."""

from __future__ import annotations

import argparse
import logging
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from tom_pipeline_core.worker import PipelineWorker


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, not {number}")
    return number


class Command(BaseCommand):
    help = "Run queued pipeline processes until the command is stopped (SIGTERM waits for runs)."
    requires_system_checks = []  # they import every URLconf: 70 MB that a worker never uses

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--workers", "-w", type=_positive, default=2, help="processes at the same time (2)"
        )
        parser.add_argument("--queue", default="default", help="alias of the queue to serve")
        parser.add_argument(
            "--drain", action="store_true", help="end when nothing is queued or running"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not logging.getLogger().handlers:
            logging.basicConfig(
                level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
            )
        try:
            worker = PipelineWorker(
                options["queue"], threads=options["workers"], drain=options["drain"]
            )
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from error
        worker.run()
