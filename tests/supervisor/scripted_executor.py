"""An executor whose runs do what a test says, in the supervisor's own thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tom_pipeline_core.executors import ExecutorPool
from tom_pipeline_core.executors.base import Executor, Handle, Outcome, RunSpec, Sink, Unavailable

Step = Callable[["ScriptedHandle"], Outcome | None]


class ScriptedHandle(Handle):
    """Each ``wait`` takes the next step; the last one is repeated."""

    id = "scripted:1"

    def __init__(self, spec: RunSpec, sink: Sink, steps: list[Step]) -> None:
        self.spec = spec
        self.sink = sink
        self.steps = list(steps)
        self.stopped = ""
        self.renewals = 0

    def wait(self, timeout: float) -> Outcome | None:
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        return step(self)

    def stop(self, force: bool = False) -> None:
        self.stopped = "force" if force else "ask"

    def renew(self) -> None:
        self.renewals += 1


class ScriptedExecutor(Executor):
    def __init__(self, *steps: Step, unavailable: str = "") -> None:
        self.steps = list(steps)
        self.unavailable = unavailable
        self.handles: list[ScriptedHandle] = []
        self.reaped: list[str] = []

    def start(self, spec: RunSpec, sink: Sink) -> Handle:
        if self.unavailable:
            raise Unavailable(self.unavailable)
        self.handles.append(ScriptedHandle(spec, sink, self.steps))
        return self.handles[-1]

    def reap(self, handle_id: str) -> bool:
        self.reaped.append(handle_id)
        return True


class OneExecutor(ExecutorPool):
    """A pool that has the same executor for every alias."""

    def __init__(self, executor: Executor, time_limit: float | None = None) -> None:
        super().__init__()
        self._one = executor
        self._limit = time_limit

    def get(self, alias: str) -> Executor:
        return self._one

    def time_limit(self, alias: str) -> float | None:
        return self._limit


def ends(**outcome: Any) -> Step:
    """Return a step that ends the run."""
    return lambda handle: Outcome(**outcome)


def goes_on(handle: ScriptedHandle) -> None:
    """Do nothing, so that the supervisor waits again."""


def until_stopped(handle: ScriptedHandle) -> Outcome | None:
    """Go on until the supervisor asks to stop."""
    if not handle.stopped:
        return None
    reason = "killed" if handle.stopped == "force" else "terminated"
    return Outcome(ok=False, exit_code=143, reason=reason)
