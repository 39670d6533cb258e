"""
Handing processes over, by the names of old.

The queue is the core's: it carries processes of pipelines, and nothing else. A task of one's own
therefore runs where it is sent from.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from tom_education.handing_over import hand_over
from tom_education.models import ASYNC_STATUS_FAILED, AsyncError, AsyncProcess, PipelineProcess
from tom_pipeline_core.exceptions import SubmissionRefused
from tom_pipeline_core.states import TERMINAL

logger = logging.getLogger(__name__)


def task(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Return a decorator that gives a function ``send``, which calls it; ``options`` are ignored."""

    def wrap(function: Any) -> Any:
        function.send = function
        return function

    return wrap


def send_task(task: Any, process: AsyncProcess, *args: Any) -> None:
    """
    Send a task for a process, its primary key first.

    A process that cannot be handed over is ``failed``, with the reason.
    """
    try:
        task.send(process.pk, *args)
    except (SubmissionRefused, KeyError, AsyncError) as error:
        logger.warning("Process %s was not handed over: %s", process, error)
        process.refresh_from_db()
        process.status = ASYNC_STATUS_FAILED
        process.failure_message = str(error)
        process.save()


@task()
def run_pipeline(process_pk: int, cls_name: str) -> None:
    """
    Run a process here; ``run_pipeline.send`` hands it to a worker.

    Parameters
    ----------
    process_pk : int
        Primary key of a process that nobody has handed over.
    cls_name : str
        The pipeline's name, as in ``TOM_EDUCATION_PIPELINES``.
    """
    pipeline = PipelineProcess.get_subclass(cls_name)
    process = pipeline._default_manager.filter(pk=process_pk).first()
    if process is None:
        logger.error("There is no process %s", process_pk)
        return
    process.__class__ = pipeline
    run_process(process)


run_pipeline.send = hand_over


def run_process(process: Any) -> None:
    """Run a process here; whatever it raises is recorded with it and goes no further."""
    try:
        process.run()
    except Exception as error:  # noqa: BLE001 - whatever it raises is recorded
        expected = isinstance(error, AsyncError)
        logger.log(
            logging.INFO if expected else logging.ERROR, "Process %s failed: %s", process, error
        )
        process.refresh_from_db()
        if process.state in {state.value for state in TERMINAL}:
            return
        process.status = ASYNC_STATUS_FAILED
        process.failure_message = (
            str(error)
            if expected
            else f"An unexpected error occurred: {type(error).__name__}: {error}"
        )
        process.save()
