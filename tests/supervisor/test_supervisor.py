from __future__ import annotations

import logging

import pytest
from django.db import DatabaseError

from tests.sample_pipelines import Copy
from tests.supervisor.scripted_executor import (
    OneExecutor,
    ScriptedExecutor,
    ScriptedHandle,
    ends,
    goes_on,
    until_stopped,
)
from tom_pipeline_core import submission, supervisor
from tom_pipeline_core.executors.base import Outcome
from tom_pipeline_core.models import PipelineProcess
from tom_pipeline_core.models.moves import move
from tom_pipeline_core.states import State
from tom_pipeline_core.supervisor import Supervisor

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Look at the row at every tick; scripted runs do not wait."""
    monkeypatch.setattr(supervisor, "LOOK", 0.0)
    monkeypatch.setattr(supervisor, "UNAVAILABLE_PAUSE", 0.0)
    monkeypatch.setattr(supervisor, "FINISH_PAUSE", 0.0)


@pytest.fixture
def process(target) -> PipelineProcess:
    return Copy.objects.create(target=target)


def supervise(process, executor, time_limit=None, **settings) -> PipelineProcess:
    runner = Supervisor(OneExecutor(executor, time_limit))
    for name, value in settings.items():
        setattr(runner, name, value)
    runner.run(process.pk)
    return PipelineProcess.objects.get(pk=process.pk)


def test_what_a_run_says_is_stored(process):
    def speak(handle: ScriptedHandle) -> None:
        handle.sink.status("Measuring")
        handle.sink.progress(3, 10)
        handle.sink.line(1.0, "log", logging.WARNING, "hot pixel")

    ended = supervise(
        process, ScriptedExecutor(speak, ends(ok=False, error_kind="pipeline error", error="no"))
    )

    assert (ended.progress_done, ended.progress_total, ended.warning_count) == (3, 10, 1)
    assert ended.log_lines.get().text == "hot pixel"
    assert ended.events.filter(kind="status").get().value == "Measuring"


def test_what_a_run_used_is_stored(process):
    ended = supervise(
        process,
        ScriptedExecutor(
            ends(ok=False, exit_code=1, usage={"peak_memory": 123456, "cpu_seconds": 1.5})
        ),
    )

    assert (ended.exit_code, ended.peak_memory, ended.cpu_seconds) == (1, 123456, 1.5)


def test_a_running_process_that_is_cancelled_is_stopped(process, user):
    def cancel(handle: ScriptedHandle) -> None:
        submission.cancel(PipelineProcess.objects.get(pk=process.pk), user)

    executor = ScriptedExecutor(cancel, until_stopped)

    ended = supervise(process, executor)

    assert ended.state == "cancelled"
    assert executor.handles[0].stopped == "ask"
    assert [event.value for event in ended.events.filter(kind="state")] == [
        "running",
        "cancelling",
        "cancelled",
    ]


def test_a_run_that_succeeds_after_a_cancel_stays_cancelled(process):
    def cancel_and_end(handle: ScriptedHandle) -> Outcome:
        submission.cancel(PipelineProcess.objects.get(pk=process.pk))
        return Outcome(ok=True)

    assert supervise(process, ScriptedExecutor(cancel_and_end)).state == "cancelled"


def test_a_success_that_the_run_committed_is_left_alone(process):
    def commit(handle: ScriptedHandle) -> Outcome:
        assert move(process.pk, State.RUNNING, State.SUCCEEDED, status="created")
        return Outcome(ok=True, usage={"peak_memory": 7})

    ended = supervise(process, ScriptedExecutor(commit))

    assert (ended.state, ended.status, ended.peak_memory) == ("succeeded", "created", 7)


def test_a_run_over_its_time_limit_fails(process):
    ended = supervise(process, ScriptedExecutor(until_stopped), time_limit=0.01)

    assert (ended.state, ended.failure_kind) == ("failed", "time limit")


def test_a_run_that_could_not_be_started_waits_in_the_queue(process):
    ended = supervise(process, ScriptedExecutor(unavailable="no room on the cluster"))

    assert (ended.state, ended.losses) == ("queued", 0)
    assert "no room on the cluster" in ended.log_lines.get().text


def test_a_shutdown_puts_the_process_back_without_counting_a_loss(process):
    runner = Supervisor(OneExecutor(ScriptedExecutor(until_stopped)))
    runner.stopping.set()

    runner.run(process.pk)

    process.refresh_from_db()
    assert (process.state, process.losses, process.worker) == ("queued", 0, "")
    assert "shut down" in process.log_lines.get().text


def test_a_lost_run_is_queued_once_and_then_fails(process):
    executor = ScriptedExecutor(ends(ok=False, exit_code=None, reason="guard lost"))

    first = supervise(process, executor)
    assert (first.state, first.losses) == ("queued", 1)

    second = supervise(process, executor)
    assert (second.state, second.failure_kind) == ("failed", "worker lost")


def test_a_process_taken_by_another_worker_is_let_go_without_a_word(process):
    def steal(handle: ScriptedHandle) -> None:
        PipelineProcess.objects.filter(pk=process.pk).update(attempt=2, worker="other")

    executor = ScriptedExecutor(steal, until_stopped)

    ended = supervise(process, executor)

    assert executor.handles[0].stopped == "force"
    assert (ended.state, ended.worker, ended.attempt) == ("running", "other", 2)


def test_a_deleted_process_is_stopped(process):
    def delete(handle: ScriptedHandle) -> None:
        PipelineProcess.objects.filter(pk=process.pk).delete()

    executor = ScriptedExecutor(delete, until_stopped)

    Supervisor(OneExecutor(executor)).run(process.pk)

    assert executor.handles[0].stopped == "force"


def test_the_lease_is_renewed_and_the_run_is_told(process):
    executor = ScriptedExecutor(goes_on, goes_on, goes_on, ends(ok=False, exit_code=1))

    supervise(process, executor, heartbeat=0.0)

    assert executor.handles[0].renewals >= 3


@pytest.mark.django_db(transaction=True)
def test_a_run_ends_before_its_lease_when_the_database_is_away(process, monkeypatch):
    executor = ScriptedExecutor(until_stopped)
    runner = Supervisor(OneExecutor(executor))
    runner.lease, runner.heartbeat = 0.5, 0.01

    def away(*args):
        raise DatabaseError("connection refused")

    monkeypatch.setattr(runner, "_renew", away)
    monkeypatch.setattr(runner, "_look", away)

    runner.run(process.pk)

    assert executor.handles[0].stopped == "force"
    process.refresh_from_db()
    assert process.state == "running"  # whoever reaps the lease decides


def test_an_executor_that_cannot_be_made_fails_the_process_with_its_name(process, settings):
    settings.TOM_PIPELINES = {
        **settings.TOM_PIPELINES,
        "EXECUTORS": {"default": {"BACKEND": "warp"}},
    }

    Supervisor().run(process.pk)

    process.refresh_from_db()
    assert process.state == "failed"
    assert "warp" in process.failure_message
    assert "EXECUTORS" in process.failure_message


def test_an_error_of_ours_never_leaves_a_process_running(process):
    def break_the_contract(handle: ScriptedHandle) -> None:
        raise RuntimeError("a bug in an executor")

    ended = supervise(process, ScriptedExecutor(break_the_contract))

    assert (ended.state, ended.failure_kind) == ("failed", "executor failed")


@pytest.mark.django_db(transaction=True)
def test_the_end_is_recorded_when_the_database_comes_back(process, monkeypatch):
    runner = Supervisor(OneExecutor(ScriptedExecutor(ends(ok=False, exit_code=1))))
    record, calls = runner._record, []

    def flaky(*args):
        calls.append(1)
        if len(calls) < 4:
            raise DatabaseError("database is locked")
        record(*args)

    monkeypatch.setattr(runner, "_record", flaky)

    runner.run(process.pk)

    process.refresh_from_db()
    assert (process.state, len(calls)) == ("failed", 4)
