"""
Housekeeping: what makes every process end although workers, brokers and machines die.

Every worker does it, again and again; every step is a conditional UPDATE, so that several at once
do no harm.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.core.files.storage import Storage
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone
from tom_dataproducts.models import DataProduct

from tom_pipeline_core import conf
from tom_pipeline_core.executors.base import Executor
from tom_pipeline_core.models import (
    ASYNC_STATUS_FAILED,
    ASYNC_STATUS_PENDING,
    PipelineProcess,
    Worker,
)
from tom_pipeline_core.models.moves import move
from tom_pipeline_core.process_log import say
from tom_pipeline_core.queues import get_queue
from tom_pipeline_core.runner.workdir import left_over_folders
from tom_pipeline_core.saving.files import FOLDER
from tom_pipeline_core.states import ACTIVE, FailureKind, State

logger = logging.getLogger(__name__)

MESSAGE_AGE = timedelta(seconds=5)  # a queued row may be so old before its message counts as lost
ORPHAN_AGE = timedelta(days=1)  # files in the storage that no row names
FOLDER_AGE = 3600.0  # seconds; work folders of processes that are over
WORKER_KEPT = timedelta(days=1)

EXPIRED = Q(lease_until__isnull=True) | Q(lease_until__lte=Now())


@dataclass(frozen=True)
class Reaped:
    """What became of processes whose worker was lost."""

    requeued: int = 0
    failed: int = 0
    cancelled: int = 0


def reap(executor_for: Callable[[str], Executor | None] = lambda alias: None) -> Reaped:
    """
    Take over processes whose lease ran out: their worker is dead, or cut off and has ended its run.

    A process is queued again as often as ``MAX_WORKER_LOSSES`` allows, then it fails.
    """
    requeued = failed = cancelled = 0
    allowed = conf.get().max_worker_losses
    expired = PipelineProcess.objects.filter(EXPIRED, state__in=[state.value for state in ACTIVE])
    for process in expired.order_by("pk"):
        executor = executor_for(process.executor_alias)
        if executor is not None and process.handle:
            executor.reap(process.handle)
        seen = EXPIRED & Q(attempt=process.attempt)
        lost = f"worker {process.worker} stopped answering"
        if process.state == State.CANCELLING.value:
            cancelled += move(
                process.pk,
                State.CANCELLING,
                State.CANCELLED,
                where=seen,
                detail=lost,
                status=str(State.CANCELLED),
                terminal_timestamp=Now(),
                lease_until=None,
            )
        elif process.losses < allowed:
            if move(
                process.pk,
                State.RUNNING,
                State.QUEUED,
                where=seen,
                detail=lost,
                status=ASYNC_STATUS_PENDING,
                worker="",
                lease_until=None,
                queued_at=Now(),
                losses=F("losses") + 1,
            ):
                requeued += 1
                say(
                    process.pk,
                    process.attempt,
                    f"The {lost}; the process is queued again.",
                    level=logging.WARNING,
                )
                get_queue(process.queue_alias).push(process.pk)
        else:
            failed += move(
                process.pk,
                State.RUNNING,
                State.FAILED,
                where=seen,
                detail=lost,
                status=ASYNC_STATUS_FAILED,
                failure_kind=FailureKind.WORKER_LOST.value,
                failure_message=(
                    f"The {lost}, and so did the one before. Run it again; if that happens "
                    "again, tell the site's staff."
                ),
                terminal_timestamp=Now(),
                lease_until=None,
            )
    return Reaped(requeued, failed, cancelled)


def push_forgotten(queue_alias: str) -> int:
    """Push queued processes that have no message; a second message would do no harm."""
    queue = get_queue(queue_alias)
    forgotten = list(
        PipelineProcess.objects.filter(
            Q(queued_at__lt=Now() - MESSAGE_AGE) | Q(queued_at=None),
            state=State.QUEUED.value,
            queue_alias=queue_alias,
        )
        .order_by("pk")
        .values_list("pk", flat=True)[:1000]
    )
    if not forgotten:
        return 0
    waiting = queue.waiting()
    return sum(queue.push(pk) for pk in forgotten if pk not in waiting)


def remove_left_over_folders() -> int:
    """Remove work folders whose process is over, or runs as another attempt."""
    removed = 0
    for folder, pk, attempt in left_over_folders():
        try:
            old = time.time() - folder.stat().st_mtime > FOLDER_AGE
        except OSError:
            continue
        live = PipelineProcess.objects.filter(
            pk=pk, attempt=attempt, state__in=[state.value for state in ACTIVE]
        )
        if old and not live.exists():
            shutil.rmtree(folder, ignore_errors=True)
            removed += 1
    return removed


def remove_orphan_files(storage: Storage | None = None) -> int:
    """
    Remove files of outputs that no row names, a day after they were written.

    They are left when a run is killed between storing files and committing rows.
    """
    storage = storage or DataProduct._meta.get_field("data").storage
    removed = 0
    try:
        folders, _files = storage.listdir(FOLDER)
    except (FileNotFoundError, NotImplementedError):
        return 0
    limit = timezone.now() - ORPHAN_AGE
    for folder in folders:
        _folders, files = storage.listdir(f"{FOLDER}/{folder}")
        for file in files:
            name = f"{FOLDER}/{folder}/{file}"
            written = storage.get_modified_time(name)
            if written < limit and not DataProduct.objects.filter(data=name).exists():
                storage.delete(name)
                removed += 1
    return removed


def forget_old_workers() -> None:
    """Remove rows of workers that have not been seen for long."""
    Worker.objects.filter(seen_at__lt=Now() - WORKER_KEPT).delete()
