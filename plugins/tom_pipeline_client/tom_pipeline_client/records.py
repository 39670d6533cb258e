"""What the site tells, with types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

ENDED = frozenset({"succeeded", "failed", "cancelled"})


@dataclass(frozen=True)
class Pipeline:
    """
    A pipeline that may be chosen.

    ``parameters`` is the JSON Schema of what it takes.
    """

    name: str
    qualified_id: str
    distribution: str
    version: str
    description: str = ""
    citation: str = ""
    documentation_url: str = ""
    allowed_suffixes: list[str] = field(default_factory=list)
    min_inputs: int | None = None
    max_inputs: int | None = None
    parameters: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Pipeline:
        """Return what JSON says; names that are not known here are left out."""
        return cls(**{name: data[name] for name in cls.__dataclass_fields__ if name in data})


@dataclass(frozen=True)
class LogLine:
    """A line of a process's log."""

    id: int
    time: datetime
    level: int
    stream: str
    attempt: int
    text: str

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> LogLine:
        """Return what JSON says."""
        return cls(
            id=data["id"],
            time=cast(datetime, moment(data["time"])),
            level=data["level"],
            stream=data["stream"],
            attempt=data["attempt"],
            text=data["text"],
        )


def moment(text: str | None) -> datetime | None:
    """Return a time of JSON; Python 3.10 does not read a ``Z``."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None


class ProcessRecord:
    """What is known of a process; every fact of the site's answer, those used most by name."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.data = dict(data)

    @property
    def id(self) -> int:
        return int(self.data["id"])

    @property
    def identifier(self) -> str:
        return str(self.data["identifier"])

    @property
    def pipeline_name(self) -> str:
        return str(self.data["pipeline_name"])

    @property
    def target_name(self) -> str:
        return str(self.data["target_name"])

    @property
    def parameters(self) -> dict[str, Any]:
        return dict(self.data["parameters"])

    @property
    def state(self) -> str:
        """``queued``, ``running``, ``cancelling``, ``succeeded``, ``failed`` or ``cancelled``."""
        return str(self.data["state"])

    @property
    def status(self) -> str:
        """What the pipeline says it is doing."""
        return str(self.data["status"])

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def progress(self) -> tuple[float | None, float | None]:
        """How much is done, of how much."""
        return self.data["progress_done"], self.data["progress_total"]

    @property
    def failure_message(self) -> str:
        return str(self.data["failure_message"])

    @property
    def page(self) -> str:
        """Where people look at it."""
        return str(self.data["page"])

    @property
    def created(self) -> datetime | None:
        return moment(self.data["created"])

    @property
    def started_at(self) -> datetime | None:
        return moment(self.data["started_at"])

    @property
    def terminal_timestamp(self) -> datetime | None:
        return moment(self.data["terminal_timestamp"])

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} {self.id}: {self.pipeline_name} on {self.target_name}, "
            f"{self.state}>"
        )
