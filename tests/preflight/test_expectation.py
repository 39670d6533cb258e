"""How long a run will take."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from tom_targets.base_models import BaseTarget

from tom_pipeline_core.models import InputFile, PipelineProcess
from tom_pipeline_core.preflight.expectation import expected

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


def ran(target: BaseTarget, seconds: float, files: int, state: str = "succeeded") -> None:
    process = PipelineProcess.objects.create(
        target=target,
        pipeline_id="d:P",
        state=state,
        started_at=NOON,
        terminal_timestamp=NOON + timedelta(seconds=seconds),
    )
    InputFile.objects.bulk_create(InputFile(process=process) for _ in range(files))


def test_the_median_time_for_each_file_counts(target: BaseTarget) -> None:
    for seconds, files in ((20, 10), (40, 20), (1000, 10)):
        ran(target, seconds, files)
    ran(target, 1, 10, state="failed")
    found = expected(PipelineProcess.objects.all(), "d:P", 100)
    assert found is not None
    assert (found.seconds, found.runs) == (200, 3)


def test_a_run_is_not_expected_to_beat_the_quickest(target: BaseTarget) -> None:
    ran(target, 20, 10)
    found = expected(PipelineProcess.objects.all(), "d:P", 1)
    assert found is not None
    assert found.seconds == 20


def test_without_earlier_runs_nothing_is_expected(target: BaseTarget) -> None:
    assert expected(PipelineProcess.objects.all(), "d:P", 3) is None
