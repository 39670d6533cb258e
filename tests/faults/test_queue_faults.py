from __future__ import annotations

import pytest

from tests.faults.conftest import Site, wait_until
from tests.faults.journal import overlaps
from tests.faults.test_kills import check_outputs
from tests.services import redis_server
from tom_pipeline_core.models import PipelineProcess
from tom_pipeline_core.queues import get_queue

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]


def test_messages_that_come_many_times_start_each_process_once(site: Site):
    processes = [site.submit(0.1) for _ in range(10)]
    for _ in range(4):
        for process in processes:
            get_queue("default").push(process.pk)
    for _ in range(2):
        site.start_worker("-w", "2")

    assert set(site.until_over(*processes)) == {"succeeded"}
    ended = sorted(run.pk for run in site.executions() if run.ended)
    assert ended == sorted(process.pk for process in processes)
    assert not overlaps(site.executions())
    check_outputs(site, *processes)


def test_messages_about_nothing_are_dropped(site: Site):
    for pk in (-1, 0, 10**30):
        get_queue("default").push(pk)
    get_queue("default").huey.storage.enqueue(b"neither signed nor JSON")
    process = site.submit()
    worker = site.start_worker("-w", "1")

    assert site.until_over(process) == ["succeeded"]
    assert worker.poll() is None


def test_processes_run_while_the_broker_is_away_and_after(site: Site):
    with redis_server() as redis:
        site.configure(
            queue={
                "huey_class": "huey.PriorityRedisHuey",
                "host": "127.0.0.1",
                "port": redis.port,
                "socket_connect_timeout": 1,
                "socket_timeout": 3,
            }
        )
        worker = site.start_worker("-w", "2")
        before = site.submit()
        assert site.until_over(before) == ["succeeded"]
        redis.stop()
        away = [site.submit(), site.submit()]
        assert site.until_over(*away) == ["succeeded", "succeeded"]
        redis.start()
        after = site.submit()

        assert site.until_over(after) == ["succeeded"]
        assert worker.poll() is None
        assert len(site.executions()) == 4


def test_a_process_that_is_deleted_while_it_runs_is_stopped(site: Site):
    site.start_worker("-w", "1")
    process = site.submit(120)
    run = site.until_running(process)
    PipelineProcess.objects.filter(pk=process.pk).delete()

    from tests.faults.conftest import is_alive

    wait_until(lambda: not is_alive(run.pid), "the end of the run", 10)
    next_one = site.submit()
    assert site.until_over(next_one) == ["succeeded"]
