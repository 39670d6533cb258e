"""Handing processes to workers by the names of old."""

from __future__ import annotations

import pytest
from tom_education.models import AsyncError, AsyncProcess
from tom_education.tasks import run_pipeline, run_process, send_task, task

from plugins.tom_education.tests import old_pipelines
from tom_pipeline_core.models import PipelineProcess as CoreProcess
from tom_pipeline_core.queues import get_queue
from tom_pipeline_core.supervisor import Supervisor

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("old_pipelines")]


@pytest.fixture
def process(target, make_product):
    return old_pipelines.WithMeta.create_timestamped(target, [make_product(target)])


def test_a_process_that_was_sent_is_a_workers_to_take(process, django_capture_on_commit_callbacks):
    get_queue("default").huey.flush()
    with django_capture_on_commit_callbacks(execute=True):
        send_task(run_pipeline, process, "WithMeta")

    assert get_queue("default").waiting() == {process.pk}
    assert Supervisor().run_next("default") == process.pk
    process.refresh_from_db()
    assert process.status == "created"
    get_queue("default").huey.flush()


def test_a_process_that_nobody_sent_is_no_workers(process):
    assert Supervisor().run_next("default") is None


def test_a_process_cannot_be_sent_twice(process):
    run_pipeline.send(process.pk, "WithMeta")

    with pytest.raises(AsyncError, match="handed over"):
        run_pipeline.send(process.pk, "WithMeta")


@pytest.mark.parametrize(
    ("name", "text"), [("Nobody", "There is no pipeline 'Nobody'"), ("Archives", ".tar, .7z")]
)
def test_what_cannot_be_handed_over_is_failed_with_the_reason(process, name, text):
    send_task(run_pipeline, process, name)

    row = CoreProcess.objects.get(pk=process.pk)
    assert row.status == row.state == "failed"
    assert text in row.failure_message


@pytest.mark.parametrize(
    ("cls", "status", "message"),
    [
        (old_pipelines.Refusing, "failed", "no star"),
        (old_pipelines.Broken, "failed", "An unexpected error occurred"),
        (old_pipelines.Documented, "created", ""),
    ],
)
def test_a_task_run_here_records_how_it_ended(target, make_product, cls, status, message):
    process = cls.create_timestamped(target, [make_product(target)])

    run_pipeline(process.pk, cls.__name__)

    process.refresh_from_db()
    assert process.status == status
    assert process.failure_message.startswith(message)
    assert (process.group is not None) == (status == "created")


class Errand(AsyncProcess):
    def run(self):
        raise AsyncError("nobody at home")


def test_a_task_of_ones_own_runs_where_it_is_sent_from(target):
    @task(time_limit=1000)
    def go(pk):
        run_process(Errand.objects.get(pk=pk))

    errand = Errand.objects.create(identifier="errand", target=target)
    send_task(go, errand)

    errand.refresh_from_db()
    assert (errand.state, errand.failure_message) == ("failed", "nobody at home")
