from __future__ import annotations

import pytest
from django.db.models import Q

from tests.sample_pipelines import Copy
from tom_pipeline_core.models import PipelineProcess, ProcessEvent
from tom_pipeline_core.models.moves import move, process_moved
from tom_pipeline_core.states import MOVES, TERMINAL, State

pytestmark = pytest.mark.django_db


@pytest.fixture
def process(target) -> PipelineProcess:
    return Copy.objects.create(target=target)


def test_a_move_changes_the_row_and_writes_history(process):
    assert move(process.pk, State.QUEUED, State.RUNNING, detail="worker 1", attempt=1)

    process.refresh_from_db()
    event = ProcessEvent.objects.get(process=process)
    assert (process.state, process.attempt) == ("running", 1)
    assert (event.kind, event.value, event.attempt, event.detail) == (
        "state",
        "running",
        1,
        "worker 1",
    )


def test_a_move_from_another_state_does_nothing(process):
    assert not move(process.pk, State.RUNNING, State.SUCCEEDED)

    process.refresh_from_db()
    assert process.state == "queued"
    assert not ProcessEvent.objects.exists()


def test_a_condition_that_does_not_hold_stops_a_move(process):
    assert not move(process.pk, State.QUEUED, State.RUNNING, where=Q(attempt=7))


def test_a_terminal_state_is_never_left():
    assert all(MOVES[state] == () for state in TERMINAL)
    with pytest.raises(ValueError, match="cannot move"):
        move(1, State.SUCCEEDED, State.QUEUED)


def test_observers_hear_of_a_move_after_the_commit(process, django_capture_on_commit_callbacks):
    heard = []

    def listen(pk, old, new, **kwargs):
        heard.append((pk, old, new))

    def fail(**kwargs):
        raise RuntimeError("an observer is broken")

    process_moved.connect(fail)
    process_moved.connect(listen)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            move(process.pk, State.QUEUED, State.CANCELLED)
            assert heard == []
    finally:
        process_moved.disconnect(listen)
        process_moved.disconnect(fail)

    assert heard == [(process.pk, State.QUEUED, State.CANCELLED)]
