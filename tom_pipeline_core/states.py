"""The states of a process, the moves between them, and the ways to fail."""

from __future__ import annotations

from enum import Enum


class State(str, Enum):
    """Where a process is. Machines decide by it; people also read the free-text ``status``."""

    QUEUED = "queued"
    """Accepted; waits for a worker."""

    RUNNING = "running"
    """A worker has claimed it."""

    CANCELLING = "cancelling"
    """Running, and somebody asked to stop it: it can no longer succeed."""

    SUCCEEDED = "succeeded"
    """Ended; all outputs are saved."""

    FAILED = "failed"
    """Ended; ``failure_message`` says why, and no output was saved."""

    CANCELLED = "cancelled"
    """Ended on request; no output was saved."""

    def __str__(self) -> str:
        return self.value


ACTIVE = (State.RUNNING, State.CANCELLING)
UNFINISHED = (State.QUEUED, *ACTIVE)
TERMINAL = (State.SUCCEEDED, State.FAILED, State.CANCELLED)

MOVES: dict[State, tuple[State, ...]] = {
    State.QUEUED: (State.RUNNING, State.CANCELLED, State.FAILED),
    State.RUNNING: (State.SUCCEEDED, State.FAILED, State.CANCELLING, State.QUEUED),
    State.CANCELLING: (State.CANCELLED, State.FAILED),
    State.SUCCEEDED: (),
    State.FAILED: (),
    State.CANCELLED: (),
}


class FailureKind(str, Enum):
    """Why a process failed, for machines; ``failure_message`` says it in words."""

    PIPELINE = "pipeline error"
    """The pipeline said so: it raised ``AsyncError``."""

    EXCEPTION = "unexpected exception"
    TIME_LIMIT = "time limit"
    MEMORY_LIMIT = "memory limit"
    SIGNAL = "killed by signal"
    WORKER_LOST = "worker lost"
    PLUGIN_MISSING = "plugin missing"
    INPUT_MISSING = "input missing"
    SAVING = "could not save outputs"
    EXECUTOR = "executor failed"

    def __str__(self) -> str:
        return self.value
