"""What a run says, on its way into the database."""

from __future__ import annotations

import time as clock

from django.db import Error as DatabaseError
from django.utils import timezone

from tom_pipeline_core.executors.base import Sink
from tom_pipeline_core.models import PipelineProcess, ProcessEvent
from tom_pipeline_core.process_log import LogWriter, clean_text
from tom_pipeline_core.states import ACTIVE

UPDATE_SECONDS = (
    0.5  # status and progress reach the row at most so often, however often they change
)
EVENTS_MAX = 500  # steps of one attempt that are kept as history


class RowSink(Sink):
    """
    Writes log lines in batches, and status and progress into the row.

    Every UPDATE is fenced by the attempt: what comes late is not written over somebody else's.
    """

    def __init__(self, process: PipelineProcess, *, max_lines: int) -> None:
        self.pk = process.pk
        self.attempt = process.attempt
        self.log = LogWriter(process.pk, process.attempt, max_lines=max_lines)
        self._changes: dict[str, object] = {}
        self._steps: list[ProcessEvent] = []
        self._step_count = 0
        self._last_update = 0.0

    def line(self, time: float, stream: str, level: int, text: str) -> None:
        self.log.line(time, stream, level, text)

    def status(self, text: str) -> None:
        text = clean_text(text, 1000)
        self._changes["status"] = text
        self._step_count += 1
        if self._step_count <= EVENTS_MAX:
            self._steps.append(
                ProcessEvent(
                    process_id=self.pk,
                    attempt=self.attempt,
                    time=timezone.now(),
                    kind=ProcessEvent.Kind.STATUS,
                    value=text,
                )
            )

    def progress(self, done: float, total: float | None) -> None:
        self._changes.update(progress_done=done, progress_total=total)

    def flush_if_due(self) -> None:
        """Write what is due; called at every tick of the supervisor."""
        self.log.flush_if_due()
        if (
            self._changes or self._steps
        ) and clock.monotonic() - self._last_update > UPDATE_SECONDS:
            self._write_changes()

    def flush(self) -> bool:
        """Write log and steps; False if the database did not take it."""
        changed = not self._steps or self._write_changes()
        return self.log.close() and changed

    def last_values(self) -> dict[str, object]:
        """Return what the final UPDATE of the row has to carry: a run may end between two others."""
        progress = {
            key: value for key, value in self._changes.items() if key.startswith("progress_")
        }
        return {"warning_count": self.log.warnings, **progress}

    def _write_changes(self) -> bool:
        self._last_update = clock.monotonic()
        try:
            if self._steps:
                ProcessEvent.objects.bulk_create(self._steps)
                self._steps = []
            if self._changes:
                rows = PipelineProcess.objects.filter(
                    pk=self.pk, attempt=self.attempt, state__in=[state.value for state in ACTIVE]
                )
                if rows.update(warning_count=self.log.warnings, **self._changes):
                    self._changes = {}
        except DatabaseError:
            return False  # kept, and tried again with the next
        return True
