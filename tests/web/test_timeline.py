"""Steps and their durations."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from django.test import Client
from tom_targets.base_models import BaseTarget

from tom_pipeline_core.models import PipelineProcess, ProcessEvent
from tom_pipeline_core.web.timeline import steps_of, timeline

BEGIN = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


def event(second: float, kind: str, value: str, pk: int = 0) -> ProcessEvent:
    return ProcessEvent(
        pk=pk or int(second), time=BEGIN + timedelta(seconds=second), kind=kind, value=value
    )


def test_a_step_lasts_until_the_next_one_and_the_end_is_no_step() -> None:
    steps = steps_of(
        [
            event(0, "state", "queued"),
            event(2, "state", "running"),
            event(3, "status", "Measuring"),
            event(13, "status", "Plotting"),
            event(14, "state", "succeeded"),
        ],
        BEGIN + timedelta(seconds=14),
    )

    assert [(step.name, step.seconds) for step in steps] == [
        ("Waiting for a worker", 2),
        ("Starting", 1),
        ("Measuring", 10),
        ("Plotting", 1),
    ]


def test_steps_that_were_written_after_the_end_keep_their_time() -> None:
    steps = steps_of(
        [
            event(0, "state", "queued", 1),
            event(1, "state", "running", 2),
            event(9, "state", "succeeded", 3),
            event(5, "status", "Measuring", 4),
        ],
        BEGIN + timedelta(seconds=9),
    )

    assert [(step.name, step.seconds) for step in steps][-1] == ("Measuring", 4)


def test_a_step_that_goes_on_has_no_end() -> None:
    steps = steps_of([event(0, "state", "queued"), event(1, "state", "running")])

    assert [step.is_current for step in steps] == [False, True]


@pytest.mark.django_db
def test_only_the_latest_steps_are_shown_and_the_rest_is_counted(
    signed_in: Client, target: BaseTarget
) -> None:
    process = PipelineProcess.objects.create(target=target)
    ProcessEvent.objects.bulk_create(
        ProcessEvent(
            process=process, time=BEGIN + timedelta(seconds=n), kind="status", value=f"step {n}"
        )
        for n in range(150)
    )

    shown = timeline(process)

    assert shown.hidden == 50
    assert shown.steps[-1].name == "step 149"
    assert "50 earlier steps" in signed_in.get(process.get_absolute_url()).content.decode()
