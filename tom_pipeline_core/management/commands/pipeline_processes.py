"""``manage.py pipeline_processes``: look at processes, and act on them, from a shell."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.serializers.json import DjangoJSONEncoder

from tom_pipeline_core import recovery, submission
from tom_pipeline_core.executors import ExecutorPool
from tom_pipeline_core.executors.base import Executor
from tom_pipeline_core.models import PipelineProcess
from tom_pipeline_core.queues import get_queue
from tom_pipeline_core.states import State

LISTED = (
    "id",
    "identifier",
    "state",
    "status",
    "pipeline_name",
    "target__name",
    "user__username",
    "created",
    "started_at",
    "terminal_timestamp",
    "attempt",
    "worker",
)
SHOWN = (
    *LISTED,
    "pipeline_id",
    "pipeline_version",
    "process_type",
    "parameters",
    "progress_done",
    "progress_total",
    "queue_alias",
    "executor_alias",
    "losses",
    "lease_until",
    "handle",
    "failure_kind",
    "failure_message",
    "failure_traceback",
    "warning_count",
    "exit_code",
    "peak_memory",
    "cpu_seconds",
)


class Command(BaseCommand):
    help = "List, show, cancel, queue again and reap pipeline processes."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        listing = actions.add_parser("list", help="processes, newest first")
        listing.add_argument("--state", choices=[state.value for state in State])
        listing.add_argument("--limit", type=int, default=50)
        for name, text in (
            ("show", "everything about a process"),
            ("cancel", "cancel processes that have not ended"),
            ("requeue", "submit ended processes again, as new ones"),
        ):
            action = actions.add_parser(name, help=text)
            action.add_argument("pk", type=int, nargs="+" if name != "show" else None)
            action.add_argument("--json", action="store_true")
        reap = actions.add_parser("reap", help="take over processes whose worker is lost")
        reap.add_argument("--json", action="store_true")
        listing.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        result = getattr(self, f"_{options['action']}")(options)
        if options["json"]:
            self.stdout.write(json.dumps(result, cls=DjangoJSONEncoder, indent=2))

    def _say(self, options: dict[str, Any], text: str) -> None:
        if not options["json"]:
            self.stdout.write(text)

    def _get(self, pk: int) -> PipelineProcess:
        process: PipelineProcess | None = PipelineProcess.objects.filter(pk=pk).first()
        if process is None:
            raise CommandError(f"There is no process {pk}.")
        return process

    def _list(self, options: dict[str, Any]) -> list[dict[str, Any]]:
        processes = PipelineProcess.objects.order_by("-pk")
        if options["state"]:
            processes = processes.filter(state=options["state"])
        rows = list(processes.values(*LISTED)[: options["limit"]])
        for row in rows:
            self._say(
                options,
                f"{row['id']:>8}  {row['state']:<10}  {row['pipeline_name']:<30.30}  "
                f"{row['target__name'] or '-':<20.20}  {row['user__username'] or '-':<12.12}  "
                f"{row['created']:%Y-%m-%d %H:%M:%S}  {row['status']:.40}",
            )
        return rows

    def _show(self, options: dict[str, Any]) -> dict[str, Any]:
        process = self._get(options["pk"])
        facts: dict[str, Any] = PipelineProcess.objects.values(*SHOWN).get(pk=process.pk)
        facts["inputs"] = list(process.inputs.values("name", "product_id", "fate", "reason"))
        facts["outputs"] = list(process.outputs.values("kind", "name", "product_id", "points"))
        facts["history"] = list(
            process.events.values("time", "attempt", "kind", "value", "detail", "user__username")
        )
        for key, value in facts.items():
            if isinstance(value, list):
                self._say(options, f"{key}:")
                for row in value:
                    self._say(
                        options, "    " + "  ".join(str(v) for v in row.values() if v is not None)
                    )
            elif value not in ("", None):
                self._say(options, f"{key}: {value}")
        return facts

    def _cancel(self, options: dict[str, Any]) -> list[dict[str, Any]]:
        results = []
        for pk in options["pk"]:
            process = self._get(pk)
            done = submission.cancel(process, origin="shell")
            results.append({"id": pk, "cancelled": done, "state": process.state})
            self._say(
                options,
                f"{pk}: {process.state}" if done else f"{pk}: has ended already, {process.state}",
            )
        return results

    def _requeue(self, options: dict[str, Any]) -> list[dict[str, Any]]:
        results = []
        for pk in options["pk"]:
            process = self._get(pk)
            if process.is_terminal:
                again = submission.run_again(process, process.user, origin="shell")
                results.append({"id": pk, "new_id": again.pk})
                self._say(options, f"{pk}: submitted again as {again.pk}")
            elif process.state == State.QUEUED.value:
                get_queue(process.queue_alias).push(pk)
                results.append({"id": pk, "new_id": None})
                self._say(options, f"{pk}: is queued; a worker was woken")
            else:
                raise CommandError(
                    f"Process {pk} is {process.state}. Cancel it first, or use `reap` if its "
                    "worker is gone."
                )
        return results

    def _reap(self, options: dict[str, Any]) -> dict[str, int]:
        pool = ExecutorPool()

        def executor_for(alias: str) -> Executor:
            return pool.get(alias)

        try:
            reaped = recovery.reap(executor_for)
        finally:
            pool.close()
        self._say(
            options,
            f"queued again: {reaped.requeued}, failed: {reaped.failed}, "
            f"cancelled: {reaped.cancelled}",
        )
        return {
            "requeued": reaped.requeued,
            "failed": reaped.failed,
            "cancelled": reaped.cancelled,
        }
