"""What a poll of a process's page answers, and what it costs."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from guardian.shortcuts import assign_perm
from pytest_django import DjangoAssertNumQueries, Settings
from tom_targets.base_models import BaseTarget

from tests.conftest import MakeProduct, MakeTarget
from tom_pipeline_core.models import LogLine, PipelineProcess, ProcessEvent, Worker

pytestmark = pytest.mark.django_db


@pytest.fixture
def running(target: BaseTarget, user: User) -> PipelineProcess:
    return PipelineProcess.objects.create(
        target=target,
        user=user,
        pipeline_name="Aperture",
        state="running",
        started_at=timezone.now(),
        attempt=1,
        status="Measuring",
    )


def address_of_poll(content: str) -> str:
    """Return what the page would ask next, without the lines of the log."""
    found = re.search(r'id="tpc-poller"[^>]*hx-get="([^"]+)"', content)
    assert found is not None
    return found[1].replace("&amp;", "&")


def poll(client: Client, process: PipelineProcess, **query: object) -> str:
    address = reverse("tom_pipeline_core:process-poll", args=[process.pk])
    return client.get(address, query).content.decode()


def test_without_news_only_the_next_question_is_answered(
    signed_in: Client, running: PipelineProcess
) -> None:
    running.log("first")
    page = signed_in.get(running.get_absolute_url()).content.decode()
    cursor = LogLine.objects.latest("pk").pk

    answer = signed_in.get(f"{address_of_poll(page)}&after={cursor}").content.decode()

    assert "tpc-state-line" not in answer
    assert "tpc-line" not in answer
    assert "tpc-status" not in answer
    assert "quiet=1" in address_of_poll(answer)


def test_only_lines_after_the_last_one_seen_are_sent(
    signed_in: Client, running: PipelineProcess
) -> None:
    running.log("first")
    cursor = LogLine.objects.latest("pk").pk
    running.log("second")

    answer = poll(signed_in, running, after=cursor)

    assert "second" in answer
    assert "first" not in answer
    assert f'name="after" value="{LogLine.objects.latest("pk").pk}"' in answer


def test_the_cursor_passes_lines_that_a_search_hides(
    signed_in: Client, running: PipelineProcess
) -> None:
    running.log("boring")

    answer = poll(signed_in, running, after=0, q="star")

    assert "boring" not in answer
    assert f'name="after" value="{LogLine.objects.latest("pk").pk}"' in answer


def test_a_reader_who_fell_behind_gets_the_newest_lines_and_a_link_to_the_rest(
    signed_in: Client, running: PipelineProcess
) -> None:
    LogLine.objects.bulk_create(
        LogLine(process=running, time=timezone.now(), text=f"line {number}")
        for number in range(700)
    )

    answer = poll(signed_in, running, after=0)

    assert "line 699<" in answer
    assert "line 200<" in answer
    assert "line 199<" not in answer
    assert "Show older lines" in answer


def test_polling_slows_down_while_nothing_happens_and_hurries_when_something_does(
    signed_in: Client, running: PipelineProcess
) -> None:
    content = signed_in.get(running.get_absolute_url()).content.decode()
    intervals = []
    for _ in range(10):
        content = signed_in.get(address_of_poll(content)).content.decode()
        intervals.append(int(re.search(r"every (\d+)s", content)[1]))  # type: ignore[index]
    assert intervals == sorted(intervals)
    assert intervals[-1] == 5

    PipelineProcess.objects.filter(pk=running.pk).update(status="Plotting")
    content = signed_in.get(address_of_poll(content)).content.decode()

    assert "Plotting" in content
    assert "every 1s" in content


def test_lines_that_are_written_just_after_the_end_still_arrive(
    signed_in: Client, running: PipelineProcess
) -> None:
    PipelineProcess.objects.filter(pk=running.pk).update(
        state="failed", terminal_timestamp=timezone.now()
    )
    content = poll(signed_in, running, after=0)
    running.log("the last words")

    response = signed_in.get(f"{address_of_poll(content)}&after=0")

    assert response.status_code == 200
    assert "the last words" in response.content.decode()
    assert "HX-Trigger" not in response.headers  # the end is told once


def test_the_end_tells_the_page_and_stops_the_polling(
    signed_in: Client, running: PipelineProcess
) -> None:
    PipelineProcess.objects.filter(pk=running.pk).update(
        state="succeeded", terminal_timestamp=timezone.now() - timedelta(seconds=6)
    )

    response = signed_in.get(
        reverse("tom_pipeline_core:process-poll", args=[running.pk]), {"state": "running.1.0.0"}
    )

    assert response.status_code == 286
    assert "tpc-ended" in response["HX-Trigger"]
    assert "hx-trigger" not in response.content.decode()
    assert "Succeeded" in response.content.decode()


def test_a_new_step_is_announced_and_fetched_by_itself(
    signed_in: Client, running: PipelineProcess
) -> None:
    ProcessEvent.objects.create(
        process=running, attempt=1, time=timezone.now(), kind="status", value="Measuring <i>"
    )

    response = signed_in.get(
        reverse("tom_pipeline_core:process-poll", args=[running.pk]), {"steps": "0"}
    )
    steps = signed_in.get(reverse("tom_pipeline_core:process-steps", args=[running.pk]))

    assert response["HX-Trigger"] == "tpc-steps"
    assert "Measuring &lt;i&gt;" in steps.content.decode()


def test_a_process_that_waits_says_how_many_are_before_it_and_when_no_worker_is_seen(
    signed_in: Client, target: BaseTarget, user: User
) -> None:
    PipelineProcess.objects.create(target=target)
    PipelineProcess.objects.create(target=target)
    PipelineProcess.objects.create(target=target, queue_alias="other")
    waiting = PipelineProcess.objects.create(target=target, user=user)

    answer = poll(signed_in, waiting)
    assert "2 processes before it" in " ".join(answer.split())
    assert "No worker is running" in answer

    Worker.objects.create(
        name="w", host="h", pid=1, queue="default", threads=1,
        started_at=timezone.now(), seen_at=timezone.now(),
    )  # fmt: skip
    assert "No worker is running" not in poll(signed_in, waiting)


@pytest.mark.parametrize("lines", [0, 3, 2000])
@pytest.mark.parametrize("who", ["superuser", "user"])
def test_a_poll_takes_at_most_four_queries(
    client: Client,
    request: pytest.FixtureRequest,
    who: str,
    running: PipelineProcess,
    django_assert_max_num_queries: DjangoAssertNumQueries,
    lines: int,
) -> None:
    LogLine.objects.bulk_create(
        LogLine(process=running, time=timezone.now(), text="x") for _ in range(lines)
    )
    client.force_login(request.getfixturevalue(who))

    with django_assert_max_num_queries(4):
        answer = poll(client, running, after=0, state="queued.0.0.0", steps=7)
    assert answer.count("tpc-line ") == min(lines, 500)


@pytest.mark.parametrize("targets_only", [True, False])
@pytest.mark.parametrize("lines", [0, 2000])
def test_for_others_the_host_s_permissions_are_asked_as_well_and_nothing_else(
    client: Client,
    settings: Settings,
    user: User,
    make_target: MakeTarget,
    make_product: MakeProduct,
    targets_only: bool,
    lines: int,
) -> None:
    settings.TARGET_PERMISSIONS_ONLY = targets_only
    target = make_target(permissions="PRIVATE")
    assign_perm("tom_targets.view_target", user, target)
    product = make_product(target)
    assign_perm("tom_dataproducts.view_dataproduct", user, product)
    process = PipelineProcess.objects.create(
        target=target, user=user, state="running", started_at=timezone.now()
    )
    process.inputs.create(product=product, name="frame.fits")
    LogLine.objects.bulk_create(
        LogLine(process=process, time=timezone.now(), text="x") for _ in range(lines)
    )
    client.force_login(user)

    with CaptureQueriesContext(connection) as queries:
        poll(client, process, after=0, state="queued.0.0.0", steps=7)

    asked = [re.search(r'FROM "(\w+?)_', query["sql"])[1] for query in queries]  # type: ignore[index]
    # What is visible without asking for rights is looked at first, where there is such a thing.
    looks = 2 if targets_only else 1
    assert asked.count("tom") == looks + (1 if lines else 0)
    # Session and user; then what kinds of objects there are, and the user's and the groups' rights.
    assert len(asked) - asked.count("tom") == (5 if targets_only else 7)
