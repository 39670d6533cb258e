from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db.models.functions import Now
from tom_dataproducts.models import DataProduct

from tests.sample_pipelines import Copy
from tests.supervisor.scripted_executor import ScriptedExecutor
from tom_pipeline_core import recovery
from tom_pipeline_core.models import PipelineProcess, Worker
from tom_pipeline_core.queues import get_queue
from tom_pipeline_core.recovery import Reaped
from tom_pipeline_core.runner.workdir import work_folder
from tom_pipeline_core.states import State

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def empty_queue():
    get_queue("default").huey.storage.flush_all()


def running(target, *, state=State.RUNNING, lease: float | None = -1, losses: int = 0):
    process = Copy.objects.create(
        target=target, state=state.value, attempt=1, worker="dead", losses=losses, handle="h:1:1"
    )
    if lease is not None:
        PipelineProcess.objects.filter(pk=process.pk).update(
            lease_until=Now() + timedelta(seconds=lease)
        )
    return process


def test_a_process_whose_worker_is_lost_is_queued_again_once(target):
    process = running(target)

    assert recovery.reap() == Reaped(requeued=1)

    process.refresh_from_db()
    assert (process.state, process.losses, process.worker) == ("queued", 1, "")
    assert "worker dead stopped answering" in process.log_lines.get().text
    assert process.pk in get_queue("default").waiting()


def test_a_process_that_loses_a_second_worker_fails(target):
    process = running(target, losses=1)

    assert recovery.reap() == Reaped(failed=1)

    process.refresh_from_db()
    assert (process.state, process.failure_kind) == ("failed", "worker lost")


def test_a_process_that_was_being_cancelled_ends_cancelled(target):
    process = running(target, state=State.CANCELLING)

    assert recovery.reap() == Reaped(cancelled=1)

    process.refresh_from_db()
    assert process.state == "cancelled"


def test_a_lease_that_holds_is_respected(target):
    running(target, lease=30)

    assert recovery.reap() == Reaped()


def test_a_lease_that_was_never_written_counts_as_expired(target):
    running(target, lease=None)

    assert recovery.reap() == Reaped(requeued=1)


def test_what_the_dead_worker_left_running_is_ended(target):
    running(target)
    executor = ScriptedExecutor()

    recovery.reap(lambda alias: executor)

    assert executor.reaped == ["h:1:1"]


def test_a_queued_process_without_a_message_is_pushed_again(target):
    queue = get_queue("default")
    old, new = Copy.objects.create(target=target), Copy.objects.create(target=target)
    PipelineProcess.objects.filter(pk=old.pk).update(queued_at=Now() - timedelta(seconds=30))
    PipelineProcess.objects.filter(pk=new.pk).update(queued_at=Now())

    assert recovery.push_forgotten("default") == 1

    assert old.pk in queue.waiting()
    assert new.pk not in queue.waiting()
    assert recovery.push_forgotten("default") == 0


def test_files_without_a_row_are_removed_after_a_day(target, media_root):
    kept = default_storage.save("pipelines/a/kept.txt", ContentFile(b"k"))
    old = default_storage.save("pipelines/b/old.txt", ContentFile(b"o"))
    young = default_storage.save("pipelines/c/young.txt", ContentFile(b"y"))
    product = DataProduct(target=target)
    product.data.name = kept
    product.save()
    for name in (kept, old):
        os.utime(Path(media_root) / name, (0, 0))

    assert recovery.remove_orphan_files() == 1

    assert [default_storage.exists(name) for name in (kept, old, young)] == [True, False, True]


def test_work_folders_of_ended_processes_are_removed(target):
    ended, live = Copy.objects.create(target=target), running(target)
    ended_folder, live_folder = work_folder(ended.pk, 1), work_folder(live.pk, 1)
    with live_folder as kept:
        gone = ended_folder.__enter__()
        for folder in (gone, kept):
            os.utime(folder, (0, 0))

        assert recovery.remove_left_over_folders() == 1

        assert not gone.exists()
        assert kept.exists()


def test_workers_not_seen_for_a_day_are_forgotten(db):
    for name, age in (("old", timedelta(days=2)), ("new", timedelta(0))):
        Worker.objects.create(
            name=name,
            host="host",
            pid=1,
            queue="default",
            threads=2,
            started_at=Now(),
            seen_at=Now() - age,
        )

    recovery.forget_old_workers()

    assert [worker.name for worker in Worker.objects.all()] == ["new"]
