"""``process.run()``: the supervisor and the runner of the core, in the calling thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tom_pipeline_core.exceptions import AsyncError
from tom_pipeline_core.executors import ExecutorPool
from tom_pipeline_core.executors.base import RunSpec, Sink
from tom_pipeline_core.executors.immediate import ImmediateExecutor
from tom_pipeline_core.runner import RunFailed, execute
from tom_pipeline_core.states import State
from tom_pipeline_core.submission import refusal_of
from tom_pipeline_core.supervisor import Supervisor

if TYPE_CHECKING:
    from tom_education.models import PipelineProcess


class _ThisObject(ImmediateExecutor):
    """Runs the caller's own object, so that what the pipeline sets on it can be read afterwards."""

    def __init__(self, process: PipelineProcess) -> None:
        self.process = process
        self.error: BaseException | None = None

    def execute(self, spec: RunSpec, sink: Sink) -> None:
        try:
            execute(spec.pk, spec.attempt, sink, process=self.process)
        except RunFailed as failure:
            self.error = failure.__cause__
            raise
        finally:
            self.process._reporter = None


class _OnlyThis(ExecutorPool):
    def __init__(self, executor: _ThisObject) -> None:
        super().__init__()
        self._executor = executor

    def get(self, alias: str) -> Any:
        return self._executor

    def time_limit(self, alias: str) -> float | None:
        return None


def run_here(process: PipelineProcess) -> None:
    """
    Run a process to its end in this thread, whether its class is registered or not.

    Raises
    ------
    AsyncError
        See ``PipelineProcess.run``.
    """
    _check(process)
    executor = _ThisObject(process)
    if Supervisor(_OnlyThis(executor)).run(process.pk) is None:
        process.refresh_from_db()
        raise AsyncError(
            f"Process {process} is {process.state}, and only one that was never started can be "
            "run. Create another one."
        )
    process.refresh_from_db()
    if process.state != State.SUCCEEDED.value:
        raise executor.error or AsyncError(process.failure_message or f"It is {process.state}.")


def _check(process: PipelineProcess) -> None:
    if process.target is None:
        raise AsyncError("Process must have an associated target")
    products = list(process.input_files.all())
    if not products:
        raise AsyncError("No input files to process")
    for product in products:
        reason = refusal_of(type(process), product)
        if reason:
            raise AsyncError(f"Error running pipeline {reason}")
