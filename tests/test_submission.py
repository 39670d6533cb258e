from __future__ import annotations

import threading
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.db import connection, transaction
from tom_dataproducts.models import DataProduct

from tom_pipeline_core import submission
from tom_pipeline_core.exceptions import SubmissionRefused
from tom_pipeline_core.models import PipelineProcess
from tom_pipeline_core.queues import get_queue

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("samples")]


def refusal(*args: Any, **kwargs: Any) -> dict[str, list[str]]:
    with pytest.raises(SubmissionRefused) as caught:
        submission.submit(*args, **kwargs)
    assert not PipelineProcess.objects.exists()
    return caught.value.errors


def test_a_process_is_queued_with_all_that_history_needs(target, make_product, user):
    product = make_product(target, "frame.fits")

    process = submission.submit("Copy", target=target, products=[product], user=user, origin="page")

    process.refresh_from_db()
    assert process.state == "queued"
    assert process.status == "pending"
    assert process.queued_at is not None
    assert process.pipeline_name == "Copy"
    assert process.pipeline_id == "settings:Copy"
    assert process.process_type == "tests.sample_pipelines.Copy"
    assert [(row.name, row.size) for row in process.inputs.all()] == [("frame.fits", 30)]
    assert list(process.input_files.all()) == [product]
    event = process.events.get()
    assert (event.value, event.user, event.origin) == ("queued", user, "page")


def test_the_message_is_pushed_when_the_transaction_commits(
    target, make_product, django_capture_on_commit_callbacks
):
    queue = get_queue("default")
    queue.huey.flush()  # primary keys start anew in each test, and messages of others may be left
    with django_capture_on_commit_callbacks(execute=True):
        process = submission.submit("Copy", target=target, products=[make_product(target)])
        assert process.pk not in queue.waiting()

    assert process.pk in queue.waiting()


def test_a_rolled_back_transaction_leaves_nothing(
    target, make_product, django_capture_on_commit_callbacks
):
    product = make_product(target)
    with django_capture_on_commit_callbacks(execute=True) as callbacks:
        try:
            with transaction.atomic():
                submission.submit("Copy", target=target, products=[product])
                raise RuntimeError("the page failed")
        except RuntimeError:
            pass

    assert not PipelineProcess.objects.exists()
    assert callbacks == []


def test_no_file_selected_is_refused(target):
    assert refusal("Copy", target=target, products=[]) == {
        "products": ["Select at least one file."]
    }


def test_a_file_of_another_target_is_refused_by_name(target, make_target, make_product):
    other = make_product(make_target("Other"), "other.fits")

    errors = refusal("Copy", target=target, products=[other])

    assert errors == {"products": ["other.fits belongs to another target."]}


def test_a_data_product_without_a_file_is_refused(target):
    empty = DataProduct(target=target)
    empty.save()

    assert "has no file" in refusal("Copy", target=target, products=[empty])["products"][0]


def test_a_file_that_is_gone_from_the_storage_is_refused(target, make_product):
    product = make_product(target, "gone.fits")
    product.data.storage.delete(product.data.name)

    errors = refusal("Copy", target=target, products=[product])

    assert errors == {"products": ["gone.fits is missing in the storage; deselect it."]}


def test_an_unknown_pipeline_is_refused_with_a_near_name(target, make_product):
    errors = refusal("Copi", target=target, products=[make_product(target)])

    assert "'Copi'" in errors["pipeline"][0]
    assert "Copy" in errors["pipeline"][0]


def test_a_parameter_out_of_range_is_refused_at_its_field(target, make_product):
    errors = refusal(
        "Adjustable", target=target, products=[make_product(target)], parameters={"radius": 0.1}
    )

    assert list(errors) == ["radius"]
    assert "greater than or equal to 1" in errors["radius"][0]


def test_suffixes_and_the_pipelines_own_rule_name_the_file(target, make_product):
    text = make_product(target, "notes.txt")
    dark = make_product(target, "dark.fits")

    errors = refusal("OnlyFits", target=target, products=[text, dark])

    assert errors["products"] == [
        "File 'notes.txt' does not end an allowed filename suffix (.fits, .fits.fz)",
        "dark.fits: it is dark",
    ]


