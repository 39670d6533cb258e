"""A record of something that takes long, as tom_education had it."""

from __future__ import annotations

from typing import Any

from django.db.models.functions import Now
from django.utils import timezone

from tom_pipeline_core import models as core
from tom_pipeline_core.models import (
    ASYNC_STATUS_CREATED,
    ASYNC_STATUS_FAILED,
    ASYNC_STATUS_PENDING,
    ASYNC_TERMINAL_STATES,
    AsyncError,
)
from tom_pipeline_core.models.moves import move
from tom_pipeline_core.states import FailureKind, State

__all__ = [
    "ASYNC_STATUS_CREATED",
    "ASYNC_STATUS_FAILED",
    "ASYNC_STATUS_PENDING",
    "ASYNC_TERMINAL_STATES",
    "AsyncError",
    "AsyncProcess",
]

NOT_HANDED_OVER = ""
"""The queue of a process that was made and that nobody has submitted: no worker takes it."""

COLUMNS = ("identifier", "status", "failure_message", "target", "group", "parameters")
"""What old code may write; the others belong to the machinery."""


class AsyncProcess(core.PipelineProcess):
    """
    Something that takes long: subclasses write ``run``, or are pipelines.

    Saving a status of ``ASYNC_TERMINAL_STATES`` ends the process.
    """

    class Meta:
        app_label = "tom_education"
        proxy = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if not args:  # made by code, not read from the database
            kwargs.setdefault("queue_alias", NOT_HANDED_OVER)
        super().__init__(*args, **kwargs)

    def run(self) -> None:
        """Do the work; raise ``AsyncError`` with what users are to read if it fails."""
        raise NotImplementedError

    def save(self, *args: Any, **kwargs: Any) -> None:
        """
        Save what old code may change, and end the process if the status says so.

        Raises
        ------
        ValidationError
            If a new process has an identifier that is taken.
        """
        if self._reporter is not None:  # inside a run
            super().save(*args, **kwargs)
            return
        ends = self.status in ASYNC_TERMINAL_STATES
        if ends:
            self.terminal_timestamp = timezone.now()
        if self._state.adding:
            machinery = {field.name for field in self._meta.fields} - set(COLUMNS)
            self.full_clean(exclude=machinery)
            super().save(*args, **kwargs)
        elif args or kwargs:
            super().save(*args, **kwargs)
        else:
            # A copy may be old, and the machinery's columns have changed meanwhile.
            columns = COLUMNS + (("terminal_timestamp",) if ends else ())
            super().save(update_fields=columns)
        if ends:
            self._end()

    def _end(self) -> None:
        """Move the process to the state that its status names, if it has not ended."""
        if self.status == ASYNC_STATUS_CREATED:
            move(self.pk, State.QUEUED, State.RUNNING, detail="by code", started_at=Now())
            move(self.pk, State.RUNNING, State.SUCCEEDED, detail="by code")
        else:
            kind = FailureKind.PIPELINE.value
            for state in (State.QUEUED, State.RUNNING, State.CANCELLING):
                detail = self.failure_message
                if move(self.pk, state, State.FAILED, detail=detail, failure_kind=kind):
                    break
        self.refresh_from_db(fields=["state", "failure_kind", "started_at"])

    @property
    def pipelineprocess(self) -> Any:
        """The same process as a pipeline's; ``hasattr`` is false of one that is no pipeline's."""
        from tom_education.models.pipelines import PipelineProcess

        if isinstance(self, PipelineProcess):
            return self
        if not is_pipeline(self):
            # As Django's reverse accessors: also an AttributeError, for ``hasattr``.
            absent = type("DoesNotExist", (PipelineProcess.DoesNotExist, AttributeError), {})
            raise absent(f"{self} is no pipeline's")
        process = PipelineProcess.__new__(PipelineProcess)
        process.__dict__ = self.__dict__
        return process


def is_pipeline(process: core.PipelineProcess) -> bool:
    """Whether a process is a pipeline's, and not one of an old ``AsyncProcess``."""
    from tom_education.models.pipelines import PipelineProcess

    if isinstance(process, AsyncProcess):
        return isinstance(process, PipelineProcess) or bool(process.pipeline_name)
    # The base class: what ran is not loaded here, or was made for the new framework.
    return bool(process.pipeline_name)
