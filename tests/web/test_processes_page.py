"""The list of processes: filters, paging by key, and what is done to many at once."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from tom_dataproducts.models import DataProduct
from tom_targets.base_models import BaseTarget

from tests.conftest import MakeTarget
from tests.running import run
from tom_pipeline_core.models import PipelineProcess, Worker

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("samples")]

LIST = "tom_pipeline_core:process-list"


def shown(client: Client, **query: object) -> list[int]:
    """Return the numbers of the processes on the page, from top to bottom."""
    content = client.get(reverse(LIST), query).content.decode()
    return [int(pk) for pk in re.findall(r'name="process" value="(\d+)"', content)]


def make(target: BaseTarget | None, count: int = 1, **values: object) -> list[int]:
    return [PipelineProcess.objects.create(target=target, **values).pk for _ in range(count)]


def test_people_see_their_own_first_and_all_when_they_ask(
    signed_in: Client, user: User, target: BaseTarget, make_target: MakeTarget
) -> None:
    (mine,) = make(target, user=user)
    (theirs,) = make(target)
    make(make_target("Secret", permissions="PRIVATE"))

    assert shown(signed_in) == [mine]
    assert shown(signed_in, whose="all") == [theirs, mine]


def test_staff_see_everyone_s(client: Client, superuser: User, target: BaseTarget) -> None:
    (theirs,) = make(target)
    client.force_login(superuser)

    assert shown(client) == [theirs]
    assert shown(client, whose="mine") == []


def test_filters_and_search_narrow_the_list(
    signed_in: Client, user: User, target: BaseTarget, make_target: MakeTarget
) -> None:
    (waiting,) = make(target, user=user, pipeline_name="Copy")
    (failed,) = make(make_target("M 31"), user=user, pipeline_name="Gone", state="failed")

    assert shown(signed_in, state="unfinished") == [waiting]
    assert shown(signed_in, state="failed") == [failed]
    assert shown(signed_in, pipeline="Gone") == [failed]  # also of a plugin that is not there
    assert shown(signed_in, pipeline="Copy") == [waiting]
    assert shown(signed_in, q="m 31") == [failed]
    assert shown(signed_in, q="copy") == [waiting]
    assert shown(signed_in, q="nothing") == []
    assert shown(signed_in, state="nonsense") == []


def test_paging_goes_down_and_up_and_keeps_the_filters(
    signed_in: Client, user: User, target: BaseTarget
) -> None:
    keys = make(target, 60, user=user, state="failed")[::-1]
    make(target, 3, user=user)
    query = {"state": "failed"}

    assert shown(signed_in, **query) == keys[:25]
    content = signed_in.get(reverse(LIST), query).content.decode()
    assert f"?state=failed&amp;before={keys[24]}" in content
    assert 'rel="prev"' not in content
    assert shown(signed_in, before=keys[24], **query) == keys[25:50]
    assert shown(signed_in, before=keys[49], **query) == keys[50:]
    assert shown(signed_in, after=keys[50], **query) == keys[25:50]
    assert shown(signed_in, after=keys[25], **query) == keys[:25]


@pytest.mark.parametrize("count", [3, 40])
def test_the_number_of_queries_does_not_depend_on_the_number_of_processes(
    signed_in: Client, user: User, target: BaseTarget, count: int
) -> None:
    make(target, count, user=user)
    signed_in.get(reverse(LIST))

    with CaptureQueriesContext(connection) as queries:
        signed_in.get(reverse(LIST))

    assert len(queries) <= 10


def test_ticked_processes_are_cancelled_as_far_as_one_may(
    signed_in: Client, user: User, target: BaseTarget, make_target: MakeTarget
) -> None:
    (mine,) = make(target, user=user)
    (theirs,) = make(target)
    (hidden,) = make(make_target("Secret", permissions="PRIVATE"))

    answer = signed_in.post(
        reverse("tom_pipeline_core:process-bulk"),
        {"action": "cancel", "process": [mine, theirs, hidden, "x"]},
        follow=True,
    )

    states = dict(PipelineProcess.objects.values_list("pk", "state"))
    assert states == {mine: "cancelled", theirs: "queued", hidden: "queued"}
    assert "1 of 2 cancelled" in answer.content.decode()
    assert "1 belong to others" in answer.content.decode()


def test_ticked_processes_run_again_once_and_what_is_refused_is_said(
    signed_in: Client, user: User, product: DataProduct
) -> None:
    good = run("Copy", product, user=user)
    gone = run("Nothing", product, user=user)
    PipelineProcess.objects.filter(pk=gone.pk).update(pipeline_id="x:y", pipeline_name="y")
    form = {"action": "again", "process": [good.pk, gone.pk], "key": "k"}

    for _ in range(2):
        answer = signed_in.post(
            reverse("tom_pipeline_core:process-bulk"), form, follow=True
        ).content.decode()

    assert PipelineProcess.objects.count() == 3
    assert "1 of 2 submitted again" in answer
    assert "There is no pipeline" in answer


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "javascript:x"])
def test_the_way_back_never_leaves_the_site(signed_in: Client, back: str) -> None:
    answer = signed_in.post(reverse("tom_pipeline_core:process-bulk"), {"back": back})

    assert answer["Location"] == reverse(LIST)


def test_waiting_processes_without_a_worker_are_announced(
    signed_in: Client, user: User, target: BaseTarget
) -> None:
    make(target, 2, user=user)
    assert "no worker is running" in signed_in.get(reverse(LIST)).content.decode()

    Worker.objects.create(
        name="w", host="h", pid=1, queue="default", threads=1,
        started_at=timezone.now(), seen_at=timezone.now(),
    )  # fmt: skip
    assert "no worker is running" not in signed_in.get(reverse(LIST)).content.decode()
