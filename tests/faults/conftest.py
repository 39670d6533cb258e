"""A worker of its own process, and pipelines that write a journal."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.journal import Execution, executions
from tom_pipeline_core import submission
from tom_pipeline_core.executors.child_process import process_tree
from tom_pipeline_core.models import PipelineProcess
from tom_pipeline_core.queues import forget_queues, get_queue

LIMIT = 60.0
LEASE = 8.0  # seconds; long enough for a busy machine

SETTINGS = """
from tests.settings import *
TOM_EDUCATION_PIPELINES = {"Journalled": "tests.faults.pipelines.Journalled"}
TOM_PIPELINES = {
    **TOM_PIPELINES,
    "LEASE": %(lease)s, "HEARTBEAT": 0.5, "SHUTDOWN_GRACE": 0.5,
    "EXECUTORS": {"default": {"BACKEND": "child_process", "OPTIONS": %(options)r}},
}
%(more)s
"""


def wait_until(condition: Callable[[], object], what: str = "it", limit: float = LIMIT) -> None:
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {limit:g} s"
        time.sleep(0.02)


class Site:
    """The test's database, a queue of its own, and workers that a test starts and kills."""

    def __init__(self, folder: Path, target, settings) -> None:
        self.folder = folder
        self.target = target
        self.django_settings = settings
        self.journal = folder / "journal"
        self.workers: list[subprocess.Popen[bytes]] = []
        self.logs = folder / "workers.log"

    def configure(self, *, queue: dict[str, object] | None = None, more: str = "", **options):
        """Write the settings of the workers; the test's own process gets the same queue."""
        queue = queue or {
            "huey_class": "huey.SqliteHuey",
            "filename": str(self.folder / "queue.sqlite3"),
        }
        more = f'TOM_PIPELINES["QUEUES"] = {{"default": {queue!r}}}\n{more}'
        (self.folder / "fault_settings.py").write_text(
            SETTINGS % {"lease": LEASE, "options": options, "more": more}
        )
        self.django_settings.TOM_EDUCATION_PIPELINES = {
            "Journalled": "tests.faults.pipelines.Journalled"
        }
        self.django_settings.TOM_PIPELINES = {
            **self.django_settings.TOM_PIPELINES,
            "QUEUES": {"default": queue},
        }
        forget_queues()

    def start_worker(self, *arguments: str) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "fault_settings",
            "PYTHONPATH": os.pathsep.join([str(self.folder), str(Path.cwd())]),
        }
        with self.logs.open("ab") as output:
            worker = subprocess.Popen(
                [sys.executable, "-m", "django", "run_pipelines", *arguments],
                env=environment,
                stdout=output,
                stderr=output,
            )
        self.workers.append(worker)
        ready = f"Worker {os.uname().nodename}:{worker.pid}:"
        wait_until(lambda: ready in self.logs.read_text(), "the worker's start")
        wait_until(self._is_prepared, "the preloaded parent")
        return worker

    def _is_prepared(self) -> bool:
        log = self.logs.read_text()
        return log.count("Preloaded parent") >= len(self.workers)

    def submit(self, seconds: float = 0.0, behaviour: str = "") -> PipelineProcess:
        return submission.submit(
            "Journalled",
            target=self.target,
            products=[],
            parameters={
                "journal": str(self.journal),
                "seconds": seconds,
                "behaviour": behaviour,
            },
        )

    def executions(self) -> list[Execution]:
        return executions(self.journal)

    def until_running(self, process: PipelineProcess, attempt: int = 1) -> Execution:
        """Wait until a run of the process works; return it."""

        def running() -> list[Execution]:
            return [
                run for run in self.executions() if (run.pk, run.attempt) == (process.pk, attempt)
            ]

        wait_until(running, f"attempt {attempt} of process {process.pk}")
        return running()[0]

    def until_over(self, *processes: PipelineProcess) -> list[str]:
        """Wait until processes have ended; return their states."""

        def states() -> list[str]:
            found = dict(
                PipelineProcess.objects.filter(
                    pk__in=[process.pk for process in processes]
                ).values_list("pk", "state")
            )
            return [found[process.pk] for process in processes]

        wait_until(
            lambda: {"queued", "running", "cancelling"}.isdisjoint(states()),
            f"the end of {len(processes)} processes",
        )
        for process in processes:
            process.refresh_from_db()
        return states()

    def guard_of(self, process: PipelineProcess) -> int:
        """Return the pid of the guard of the process's run."""
        wait_until(lambda: PipelineProcess.objects.get(pk=process.pk).handle, "the handle")
        return int(PipelineProcess.objects.get(pk=process.pk).handle.rsplit(":", 3)[1])

    def close(self) -> None:
        for worker in self.workers:
            if worker.poll() is None:
                worker.kill()
            worker.wait()
        forget_queues()


@pytest.fixture
def site(transactional_db, target, tmp_path, settings) -> Iterator[Site]:
    site = Site(tmp_path, target, settings)
    site.configure()
    get_queue("default").huey.storage.flush_all()
    yield site
    site.close()
    wait_until(lambda: not survivors(site), "the end of everything that the test started", 15)


def survivors(site: Site) -> list[int]:
    """Return processes that run on although their worker is gone."""
    pids = {run.pid for run in site.executions()}
    return [pid for pid in process_tree.all_pids() if pid in pids]


def is_alive(pid: int) -> bool:
    return pid in process_tree.all_pids()
