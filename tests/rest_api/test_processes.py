from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from tests import running
from tom_pipeline_core import submission
from tom_pipeline_core.models import PipelineProcess
from tom_pipeline_core.models.moves import move
from tom_pipeline_core.states import State

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("samples")]

LIST = "/api/pipelines/processes/"


@pytest.fixture
def process(target, make_product, user) -> PipelineProcess:
    return submission.submit("Copy", target=target, products=[make_product(target)], user=user)


def test_the_index_names_the_parts_and_who_asks(api):
    body = api.get("/api/pipelines/").json()

    assert body["user"] == "hypatia"
    for address in body["links"].values():
        assert api.get(address).status_code in (200, 400, 405), address


def test_a_process_shows_what_ran_on_what_and_how_far_it_is(api, process, target):
    body = api.get(f"{LIST}{process.pk}/").json()

    assert (body["pipeline_name"], body["target"], body["state"], body["status"]) == (
        "Copy",
        target.pk,
        "queued",
        "pending",
    )
    assert body["url"].endswith(f"{LIST}{process.pk}/")
    assert body["user"] == "hypatia"
    assert body["may_cancel"] is True


def test_a_poll_without_news_is_304_and_empty_and_news_change_the_tag(api, process):
    first = api.get(f"{LIST}{process.pk}/")
    same = api.get(f"{LIST}{process.pk}/", HTTP_IF_NONE_MATCH=first["ETag"])
    PipelineProcess.objects.filter(pk=process.pk).update(progress_done=1, progress_total=2)
    news = api.get(f"{LIST}{process.pk}/", HTTP_IF_NONE_MATCH=first["ETag"])

    assert (same.status_code, same.content) == (304, b"")
    assert same["ETag"] == first["ETag"]
    assert news.status_code == 200
    assert news.json()["progress_done"] == 1


def test_only_the_fields_that_are_asked_for_are_given(api, process):
    body = api.get(f"{LIST}{process.pk}/?fields=id,state").json()

    assert body == {"id": process.pk, "state": "queued"}


def test_an_unknown_field_or_filter_is_refused_with_the_nearest(api, process):
    field = api.get(f"{LIST}?fields=stat")
    name = api.get(f"{LIST}?stat=queued")
    value = api.get(f"{LIST}?state=queueing")

    assert [answer.status_code for answer in (field, name, value)] == [400, 400, 400]
    assert "Did you mean 'state'?" in field.json()["errors"]["fields"][0]
    assert "Did you mean 'state'?" in name.json()["errors"]["stat"][0]
    assert "queueing" in value.json()["errors"]["state"][0]


def test_filters_select_by_state_target_pipeline_user_and_time(
    api, as_user, process, make_target, make_product
):
    other_target = make_target("Other")
    other = submission.submit(
        "Nothing",
        target=other_target,
        products=[make_product(other_target)],
        user=User.objects.create_user("other"),
    )
    submission.cancel(other)

    def found(query: str) -> list[int]:
        answer = api.get(LIST + query)
        assert answer.status_code == 200, answer.json()
        return [row["id"] for row in answer.json()["results"]]

    assert found("") == [other.pk, process.pk]
    assert found("?ordering=created") == [process.pk, other.pk]
    assert found("?state=queued") == [process.pk]
    assert found("?state=queued&state=cancelled") == [other.pk, process.pk]
    assert found(f"?target={other_target.pk}") == [other.pk]
    assert found("?pipeline=Copy") == [process.pk]
    assert found("?pipeline=settings:Nothing") == [other.pk]
    assert found("?user=me") == [process.pk]
    assert found("?user=other") == [other.pk]
    assert found("?created_after=2020-01-01T00:00:00Z") == [other.pk, process.pk]
    assert found("?created_before=2020-01-01T00:00:00Z") == []


def test_pages_neither_repeat_nor_hide_rows_that_arrive_meanwhile(api, target):
    old = [PipelineProcess.objects.create(target=target).pk for _ in range(7)]
    seen: list[int] = []
    address = f"{LIST}?page_size=3&fields=id"
    while address:
        page = api.get(address).json()
        seen += [row["id"] for row in page["results"]]
        PipelineProcess.objects.create(target=target)
        address = page["next"]

    assert seen == old[::-1]


