"""The worker as operators start it: a process of its own on the test's database."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.running import names_of_samples
from tom_pipeline_core import submission
from tom_pipeline_core.models import PipelineProcess, Worker
from tom_pipeline_core.queues import get_queue

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("samples")]

LIMIT = 120.0  # seconds; far more than any of this takes, also on a busy machine


def wait_until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {LIMIT:g} s"
        time.sleep(0.05)


@pytest.fixture
def worker_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Write settings for a worker process: those of the tests, with the samples installed."""
    (tmp_path / "worker_settings.py").write_text(
        "from tests.settings import *\n"
        f"TOM_EDUCATION_PIPELINES = {names_of_samples()!r}\n"
        "TOM_PIPELINES = {**TOM_PIPELINES, 'SHUTDOWN_GRACE': 1,\n"
        "    'EXECUTORS': {'default': {'BACKEND': 'immediate'}}}\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(Path.cwd())]))
    return "worker_settings"


@pytest.fixture
def start_worker(worker_settings: str) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    get_queue("default").huey.storage.flush_all()
    started: list[subprocess.Popen[str]] = []

    def start(*args: str) -> subprocess.Popen[str]:
        worker = subprocess.Popen(
            [sys.executable, "-m", "django", "run_pipelines", *args],
            env={**os.environ, "DJANGO_SETTINGS_MODULE": worker_settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(worker)
        return worker

    yield start
    for worker in started:
        if worker.poll() is None:
            worker.kill()
        worker.communicate(timeout=LIMIT)


def test_a_draining_worker_runs_what_is_queued_and_ends(start_worker, target, make_product):
    product = make_product(target)
    processes = [
        submission.submit(name, target=target, products=[product])
        for name in ("Copy", "Refusing", "Raising", "Typed")
    ]

    output, _ = start_worker("--drain", "--workers", "2").communicate(timeout=LIMIT)

    states = [PipelineProcess.objects.get(pk=process.pk).state for process in processes]
    assert states == ["succeeded", "failed", "failed", "succeeded"], output
    assert not Worker.objects.exists()


def test_a_row_whose_message_was_lost_is_run_all_the_same(start_worker, target, make_product):
    process = submission.submit("Copy", target=target, products=[make_product(target)])
    get_queue("default").huey.storage.flush_all()

    output, _ = start_worker("--drain").communicate(timeout=LIMIT)

    process.refresh_from_db()
    assert process.state == "succeeded", output


def test_a_worker_is_seen_while_it_lives_and_leaves_when_it_is_stopped(start_worker, db):
    worker = start_worker("--workers", "3")
    wait_until(Worker.objects.exists, "the worker's row")
    row = Worker.objects.get()
    assert (row.pid, row.queue, row.threads) == (worker.pid, "default", 3)

    worker.send_signal(signal.SIGTERM)

    output, _ = worker.communicate(timeout=LIMIT)
    assert worker.returncode == 0, output
    assert not Worker.objects.exists()


def test_a_process_that_ends_within_the_grace_time_is_not_cut_off(
    start_worker, target, make_product, tmp_path
):
    gate = tmp_path / "gate"
    process = submission.submit(
        "SlowToEnd", target=target, products=[make_product(target)], parameters={"gate": str(gate)}
    )
    worker = start_worker()
    wait_until(
        lambda: PipelineProcess.objects.filter(pk=process.pk, state="running").exists(), "the run"
    )

    worker.send_signal(signal.SIGTERM)
    gate.touch()
    output, _ = worker.communicate(timeout=LIMIT)

    process.refresh_from_db()
    assert process.state == "succeeded", output


def test_a_queue_that_does_not_exist_is_refused_at_start(start_worker, db):
    worker = start_worker("--queue", "gpu")

    output, _ = worker.communicate(timeout=LIMIT)

    assert worker.returncode == 1
    assert "TOM_PIPELINES['QUEUES'] has no 'gpu'" in output