def test_suffixes_are_compared_without_case(target, make_product):
    product = make_product(target, "FRAME.FITS")

    assert submission.submit("OnlyFits", target=target, products=[product]).pk


def test_more_files_than_the_pipeline_takes_are_refused(target, make_product):
    products = [make_product(target, f"{number}.fits") for number in range(3)]

    errors = refusal("OnlyFits", target=target, products=products)

    assert errors["products"] == ["Select at most 2 files; 3 are selected."]


def test_what_a_user_may_not_see_does_not_exist_for_them(make_target, make_product, user):
    secret = make_target("Secret", permissions="PRIVATE")
    product = make_product(secret)

    errors = refusal("Copy", target=secret, products=[product], user=user)

    assert errors == {
        "target": ["There is no such target."],
        "products": ["One of the files does not exist."],
    }


def test_anonymous_visitors_are_asked_to_log_in(make_target, make_product):
    target = make_target(permissions="OPEN")

    errors = refusal("Copy", target=target, products=[make_product(target)], user=AnonymousUser())

    assert errors["__all__"] == ["Log in to run pipelines."]


def test_an_executor_that_does_not_exist_is_named(target, make_product):
    errors = refusal("Copy", target=target, products=[make_product(target)], executor="moon")

    assert "'moon'" in errors["__all__"][0]


def test_the_same_key_makes_one_process(target, make_product, user):
    product = make_product(target)
    first = submission.submit("Copy", target=target, products=[product], user=user, key="k1")

    again = submission.submit("Copy", target=target, products=[product], user=user, key="k1")

    assert again.pk == first.pk
    assert PipelineProcess.objects.count() == 1


def test_two_submissions_within_a_second_are_two_processes(target, make_product):
    product = make_product(target)

    first, second = (submission.submit("Copy", target=target, products=[product]) for _ in "ab")

    assert first.identifier != second.identifier


def test_limits_per_user_are_refused_with_the_number(target, make_product, user, settings):
    settings.TOM_PIPELINES = {**settings.TOM_PIPELINES, "MAX_QUEUED_PER_USER": 2}
    product = make_product(target)
    for _ in range(2):
        submission.submit("Copy", target=target, products=[product], user=user)

    with pytest.raises(SubmissionRefused, match="2 processes waiting, and this site allows 2"):
        submission.submit("Copy", target=target, products=[product], user=user)

    other = User.objects.create_user("other")
    assert submission.submit("Copy", target=target, products=[product], user=other).pk


def test_a_queued_process_is_cancelled_at_once(target, make_product, user):
    process = submission.submit("Copy", target=target, products=[make_product(target)])

    assert submission.cancel(process, user, origin="page")

    assert process.state == "cancelled"
    assert process.terminal_timestamp is not None
    assert process.events.last().user == user


def test_a_finished_process_is_not_cancelled(target, make_product):
    process = submission.submit("Copy", target=target, products=[make_product(target)])
    submission.cancel(process)

    assert not submission.cancel(process)
    assert process.state == "cancelled"


def test_running_again_takes_the_same_files_and_other_parameters(target, make_product):
    product = make_product(target)
    first = submission.submit(
        "Adjustable", target=target, products=[product], parameters={"radius": 4}
    )

    again = submission.run_again(first, parameters={**first.parameters, "radius": 9})

    assert list(again.input_files.all()) == [product]
    assert (first.parameters["radius"], again.parameters["radius"]) == (4.0, 9.0)


@pytest.mark.django_db(transaction=True)
def test_many_requests_with_one_key_at_once_make_one_process(target, make_product, user):
    product = make_product(target)
    made: list[int] = []
    barrier = threading.Barrier(8)

    def submit() -> None:
        barrier.wait(timeout=30)
        try:
            made.append(
                submission.submit(
                    "Copy", target=target, products=[product], user=user, key="double click"
                ).pk
            )
        finally:
            connection.close()

    threads = [threading.Thread(target=submit) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    assert len(made) == 8
    assert len(set(made)) == 1
    assert PipelineProcess.objects.count() == 1
