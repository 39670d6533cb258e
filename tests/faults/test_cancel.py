from __future__ import annotations

import time

import pytest

from tests.faults.conftest import Site, is_alive, wait_until
from tests.faults.test_kills import check_outputs
from tom_pipeline_core import submission
from tom_pipeline_core.executors.child_process import process_tree
from tom_pipeline_core.models import PipelineProcess

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize(
    ("behaviour", "limit"), [("plain", 5), ("start_a_daemon", 5), ("ignore_sigterm", 15)]
)
def test_a_cancelled_process_ends_in_time_with_all_it_started(site: Site, behaviour, limit):
    worker = site.start_worker("-w", "1")
    process = site.submit(120, behaviour)
    run = site.until_running(process)
    guard = site.guard_of(process)
    tree = [guard, *process_tree.descendants(guard)]
    assert run.pid in tree
    began = time.monotonic()
    submission.cancel(PipelineProcess.objects.get(pk=process.pk))

    assert site.until_over(process) == ["cancelled"]
    assert time.monotonic() - began < limit
    wait_until(lambda: not any(map(is_alive, tree)), "the end of the tree", 2)
    assert worker.poll() is None
    check_outputs(site, process)


def test_cancelling_at_every_stage_gives_no_outputs_or_all(site: Site):
    """Each process is cancelled a little later than the one before."""
    site.start_worker("-w", "2")
    first = site.submit()
    site.until_over(first)
    processes = []
    for number in range(12):
        process = site.submit(0.05)
        time.sleep(number * 0.02)
        submission.cancel(PipelineProcess.objects.get(pk=process.pk))
        processes.append(process)

    states = site.until_over(*processes)

    assert set(states) <= {"cancelled", "succeeded"}
    check_outputs(site, *processes)
    for process in processes:
        ends = process.events.filter(kind="state", value__in=["cancelled", "succeeded", "failed"])
        assert ends.count() == 1
