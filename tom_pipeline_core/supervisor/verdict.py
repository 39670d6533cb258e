"""What an outcome means: the state a process moves to, and the words for it."""

from __future__ import annotations

from dataclasses import dataclass

from tom_pipeline_core.executors.base import Outcome
from tom_pipeline_core.states import FailureKind, State

CRASHED = (
    "Something in the pipeline's compiled code went wrong. Staff find the place in the log; "
    "running it again with fewer or other files may help."
)
KILLED = (
    "Somebody on the machine killed it, or the operating system did because memory had run out. "
    "Try fewer or smaller files, or ask the site's staff."
)
CRASHES = {"SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT", "SIGSYS", "SIGTRAP"}


@dataclass(frozen=True)
class Verdict:
    """An ending, or a way back to the queue."""

    state: State
    kind: FailureKind | None = None
    message: str = ""


def judge(
    outcome: Outcome, stopped_for: str, *, losses_left: int, time_limit: float | None
) -> Verdict:
    """
    Return what the process becomes.

    Parameters
    ----------
    outcome : Outcome
        What the executor saw.
    stopped_for : str
        Why the supervisor asked it to stop: ``cancel``, ``time limit``, ``shutdown`` or ``''``.
    losses_left : int
        How often the process may still be queued again because its run was lost.
    time_limit : float or None
        Seconds, for the message.
    """
    if stopped_for == "cancel":
        return Verdict(State.CANCELLED)
    if stopped_for == "time limit":
        return Verdict(
            State.FAILED,
            FailureKind.TIME_LIMIT,
            f"The process ran longer than the {_duration(time_limit)} that this site allows. "
            "Try fewer files, or ask the site's staff for a longer limit.",
        )
    if stopped_for == "shutdown":
        return Verdict(State.QUEUED, message="The worker was shut down; the process starts anew.")
    if outcome.exit_code is None or outcome.reason.startswith("lease"):
        if losses_left > 0:
            return Verdict(
                State.QUEUED, FailureKind.WORKER_LOST, f"The run was lost ({outcome.reason})."
            )
        return Verdict(
            State.FAILED,
            FailureKind.WORKER_LOST,
            "The run was lost, and so was the one before: the worker or its machine stopped. "
            "Run it again; if that happens again, tell the site's staff.",
        )
    return Verdict(State.FAILED, *_failure(outcome))


def _failure(outcome: Outcome) -> tuple[FailureKind, str]:
    if outcome.reason.startswith("memory limit"):
        return (
            FailureKind.MEMORY_LIMIT,
            (
                f"The pipeline used more memory than it may: {outcome.reason}. Try fewer or smaller "
                "files, or ask the site's staff for a higher limit."
            ),
        )
    if outcome.error_kind in {kind.value for kind in FailureKind}:
        return FailureKind(outcome.error_kind), outcome.error
    if outcome.reason.startswith("signal"):
        name = outcome.reason.removeprefix("signal").strip()
        return FailureKind.SIGNAL, (
            f"The pipeline's program was ended by {name}. {CRASHED if name in CRASHES else KILLED}"
        )
    if outcome.ok:
        return (
            FailureKind.EXCEPTION,
            "The run ended without saving its outputs and without an error.",
        )
    text = outcome.error or outcome.reason or f"exit code {outcome.exit_code}"
    return FailureKind.EXCEPTION, f"The pipeline's program ended early: {text}"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "time"
    if seconds < 120:
        return f"{seconds:g} seconds"
    if seconds < 7200:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.1f} hours"
