"""Writes one old process as rows of the core."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import Max
from django.utils import timezone

from tom_education.importing.old_tables import OldProcess
from tom_education.importing.report import Report
from tom_pipeline_core.states import FailureKind, State

CREATED, FAILED = "created", "failed"
PLOTS = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg")
TIMELAPSE = ("TimelapsePipeline", "Timelapse", "tom_education.models.timelapse.TimelapsePipeline")
UNKNOWN_BANDPASS = "unknown"
UNSTORABLE = "\x00"


class Writer:
    """
    Writes processes with all that belongs to them.

    Parameters
    ----------
    apps : app registry
        Historical models, or the installed ones.
    using : str
        The database.
    report : Report
        Is added to.
    """

    def __init__(self, apps: Any, using: str, report: Report) -> None:
        def manager(label: str, name: str) -> Any:
            return apps.get_model(label, name)._base_manager.using(using)

        self.process_model = apps.get_model("tom_pipeline_core", "PipelineProcess")
        self.processes = manager("tom_pipeline_core", "PipelineProcess")
        self.inputs = manager("tom_pipeline_core", "InputFile")
        self.lines = manager("tom_pipeline_core", "LogLine")
        self.events = manager("tom_pipeline_core", "ProcessEvent")
        self.outputs = manager("tom_pipeline_core", "OutputRecord")
        self.targets = manager("tom_targets", "BaseTarget")
        self.products = manager("tom_dataproducts", "DataProduct")
        self.groups = manager("tom_dataproducts", "DataProductGroup")
        self.datums = manager("tom_dataproducts", "ReducedDatum")
        self.report = report
        self.classes = _classes_of_settings()

    def write(self, old: OldProcess) -> None:
        """Write a process unless its identifier is there."""
        if self.processes.filter(identifier=old.identifier).exists():
            self.report.already += 1
            return
        process = self._process(old)
        self._inputs(process, old)
        self._log(process, old)
        self._outputs(process, old)
        self.report.imported += 1

    def _note(self, old: OldProcess, text: str) -> None:
        self.report.notes.append(f"Process {old.identifier}: {text}")

    # -- the process ----------------------------------------------------------------------------

    def _process(self, old: OldProcess) -> Any:
        pk = old.pk
        if self.processes.filter(pk=pk).exists():
            pk = max(self.processes.aggregate(top=Max("pk"))["top"], old.pk) + 1
            self._note(old, f"its number was {old.pk}, which is taken; it is {pk} now.")
        kind, name, path = self._pipeline(old)
        facts = {
            "identifier": old.identifier,
            "process_type": path[:200],
            "pipeline_name": name[:200],
            "pipeline_id": f"settings:{name}" if kind == "setting" else "",
            "target_id": self._existing(old, "target", self.targets, old.target_id),
            "group_id": self._existing(old, "group", self.groups, old.group_id),
            "parameters": self._parameters(old),
            "queued_at": old.created,
            **self._ending(old),
        }
        process = self.processes.create(pk=pk, **facts)
        self.processes.filter(pk=pk).update(created=old.created)  # which "create" sets to now
        for value, moment in (
            (State.QUEUED.value, old.created),
            (State.RUNNING.value, old.created),
            (facts["state"], facts["terminal_timestamp"]),
        ):
            self.events.create(
                process_id=pk, time=moment, kind="state", value=value, detail="in tom_education"
            )
        return process

    def _pipeline(self, old: OldProcess) -> tuple[str, str, str]:
        """Return where its class is known from, the pipeline's name, and the class's path."""
        kind = old.process_type or ""
        if not old.is_pipeline:
            return "", "", kind
        if kind in self.classes:
            return ("setting", *self.classes[kind])
        if kind == TIMELAPSE[0]:
            return ("ours", *TIMELAPSE[1:])
        return "", kind or old.identifier.rsplit("_", 2)[0], kind

    def _existing(self, old: OldProcess, what: str, rows: Any, pk: int | None) -> int | None:
        if pk is None or rows.filter(pk=pk).exists():
            return pk
        self._note(old, f"its {what} {pk} does not exist any more.")
        return None

    def _parameters(self, old: OldProcess) -> dict[str, Any]:
        if not old.flags_json:
            return {}
        try:
            flags = json.loads(old.flags_json)
        except ValueError:
            flags = None
        if isinstance(flags, dict):
            return flags
        self._note(old, f"its flags {old.flags_json!r} are no JSON object; kept as text.")
        return {"flags_json": old.flags_json}

    def _ending(self, old: OldProcess) -> dict[str, Any]:
        if old.status == CREATED:
            return {
                "state": State.SUCCEEDED.value,
                "status": CREATED,
                "failure_message": old.failure_message,
                "terminal_timestamp": old.terminal_timestamp or old.created,
            }
        if old.status == FAILED:
            return {
                "state": State.FAILED.value,
                "status": FAILED,
                "failure_kind": FailureKind.PIPELINE.value,
                "failure_message": old.failure_message,
                "terminal_timestamp": old.terminal_timestamp or old.created,
            }
        self._note(old, f"it had not ended (status {old.status!r}), and is closed as failed.")
        return {
            "state": State.FAILED.value,
            "status": FAILED,
            "failure_kind": FailureKind.WORKER_LOST.value,
            "failure_message": (
                f"It had not ended (status {old.status!r}) when this site moved from tom_education, "
                "and nothing was left of its run. Run it again. " + old.failure_message
            ).rstrip(),
            "terminal_timestamp": timezone.now(),
        }

    # -- what belongs to it -----------------------------------------------------------------------

    def _inputs(self, process: Any, old: OldProcess) -> None:
        known = self.products.in_bulk(list(old.product_ids))
        rows = []
        for pk in old.product_ids:
            product = known.get(pk)
            name = Path(str(product.data)).name if product is not None else ""
            if product is None:
                self._note(old, f"its input file, data product {pk}, does not exist any more.")
            rows.append(
                self.inputs.model(
                    process_id=process.pk,
                    product_id=product.pk if product is not None else None,
                    name=(name or f"data product {pk}")[:255],
                )
            )
        self.inputs.bulk_create(rows)

    def _log(self, process: Any, old: OldProcess) -> None:
        if not old.logs:
            return
        *lines, rest = old.logs.replace(UNSTORABLE, "\ufffd").split("\n")
        self.lines.bulk_create(
            (
                self.lines.model(
                    process_id=process.pk,
                    time=process.terminal_timestamp,
                    stream="log",
                    level=logging.INFO,
                    text=text,
                )
                for text in lines + ([rest] if rest else [])
            ),
            batch_size=500,
        )

    def _outputs(self, process: Any, old: OldProcess) -> None:
        prefix = f"{old.identifier}_"
        made = self.products.filter(product_id__startswith=prefix)
        if process.group_id is not None:
            made = made | self.products.filter(group=process.group_id)
        for product in made.distinct().order_by("pk"):
            name = Path(str(product.data)).name
            if not name:
                self._note(
                    old,
                    f"its output {product.product_id!r} (data product {product.pk}) has no file; the "
                    "TOM's page of the target fails until it is deleted.",
                )
            self.outputs.create(
                process_id=process.pk,
                kind="plot" if name.lower().endswith(PLOTS) else "file",
                product_id=product.pk,
                name=(name or product.product_id or "")[:255],
            )
        points = self.datums.filter(source_name__startswith=prefix, target_id=process.target_id)
        count = points.count()
        if count:
            self.outputs.create(process_id=process.pk, kind="photometry", points=count)
        for datum in points.iterator(chunk_size=500):
            self._mend(datum)

    def _mend(self, datum: Any) -> None:
        """Turn the value from text into what the TOM's own commands and pages read."""
        if not isinstance(datum.value, str):
            return
        try:
            value = json.loads(datum.value)
        except ValueError:
            return
        if isinstance(value, dict):
            datum.value = {"filter": UNKNOWN_BANDPASS, **value}
            datum.save(update_fields=["value"])


def _classes_of_settings() -> dict[str, tuple[str, str]]:
    """Return name and path of the settings' pipelines, by the name of the class."""
    found: dict[str, list[tuple[str, str]]] = {}
    pipelines = getattr(settings, "TOM_EDUCATION_PIPELINES", None) or {}
    for name, path in pipelines.items():
        if isinstance(path, str):
            dotted = path.replace(":", ".")
            found.setdefault(dotted.rpartition(".")[2], []).append((name, dotted))
    return {key: rows[0] for key, rows in found.items() if len(rows) == 1}