@pytest.mark.parametrize(
    "cursor", ["nonsense", "cD1hYmM=", "cD05OTk5OTk5OTk5OTk5OTk5OTk5OTk5", "%00", "bz0tMQ=="]
)
def test_a_cursor_that_the_list_did_not_give_is_refused(api, cursor):
    answer = api.get(f"{LIST}?cursor={cursor}")

    assert answer.status_code == 400
    assert "cursor" in answer.json()["errors"]


@pytest.mark.parametrize("text", ["999999", "0", "-1", "abc", "1.5", "9" * 40, "１"])
def test_what_is_no_process_is_404_as_a_problem(api, text):
    answer = api.get(f"{LIST}{text}/")

    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == 404


def test_a_queued_process_is_cancelled_at_once_and_the_history_says_by_whom(api, process):
    answer = api.post(f"{LIST}{process.pk}/cancel/")

    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    event = process.events.last()
    assert (event.value, event.user.username, event.origin) == ("cancelled", "hypatia", "api")


def test_cancelling_a_running_process_is_accepted_and_goes_on(api, process):
    assert move(process.pk, State.QUEUED, State.RUNNING)

    first, again = (api.post(f"{LIST}{process.pk}/cancel/") for _ in range(2))

    assert (first.status_code, first.json()["state"]) == (202, "cancelling")
    assert again.status_code == 202


def test_cancelling_what_has_ended_is_a_conflict_that_says_the_state(api, target, make_product):
    ended = running.run("Copy", make_product(target), user=User.objects.get(username="hypatia"))

    answer = api.post(f"{LIST}{ended.pk}/cancel/")

    assert answer.status_code == 409
    assert "succeeded" in answer.json()["detail"]


def test_another_user_who_sees_a_process_cannot_cancel_it(as_user, process):
    answer = as_user(User.objects.create_user("other")).post(f"{LIST}{process.pk}/cancel/")

    assert answer.status_code == 403
    process.refresh_from_db()
    assert process.state == "queued"


def test_running_again_keeps_what_is_not_changed_and_both_histories_tell(
    api, target, make_product, user
):
    first = submission.submit(
        "Adjustable",
        target=target,
        products=[make_product(target)],
        parameters={"radius": 4, "method": "fit"},
        user=user,
    )

    answer = api.post(
        f"{LIST}{first.pk}/run-again/", {"parameters": {"radius": 9, "method": None}}, "json"
    )

    assert answer.status_code == 201
    assert answer["Location"] == answer.json()["url"]
    again = PipelineProcess.objects.get(pk=answer.json()["id"])
    assert (again.parameters["radius"], again.parameters["method"]) == (9.0, "sum")
    assert list(again.input_files.all()) == list(first.input_files.all())
    asked = first.events.get(kind="request")
    assert (asked.value, asked.detail, asked.user, asked.origin) == (
        "run again",
        f"as process {again.pk}",
        user,
        "api",
    )
    assert again.events.get().origin == "api"


def test_running_again_with_a_key_makes_one_process(api, process):
    key = {"HTTP_IDEMPOTENCY_KEY": "again-1"}

    first = api.post(f"{LIST}{process.pk}/run-again/", {}, "json", **key)
    again = api.post(f"{LIST}{process.pk}/run-again/", {}, "json", **key)

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    assert process.events.filter(kind="request").count() == 1


def test_running_again_without_one_of_the_files_is_refused(api, target, make_product, user):
    kept, gone = make_product(target, "kept.fits"), make_product(target, "gone.fits")
    process = submission.submit("Copy", target=target, products=[kept, gone], user=user)
    gone.delete()

    answer = api.post(f"{LIST}{process.pk}/run-again/")

    assert answer.status_code == 422
    assert answer.json()["errors"] == {"products": ["gone.fits no longer exists."]}


def test_running_again_with_a_misspelt_parameter_suggests_the_nearest(
    api, target, make_product, user
):
    process = submission.submit(
        "Adjustable", target=target, products=[make_product(target)], user=user
    )

    answer = api.post(f"{LIST}{process.pk}/run-again/", {"parameters": {"radios": 9}}, "json")

    assert answer.status_code == 422
    assert "did you mean 'radius'?" in answer.json()["errors"]["radios"][0]
