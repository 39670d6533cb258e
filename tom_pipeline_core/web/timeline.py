"""The steps of a process with their durations, from its history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest

from django.utils import timezone

from tom_pipeline_core.models import PipelineProcess, ProcessEvent
from tom_pipeline_core.states import TERMINAL, State

STEPS_SHOWN = 100
_TERMINAL = {state.value for state in TERMINAL}
_WORDS = {State.QUEUED.value: "Waiting for a worker", State.RUNNING.value: "Starting"}


@dataclass
class Step:
    """A stretch of time with one name."""

    name: str
    start: datetime
    end: datetime | None
    attempt: int
    is_state: bool
    offset: float = 0.0
    """Where the bar begins, in per cent of the whole."""

    width: float = 0.0

    def __post_init__(self) -> None:
        self.seconds = ((self.end or timezone.now()) - self.start).total_seconds()

    @property
    def is_current(self) -> bool:
        return self.end is None


@dataclass
class Timeline:
    """The latest steps, oldest first."""

    steps: list[Step]
    hidden: int
    """How many earlier ones are left out."""

    requests: list[ProcessEvent]
    """Who asked for what."""


def timeline(process: PipelineProcess) -> Timeline:
    """Return what the process did and how long each step took."""
    events = list(process.events.select_related("user"))
    steps = steps_of(events, process.terminal_timestamp if process.is_terminal else None)
    shown = steps[-STEPS_SHOWN:]
    _lay_out(shown)
    requests = [event for event in events if event.user_id is not None]
    return Timeline(steps=shown, hidden=len(steps) - len(shown), requests=requests)


def steps_of(events: Sequence[ProcessEvent], ended: datetime | None = None) -> list[Step]:
    """
    Return the steps that events delimit: each lasts until the next one, the last until ``ended``.

    The time between a claim and the first step that the pipeline names is a step of its own. The
    events are put in order of time: a run's last steps may be written after its end.
    """
    moves = sorted(
        (
            event
            for event in events
            if event.kind in (ProcessEvent.Kind.STATE, ProcessEvent.Kind.STATUS)
        ),
        key=lambda event: (event.time, event.pk),
    )
    steps = []
    for event, following in zip_longest(moves, moves[1:]):
        is_state = event.kind == ProcessEvent.Kind.STATE
        if is_state and event.value in _TERMINAL:
            continue
        steps.append(
            Step(
                name=_WORDS.get(event.value, event.value.capitalize()) if is_state else event.value,
                start=event.time,
                end=following.time if following is not None else ended,
                attempt=event.attempt,
                is_state=is_state,
            )
        )
    return steps


def _lay_out(steps: Sequence[Step]) -> None:
    if not steps:
        return
    begin = steps[0].start
    whole = (steps[-1].end or timezone.now()) - begin
    seconds = max(whole.total_seconds(), 0.001)
    for step in steps:
        step.offset = round(100 * max(0.0, (step.start - begin).total_seconds()) / seconds, 2)
        step.width = round(max(0.5, min(100 - step.offset, 100 * step.seconds / seconds)), 2)
