"""What staff and monitors read of the machinery."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from tom_targets.base_models import BaseTarget

from tom_pipeline_core.models import PipelineProcess, Worker

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client: Client, superuser: User) -> Client:
    client.force_login(superuser)
    return client


def facts(client: Client) -> tuple[int, dict[str, object]]:
    answer = client.get(reverse("tom_pipeline_core:health-json"))
    return answer.status_code, answer.json()


def worker(queue: str = "default") -> None:
    Worker.objects.create(
        name=queue, host="h", pid=1, queue=queue, threads=1,
        started_at=timezone.now(), seen_at=timezone.now(),
    )  # fmt: skip


def test_a_site_at_rest_is_well(staff: Client) -> None:
    status, found = facts(staff)

    assert status == 200
    assert found["problems"] == []
    assert found["waiting"] == found["running"] == found["workers_alive"] == 0
    page = staff.get(reverse("tom_pipeline_core:health")).content.decode()
    assert "Nothing is wrong" in page


def test_a_queue_without_a_worker_is_a_problem(staff: Client, target: BaseTarget) -> None:
    PipelineProcess.objects.create(target=target, queue_alias="big")
    worker()

    status, found = facts(staff)

    assert status == 503
    assert found["problems"] == ["Processes wait in the queue 'big', and no worker serves it."]
    worker("big")
    assert facts(staff)[0] == 200


def test_a_lost_worker_is_a_problem(staff: Client, target: BaseTarget) -> None:
    PipelineProcess.objects.create(
        target=target, state="running", lease_until=timezone.now() - timedelta(minutes=1)
    )

    status, found = facts(staff)

    assert status == 503
    assert found["running"] == 1
    assert "lost" in str(found["problems"])


def test_what_ended_in_the_last_day_is_counted(staff: Client, target: BaseTarget) -> None:
    now = timezone.now()
    for state, hours in (("succeeded", 1), ("failed", 2), ("failed", 3), ("failed", 30)):
        PipelineProcess.objects.create(
            target=target, state=state, terminal_timestamp=now - timedelta(hours=hours)
        )

    _status, found = facts(staff)

    assert (found["succeeded_last_day"], found["failed_last_day"]) == (1, 2)
