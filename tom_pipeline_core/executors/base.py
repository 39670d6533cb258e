"""
The contract of an executor: ``start``, ``wait``, ``stop``.

An executor knows nothing of states, leases in the database, cancelling or limits in time: the
supervisor decides, the executor carries out and reports what it saw.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class RunSpec:
    """What an executor is told of a run. JSON-able, so it can travel; the row holds the rest."""

    pk: int
    """Primary key of the process."""

    attempt: int
    """The fencing number of this claim: whatever the run writes names it."""

    lease: float | None = None
    """Seconds after which the run must have ended itself unless ``Handle.renew`` was called."""

    memory_limit: int | None = None
    """Bytes of the whole tree of processes, or None."""

    grace: float = 5.0
    """Seconds between asking the run to stop and forcing it."""

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as a JSON-able mapping."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a run ended, as seen by the executor; what it means is the supervisor's business."""

    ok: bool
    """The run came to its own end without an error."""

    exit_code: int | None = 0
    """None: the executor lost sight of the run. Negative: minus the signal's number."""

    error_kind: str = ""
    """A ``FailureKind`` value that the runner reported, or ``''``."""

    error: str = ""
    """The message meant for the user."""

    traceback: str = ""
    """The failure's traceback, for staff."""

    reason: str = ""
    """Why it was ended from outside: ``terminated``, ``killed``, ``memory limit …``, ``signal …``."""

    usage: dict[str, Any] = field(default_factory=dict)
    """What it used: ``peak_memory`` in bytes, ``cpu_seconds``, ``leftovers`` (processes killed)."""


class Unavailable(Exception):
    """``start`` could start nothing, and nothing runs. The process goes back to the queue."""


class Sink(ABC):
    """Where a handle delivers what the run says. Called inside ``Handle.wait`` only."""

    @abstractmethod
    def line(self, time: float, stream: str, level: int, text: str) -> None:
        """
        Take a line of log.

        Parameters
        ----------
        time : float
            Seconds since the epoch.
        stream : str
            ``log`` for what the pipeline logged, ``out`` for its standard output and error.
        level : int
            A level of :mod:`logging`.
        text : str
            Without the line break.
        """

    @abstractmethod
    def status(self, text: str) -> None:
        """Take the free text that says what the run is doing."""

    @abstractmethod
    def progress(self, done: float, total: float | None) -> None:
        """Take how far the run is."""


class Handle(ABC):
    """A run that has been started."""

    id: str = ""
    """Stored with the process; enough for ``Executor.reap`` in another worker."""

    @abstractmethod
    def wait(self, timeout: float) -> Outcome | None:
        """Deliver output to the sink for at most ``timeout`` seconds; the outcome once over."""

    @abstractmethod
    def stop(self, force: bool = False) -> None:
        """
        Ask the run to end, with ``force`` at once.

        Does not block and may be called again; ``wait`` then returns the outcome.
        """

    def renew(self) -> None:  # noqa: B027 - optional
        """Hear that the lease was renewed, so that the far side knows its supervisor lives."""


class Executor(ABC):
    """One instance per alias and worker, shared by the worker's threads."""

    remote = False
    """True where a run may outlive the worker that started it."""

    blocks = False
    """True where ``start`` returns only when the run has ended: it cannot be cancelled or timed."""

    @abstractmethod
    def start(self, spec: RunSpec, sink: Sink) -> Handle:
        """
        Start a run.

        Raises
        ------
        Unavailable
            If nothing could be started and nothing runs.
        """

    def prepare(self) -> None:  # noqa: B027 - optional
        """Make ready what a first run would have to wait for; a worker calls it when it starts."""

    def reap(self, handle_id: str) -> bool:
        """End what a dead worker left behind; True if the run is surely over."""
        return False

    def close(self) -> None:  # noqa: B027 - optional
        """Let go of what the executor holds; the worker is ending."""
