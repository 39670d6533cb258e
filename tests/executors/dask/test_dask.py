"""The executor on a real scheduler and real workers, as processes on the loopback interface."""

from __future__ import annotations

import time

import pytest

from tests.executors.dask.cluster import dask_cluster
from tom_pipeline_core.executors.base import RunSpec, Unavailable
from tom_pipeline_core.executors.child_process import process_tree
from tom_pipeline_core.testing.executor_contract import (
    WORKLOADS,
    ExecutorContract,
    RecordingSink,
    Run,
    assert_all_end,
)

pytest.importorskip("distributed")

from tom_pipeline_core.executors.dask import DaskExecutor

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with dask_cluster(tmp_path_factory.mktemp("dask")) as cluster:
        yield cluster


class TestDask(ExecutorContract):
    @pytest.fixture(autouse=True)
    def share(self, cluster):
        self.address = cluster.address

    def make_executor(self, entry):
        return DaskExecutor(self.address, entry=entry)


def begin(executor, **spec) -> Run:
    sink = RecordingSink()
    return Run(executor.start(RunSpec(**{"pk": 1, "attempt": 1, **spec}), sink), sink)


def test_a_cluster_that_is_not_there_is_unavailable(monkeypatch):
    from tom_pipeline_core.executors.dask import executor

    monkeypatch.setattr(executor, "CONNECT_LIMIT", 0.5)
    with pytest.raises(Unavailable, match="cannot be reached"):
        begin(DaskExecutor("tcp://127.0.0.1:1"))


def test_an_address_that_is_none_is_refused():
    with pytest.raises(
        ValueError, match="address must be such as 'tcp://host:8786', not 'cluster'"
    ):
        DaskExecutor("cluster")


def test_a_dead_dask_worker_costs_the_run_and_starts_no_second_one(tmp_path):
    """Dask would start the task again on the other worker; the run must not begin there."""
    with dask_cluster(tmp_path, workers=2) as cluster:
        executor = DaskExecutor(cluster.address, entry=f"{WORKLOADS}:start_a_family")
        run = begin(executor, lease=3.0)
        pids = run.until_ready()
        owner = next(
            worker for worker in cluster.workers if pids[0] in process_tree.descendants(worker.pid)
        )
        owner.kill()

        outcome = run.to_end(limit=30)

        assert (outcome.ok, outcome.exit_code) == (False, None)
        assert "lost on the Dask cluster" in outcome.reason
        assert_all_end(pids, limit=5)
        assert len([text for text in run.sink.texts if text.startswith("ready")]) == 1
        executor.close()


def test_a_run_whose_scheduler_died_is_reported_when_its_lease_has_ended_it(tmp_path):
    with dask_cluster(tmp_path) as cluster:
        executor = DaskExecutor(cluster.address, entry=f"{WORKLOADS}:sleep")
        run = begin(executor, lease=4.0)
        pids = run.until_ready()
        cluster.scheduler.kill()

        outcome = run.to_end(limit=40)

        assert outcome.exit_code is None
        assert not [pid for pid in pids if pid in process_tree.all_pids()]
        executor.close()


def test_a_run_that_waits_for_a_place_can_be_stopped_and_never_starts(cluster):
    executor = DaskExecutor(cluster.address, entry=f"{WORKLOADS}:sleep", resources={"gpu": 1})
    run = begin(executor)
    assert run.handle.wait(0.5) is None
    run.handle.stop()

    outcome = run.to_end(limit=10)

    assert outcome.reason == "terminated"
    assert run.sink.texts == []
    executor.close()


def test_the_run_of_a_dead_supervisor_ends_with_its_lease(cluster):
    """Nobody renews, and the client is gone."""
    executor = DaskExecutor(cluster.address, entry=f"{WORKLOADS}:sleep")
    run = begin(executor, lease=3.0)
    pids = run.until_ready()
    began = time.monotonic()
    executor.close()

    assert_all_end(pids, limit=10)
    assert time.monotonic() - began < 8
