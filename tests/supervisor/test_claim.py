from __future__ import annotations

import threading

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models.functions import Now

from tests.sample_pipelines import Copy
from tom_pipeline_core.models import PipelineProcess
from tom_pipeline_core.supervisor.claim import claim, claim_next, lease_end

pytestmark = pytest.mark.django_db


def queued(target, user=None, queue="default") -> PipelineProcess:
    return Copy.objects.create(target=target, user=user, queue_alias=queue)


def test_a_claim_names_the_worker_and_raises_the_attempt(target):
    process = claim(queued(target).pk, "worker", 60)

    assert process is not None
    assert (process.state, process.worker, process.attempt) == ("running", "worker", 1)
    assert process.started_at is not None


def test_a_lease_ends_by_the_databases_clock(target):
    process = claim(queued(target).pk, "worker", 60)

    rows = PipelineProcess.objects.filter(pk=process.pk)
    assert rows.filter(lease_until__gt=Now()).exists()
    assert rows.filter(lease_until__lt=lease_end(61), lease_until__gt=lease_end(50)).exists()


def test_what_is_claimed_is_not_claimed_again(target):
    pk = queued(target).pk

    assert claim(pk, "first", 60) is not None
    assert claim(pk, "second", 60) is None


def test_users_take_turns(target):
    busy, other = User.objects.create_user("busy"), User.objects.create_user("other")
    for _ in range(5):
        queued(target, busy)
    one = queued(target, other)

    first = claim_next("default", "w", 60)
    second = claim_next("default", "w", 60)
    third = claim_next("default", "w", 60)

    assert first.user == busy  # nobody runs: who waits longest
    assert second == one  # busy has one running, other none
    assert third.user == busy


def test_a_worker_takes_only_from_its_queue(target):
    queued(target, queue="gpu")

    assert claim_next("default", "w", 60) is None
    assert claim_next("gpu", "w", 60) is not None


def test_nothing_queued_gives_nothing(db):
    assert claim_next("default", "w", 60) is None


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_one_gets_each_process(target):
    keys = [queued(target).pk for _ in range(30)]
    won: list[int] = []

    def work(name: str) -> None:
        try:
            won.extend(pk for pk in keys if claim(pk, name, 60) is not None)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(f"worker {n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)

    assert sorted(won) == keys
    assert set(PipelineProcess.objects.values_list("attempt", flat=True)) == {1}
