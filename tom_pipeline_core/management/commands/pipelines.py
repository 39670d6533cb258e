"""``manage.py pipelines list|show|doctor``: what is installed, and what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from tom_pipeline_core import registry
from tom_pipeline_core.exceptions import PipelineNotFound
from tom_pipeline_core.management.description import describe, summary
from tom_pipeline_core.management.doctor import diagnose
from tom_pipeline_core.registry import Entry
from tom_pipeline_core.registry.examination import examine

SEVERITIES = ("error", "warning", "info")


class Command(BaseCommand):
    help = "Show the installed pipelines, or examine the whole installation."
    requires_system_checks = []  # the doctor shows them, together with the rest

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        listing = actions.add_parser("list", help="every pipeline, with its state and the reason")
        listing.add_argument(
            "--no-import", action="store_true", help="do not try to import them in a child process"
        )
        show = actions.add_parser("show", help="everything about one pipeline")
        show.add_argument("name", help="its name or qualified id")
        doctor = actions.add_parser("doctor", help="examine plugins, database, queues and workers")
        doctor.add_argument(
            "--fail-level",
            choices=SEVERITIES,
            default="error",
            help="exit with 1 if there is a finding of this severity or a worse one (error)",
        )
        for action in (listing, show, doctor):
            action.add_argument("--json", action="store_true", help="machine-readable output")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, f"_{options['action']}")(**options)
        except ImproperlyConfigured as error:
            if options["action"] == "doctor":
                raise  # the doctor reports settings itself, so this is another matter
            raise CommandError(str(error)) from error

    def _list(self, *, no_import: bool, **options: Any) -> None:
        rows = registry.listing()
        if not no_import:
            broken = {(fault.where, fault.subject): fault.what for fault in examine()}
            rows = [_with_fault(row, broken) for row in rows]
        if options["json"]:
            self._write_json([summary(row) for row in rows])
            return
        if not rows:
            self.stdout.write("No pipeline is installed. Try: pip install tom-pipeline-…")
            return
        self._write_table(
            ("NAME", "ID", "VERSION", "SOURCE", "STATE", "REASON"),
            (
                (row.name, row.qualified_id, row.version or "-", row.source, row.state, row.reason)
                for row in rows
            ),
        )

    def _show(self, *, name: str, **options: Any) -> None:
        facts = describe(_any_entry(name))
        if options["json"]:
            self._write_json(facts)
            return
        for key, value in facts.items():
            if isinstance(value, dict) and value:
                self.stdout.write(f"{key}:")
                for inner, what in value.items():
                    self._write_fact(inner, what, "  ")
            else:
                self._write_fact(key, value, "")

    def _write_fact(self, key: str, value: Any, indent: str) -> None:
        if key == "parameters" and value:
            self.stdout.write(f"{indent}parameters:")
            for parameter in value:
                default = json.dumps(parameter["default"], ensure_ascii=False)
                self.stdout.write(
                    f"{indent}  {parameter['name']} ({parameter['type']}, default {default}): "
                    f"{parameter['label']}. {parameter['help']}".rstrip()
                )
        elif value not in ("", None, [], {}):
            text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            self.stdout.write(f"{indent}{key}: {text}")

    def _doctor(self, *, fail_level: str, **options: Any) -> None:
        findings = sorted(diagnose(), key=lambda fault: SEVERITIES.index(fault.severity))
        if options["json"]:
            self._write_json([{"severity": f.severity, **asdict(f)} for f in findings])
        else:
            for fault in findings:
                style = {"error": self.style.ERROR, "warning": self.style.WARNING}.get(
                    fault.severity, self.style.NOTICE
                )
                self.stdout.write(style(f"{fault.severity}: {fault.what}") + f" ({fault.id})")
                if fault.where:
                    self.stdout.write(f"    where: {fault.where}")
                if fault.hint:
                    self.stdout.write(f"    to do: {fault.hint}")
            if not findings:
                self.stdout.write(self.style.SUCCESS("Everything is in order."))
        worst = SEVERITIES[: SEVERITIES.index(fail_level) + 1]
        bad = sum(fault.severity in worst for fault in findings)
        if bad:
            raise CommandError(f"{bad} of {len(findings)} findings are to be mended", returncode=1)

    def _write_json(self, what: Any) -> None:
        self.stdout.write(json.dumps(what, indent=2, ensure_ascii=False, default=str))

    def _write_table(self, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        table = [head, *rows]
        widths = [max(len(row[column]) for row in table) for column in range(len(head))]
        for row in table:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            self.stdout.write("  ".join(cells).rstrip())


def _with_fault(row: Entry, broken: dict[tuple[str, str], str]) -> Entry:
    what = broken.get((row.where, row.name))
    return replace(row, state="load error", reason=what) if what else row


def _any_entry(name: str) -> Entry:
    """Return an entry of that name, also one that may not be used."""
    try:
        return registry.find(name)
    except PipelineNotFound as error:
        for row in registry.listing():
            if name in (row.name, row.qualified_id):
                return row
        raise CommandError(str(error)) from error
