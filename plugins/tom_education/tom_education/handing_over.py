"""A process that ``create_timestamped`` made goes to the queue."""

from __future__ import annotations

from django.db import transaction
from django.db.models.functions import Now

from tom_education.models.async_process import NOT_HANDED_OVER
from tom_pipeline_core import submission
from tom_pipeline_core.exceptions import AsyncError, SubmissionRefused
from tom_pipeline_core.models import PipelineProcess, ProcessEvent
from tom_pipeline_core.models.metaclass import dotted_path
from tom_pipeline_core.queues import get_queue
from tom_pipeline_core.states import State


def hand_over(process_pk: int, name: str) -> None:
    """
    Give a process to the workers when the transaction commits.

    Parameters
    ----------
    process_pk : int
        A process that was made and not handed over.
    name : str
        The pipeline's name.

    Raises
    ------
    SubmissionRefused
        If the pipeline does not take it; nothing was changed.
    AsyncError
        If it was handed over or run already.
    """
    process = PipelineProcess.objects.get(pk=process_pk)
    asked = submission.Submission(
        pipeline_name=name,
        target=process.target,
        products=list(process.input_files.all()),
        parameters=dict(process.parameters),
    )
    errors = submission.check(asked)
    if errors or asked.pipeline is None:
        raise SubmissionRefused(errors)
    waiting = PipelineProcess.objects.filter(
        pk=process_pk, state=State.QUEUED.value, queue_alias=NOT_HANDED_OVER
    )
    with transaction.atomic():
        handed = waiting.update(
            pipeline_name=asked.entry.name,
            pipeline_id=asked.entry.qualified_id,
            pipeline_version=(asked.pipeline.version or asked.entry.version or "")[:100],
            process_type=dotted_path(asked.pipeline),
            executor_alias=asked.executor,
            queue_alias=asked.queue,
            parameters=asked.parameters,
            queued_at=Now(),
        )
        if not handed:
            raise AsyncError(f"Process {process} was handed over or run already")
        ProcessEvent.objects.create(
            process=process, time=Now(), kind=ProcessEvent.Kind.STATE, value=State.QUEUED.value
        )
        transaction.on_commit(lambda: get_queue(asked.queue).push(process_pk))
