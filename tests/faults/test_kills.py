"""Kill one part while a process runs: it ends once, runs once at a time, and nothing is left."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.faults.conftest import LEASE, Site, is_alive, wait_until
from tests.faults.journal import overlaps
from tests.faults.pipelines import OUTPUTS
from tests.running import content
from tom_pipeline_core.executors.child_process import process_tree
from tom_pipeline_core.models import PipelineProcess

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]


def check_outputs(site: Site, *processes: PipelineProcess) -> None:
    """All outputs or none, of one attempt."""
    for process in processes:
        texts = (
            sorted(content(product) for product in process.group.dataproduct_set.all())
            if process.group
            else []
        )
        expected = [f"{process.pk} {process.attempt} {number}" for number in range(OUTPUTS)]
        assert texts == (expected if process.state == "succeeded" else [])


def state_events(process: PipelineProcess) -> list[str]:
    return list(process.events.filter(kind="state").order_by("pk").values_list("value", flat=True))


def test_a_killed_run_fails_with_the_signal_and_the_worker_serves_the_next(site: Site):
    site.start_worker("-w", "1")
    first, second = site.submit(60), site.submit()
    os.kill(site.until_running(first).pid, signal.SIGKILL)

    assert site.until_over(first, second) == ["failed", "succeeded"]
    assert first.failure_kind == "killed by signal"
    assert "SIGKILL" in first.failure_message
    assert len(site.executions()) == 2
    check_outputs(site, first, second)


def test_a_killed_guard_costs_one_repetition(site: Site):
    site.start_worker()
    process = site.submit(1.5)
    run = site.until_running(process)
    os.kill(site.guard_of(process), signal.SIGKILL)
    wait_until(lambda: not is_alive(run.pid), "the end of the run", 5)

    assert site.until_over(process) == ["succeeded"]
    assert process.losses == 1
    assert not overlaps(site.executions())
    check_outputs(site, process)


def test_two_killed_guards_fail_the_process(site: Site):
    site.start_worker()
    process = site.submit(60)
    for attempt in (1, 2):
        site.until_running(process, attempt)
        os.kill(site.guard_of(process), signal.SIGKILL)

    assert site.until_over(process) == ["failed"]
    assert process.failure_kind == "worker lost"
    assert state_events(process).count("failed") == 1


def test_a_killed_preloaded_parent_disturbs_nobody(site: Site):
    worker = site.start_worker("-w", "1")
    first = site.submit(2)
    site.until_running(first)
    parents = [
        pid
        for pid in process_tree.descendants(worker.pid)
        if pid != site.guard_of(first) and b"preloaded" in _command(pid)
    ]
    direct = [pid for pid in parents if _parent(pid) == worker.pid]
    assert len(direct) == 1
    os.kill(direct[0], signal.SIGKILL)
    second = site.submit()

    assert site.until_over(first, second) == ["succeeded", "succeeded"]
    assert (first.losses, second.losses) == (0, 0)
    check_outputs(site, first, second)


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


def test_a_killed_worker_takes_its_runs_along_and_another_starts_them_anew(site: Site):
    worker = site.start_worker("-w", "2")
    processes = [site.submit(3, "start_a_daemon"), site.submit(3)]
    runs = [site.until_running(process) for process in processes]
    everything = process_tree.descendants(worker.pid)
    worker.kill()
    wait_until(lambda: not any(map(is_alive, everything)), "the end of all it had started", 3)
    site.start_worker("-w", "2")

    assert site.until_over(*processes) == ["succeeded", "succeeded"]
    assert [process.losses for process in processes] == [1, 1]
    assert not overlaps(site.executions())
    assert len(site.executions()) == 2 + len(runs)
    check_outputs(site, *processes)


def test_the_runs_of_a_frozen_worker_end_before_another_worker_starts_them(site: Site):
    frozen = site.start_worker("-w", "1")
    process = site.submit(LEASE)
    run = site.until_running(process)
    os.kill(frozen.pid, signal.SIGSTOP)
    site.start_worker("-w", "1")

    assert site.until_over(process) == ["succeeded"]
    os.kill(frozen.pid, signal.SIGCONT)

    assert process.losses == 1
    assert not overlaps(site.executions())
    assert not is_alive(run.pid)
    time.sleep(1)  # the thawed worker may now say the wrong thing
    process.refresh_from_db()
    assert process.state == "succeeded"
    assert state_events(process).count("succeeded") == 1
    check_outputs(site, process)


def test_a_worker_that_is_told_to_end_gives_its_processes_back(site: Site):
    worker = site.start_worker("-w", "1")
    process = site.submit(3)
    run = site.until_running(process)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(30) == 0
    assert not is_alive(run.pid)
    process.refresh_from_db()
    assert (process.state, process.losses) == ("queued", 0)

    site.start_worker("-w", "1")

    assert site.until_over(process) == ["succeeded"]
    assert process.log_lines.filter(stream="sys", text__contains="shut down").exists()
    check_outputs(site, process)


def test_no_line_of_a_killed_run_is_lost(site: Site):
    site.start_worker("-w", "1")
    process = site.submit(60, "count_aloud")
    run = site.until_running(process)
    wait_until(
        lambda: [one for one in site.executions() if one.last > one.began], "work after the lines"
    )
    os.kill(run.pid, signal.SIGKILL)

    assert site.until_over(process) == ["failed"]
    texts = [line.text for line in process.log_lines.filter(stream="log")]
    assert texts == [f"line {number}" for number in range(2000)]
