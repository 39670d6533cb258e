"""How a run says that it failed."""

from __future__ import annotations

import traceback as tracebacks

from tom_pipeline_core.states import FailureKind


class RunFailed(Exception):
    """
    The run failed; the supervisor records it.

    Parameters
    ----------
    message : str
        What the user reads: what happened, to which value, and what to do.
    kind : FailureKind
        For machines.
    traceback : str
        For staff.
    """

    def __init__(self, message: str, kind: FailureKind, traceback: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind
        self.traceback = traceback

    @classmethod
    def because(cls, error: BaseException, message: str, kind: FailureKind) -> RunFailed:
        """Build it from an exception, with its traceback."""
        return cls(message, kind, "".join(tracebacks.format_exception(error)))


class Fenced(Exception):
    """The process was cancelled or belongs to another attempt: nothing may be written."""
