from __future__ import annotations

import pytest

from tom_pipeline_core.executors.base import Outcome
from tom_pipeline_core.states import FailureKind, State
from tom_pipeline_core.supervisor.verdict import judge


def verdict(stopped_for: str = "", losses_left: int = 1, **outcome):
    return judge(
        Outcome(ok=False, **outcome), stopped_for, losses_left=losses_left, time_limit=3600
    )


@pytest.mark.parametrize(
    ("outcome", "kind", "words"),
    [
        (
            {"error_kind": "pipeline error", "error": "no star"},
            FailureKind.PIPELINE,
            "no star",
        ),
        ({"exit_code": -11, "reason": "signal SIGSEGV"}, FailureKind.SIGNAL, "compiled code"),
        ({"exit_code": -9, "reason": "signal SIGKILL"}, FailureKind.SIGNAL, "memory had run out"),
        (
            {"exit_code": -9, "reason": "memory limit (600 MB > 512 MB)"},
            FailureKind.MEMORY_LIMIT,
            "600 MB > 512 MB",
        ),
        ({"exit_code": 3}, FailureKind.EXCEPTION, "exit code 3"),
    ],
)
def test_a_failure_is_said_in_words(outcome, kind, words):
    result = verdict(**outcome)

    assert (result.state, result.kind) == (State.FAILED, kind)
    assert words in result.message


def test_a_run_over_its_time_says_the_limit():
    result = verdict("time limit", exit_code=143)

    assert result.kind is FailureKind.TIME_LIMIT
    assert "60 minutes" in result.message


def test_a_cancelled_run_is_cancelled_whatever_it_said():
    assert verdict("cancel", error_kind="pipeline error").state is State.CANCELLED


def test_a_shutdown_queues_again_and_is_no_loss():
    result = verdict("shutdown", exit_code=143)

    assert (result.state, result.kind) == (State.QUEUED, None)


@pytest.mark.parametrize(
    "outcome", [{"exit_code": None}, {"exit_code": -9, "reason": "lease not renewed for 48 s"}]
)
def test_a_lost_run_is_queued_once_more_and_then_fails(outcome):
    assert verdict(**outcome).state is State.QUEUED
    again = verdict(losses_left=0, **outcome)
    assert (again.state, again.kind) == (State.FAILED, FailureKind.WORKER_LOST)


def test_a_run_that_ends_well_without_saving_has_failed():
    result = judge(Outcome(ok=True), "", losses_left=1, time_limit=None)

    assert result.state is State.FAILED
    assert "without saving" in result.message
