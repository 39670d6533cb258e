from __future__ import annotations

import json
import threading

import pytest
from django.contrib.auth.models import User
from django.db import connection
from rest_framework.test import APIClient

from tom_pipeline_core.exceptions import SubmissionRefused
from tom_pipeline_core.models import FileFacts, PipelineProcess
from tom_pipeline_core.submission import submit

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("samples")]

LIST = "/api/pipelines/processes/"
FITS = b"".join(
    card.ljust(80)
    for card in (b"SIMPLE  =                    T", b"BITPIX  =                    8",
                 b"NAXIS   =                    0", b"END")
).ljust(2880)  # fmt: skip
PREFLIGHT = "/api/pipelines/preflight/"


def body(target, *products, pipeline="Copy", **more):
    return {
        "pipeline": pipeline,
        "target": target.pk,
        "products": [product.pk for product in products],
        **more,
    }


def refused(answer, status=422):
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    assert not PipelineProcess.objects.exists()
    return answer.json().get("errors")


def test_a_submission_is_created_with_its_place_and_recorded_as_from_the_api(
    api, target, make_product, user
):
    product = make_product(target)

    answer = api.post(
        LIST, body(target, product, pipeline="Adjustable", parameters={"radius": 4}), "json"
    )

    assert answer.status_code == 201
    assert api.get(answer["Location"]).json()["id"] == answer.json()["id"]
    process = PipelineProcess.objects.get()
    assert (process.user, process.parameters["radius"]) == (user, 4.0)
    assert list(process.input_files.all()) == [product]
    event = process.events.get()
    assert (event.value, event.user, event.origin) == ("queued", user, "api")


def test_a_refusal_has_the_words_of_the_form(api, target, make_product, user):
    product = make_product(target)

    errors = refused(
        api.post(
            LIST,
            body(target, product, pipeline="Adjustable", parameters={"radius": 0.1, "method": "x"}),
            "json",
        )
    )

    with pytest.raises(SubmissionRefused) as form:
        submit(
            "Adjustable",
            target=target,
            products=[product],
            parameters={"radius": 0.1, "method": "x"},
            user=user,
        )
    assert errors == form.value.errors
    assert set(errors) == {"radius", "method"}


def test_what_is_missing_is_asked_for_as_on_the_page(api, target):
    assert refused(api.post(LIST, {}, "json")) == {
        "pipeline": ["Choose a pipeline."],
        "target": ["Choose a target."],
    }
    assert refused(api.post(LIST, body(target), "json")) == {
        "products": ["Select at least one file."]
    }


def test_unknown_names_are_refused_with_the_nearest(api, target, make_product):
    errors = refused(api.post(LIST, body(target, make_product(target), parameter={}), "json"))

    assert "Did you mean 'parameters'?" in errors["parameter"][0]


def test_a_hidden_target_answers_as_one_that_does_not_exist(api, target, make_target, make_product):
    hidden = make_target("Secret", permissions="PRIVATE")
    product = make_product(hidden)

    secret = refused(api.post(LIST, body(hidden, product), "json"))
    absent = refused(
        api.post(LIST, {"pipeline": "Copy", "target": 999_999, "products": [999_999]}, "json")
    )

    assert secret == absent
    assert secret["target"] == ["There is no such target."]


def test_one_hidden_file_among_others_refuses_the_whole(api, target, make_target, make_product):
    hidden = make_product(make_target("Secret", permissions="PRIVATE"), "secret_name.fits")

    answer = api.post(LIST, body(target, make_product(target), hidden), "json")

    assert refused(answer) == {"products": ["One of the files does not exist."]}
    assert b"secret_name" not in answer.content


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (b"[1, 2]", "a JSON object, not a list"),
        (b'"text"', "a JSON object, not a text"),
        (b"null", "a JSON object, not null"),
        (b"{", "not JSON"),
        (b'{"a": NaN}', "not JSON"),
        (b'{"a": 1e999}', "too large"),
        (b"\xff\xfe", "not UTF-8"),
        (b'{"a": ' + b"[" * 50 + b"]" * 50 + b"}", "nested deeper"),
        (b'{"a": ' + b"[" * 200_000 + b"]" * 200_000 + b"}", "nested deeper"),
        (b'{"a": "\\u0000"}', "NUL"),
        (b'{"a": "\\ud800"}', "surrogate"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not JSON"),
    ],
)
def test_malformed_json_is_told_what_is_wrong(api, sent, words):
    answer = api.post(LIST, sent, content_type="application/json")

    refused(answer, 400)
    assert words in answer.json()["detail"]


def test_another_media_type_is_refused(api):
    refused(api.post(LIST, {"pipeline": "Copy"}, "multipart"), 415)


def test_parameters_of_ten_megabytes_are_refused_by_their_size(api, target, make_product):
    answer = api.post(
        LIST, body(target, make_product(target), parameters={"a": "x" * 10_000_000}), "json"
    )

    refused(answer, 413)
    assert "2621440 bytes" in answer.json()["detail"]


def test_five_thousand_files_are_taken_and_one_more_is_not(api, target, make_product):
    from tom_dataproducts.models import DataProduct

    stored = make_product(target).data.name
    DataProduct.objects.bulk_create(
        DataProduct(target=target, data=stored, data_product_type="") for _ in range(5000)
    )
    keys = list(DataProduct.objects.values_list("pk", flat=True))

    over = api.post(LIST, {"pipeline": "Copy", "target": target.pk, "products": keys}, "json")
    assert refused(over) == {"products": ["Select at most 5000 files."]}
    most = api.post(
        LIST, {"pipeline": "Copy", "target": target.pk, "products": keys[:5000]}, "json"
    )
    assert most.status_code == 201
    assert PipelineProcess.objects.get().inputs.count() == 5000


@pytest.mark.parametrize(
    "parameters",
    [
        {"since": 5},
        {"since": ["2026-01-01"]},
        {"since": {}},
        {"radius": []},
        {"radius": {"a": 1}},
        {"radius": "x"},
        {"radius": True},
        {"method": ["sum"]},
        {"verbose": {}},
        {"radius": 10**400},
    ],
)
def test_values_of_the_wrong_kind_are_errors_of_their_field(api, target, make_product, parameters):
    answer = api.post(
        LIST,
        body(target, make_product(target), pipeline="Adjustable", parameters=parameters),
        "json",
    )

    assert list(refused(answer)) == list(parameters)


@pytest.mark.parametrize(
    "change",
    [
        {"pipeline": 5},
        {"target": "1"},
        {"target": True},
        {"target": 10**30},
        {"target": -1},
        {"products": "1"},
        {"products": [1.5]},
        {"products": ["1"]},
        {"parameters": []},
        {"match": {}},
        {"match": [{}, 1]},
        {"match": {"nam": "*"}},
    ],
)
def test_fields_of_the_wrong_kind_are_errors_of_their_field(api, target, make_product, change):
    answer = api.post(LIST, {**body(target, make_product(target)), **change}, "json")

    assert next(iter(change)) in refused(answer)


def test_files_are_chosen_by_what_they_are(api, target, make_product):
    names = ("a_r.FITS", "b_r.fits", "c_g.fits", "notes.txt")
    products = {name: make_product(target, name) for name in names}
    for name, band in (("a_r.FITS", "R"), ("b_r.fits", "r"), ("c_g.fits", "g")):
        FileFacts.objects.create(product=products[name], kind="image", band=band)

    answer = api.post(
        LIST,
        {"pipeline": "Copy", "target": target.pk, "match": {"name": "*.fits", "band": "r"}},
        "json",
    )

    assert answer.status_code == 201
    process = PipelineProcess.objects.get()
    assert sorted(process.inputs.values_list("name", flat=True)) == ["a_r.FITS", "b_r.fits"]


def test_no_match_is_an_error_and_not_all_files(api, target, make_product):
    make_product(target, "a.fits")

    none = {"pipeline": "Copy", "target": target.pk, "match": {"name": "b*"}}

    assert refused(api.post(LIST, none, "json")) == {"products": ["No file of the target matches."]}


def test_the_same_key_answers_with_the_same_process(api, target, make_product):
    sent = body(target, make_product(target), pipeline="Adjustable", parameters={"radius": 4})

    first, again = (api.post(LIST, sent, "json", HTTP_IDEMPOTENCY_KEY="one") for _ in range(2))

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    assert PipelineProcess.objects.count() == 1


def test_the_same_key_with_another_request_is_refused(api, target, make_product):
    product = make_product(target)
    api.post(LIST, body(target, product), "json", HTTP_IDEMPOTENCY_KEY="one")

    for other in (
        body(target, product, pipeline="Nothing"),
        body(target, product, make_product(target, "b.fits")),
    ):
        answer = api.post(LIST, other, "json", HTTP_IDEMPOTENCY_KEY="one")
        assert answer.status_code == 422
        assert "use a new one" in answer.json()["errors"]["Idempotency-Key"][0]
    assert PipelineProcess.objects.count() == 1


def test_keys_of_two_users_do_not_meet(as_user, target, make_product):
    sent = body(target, make_product(target))
    users = [User.objects.create_user(name) for name in ("a", "b")]

    answers = [as_user(user).post(LIST, sent, "json", HTTP_IDEMPOTENCY_KEY="one") for user in users]

    assert [answer.status_code for answer in answers] == [201, 201]


@pytest.mark.parametrize("key", ["", "x" * 101, "two words", "é"])
def test_a_key_that_cannot_be_kept_is_refused(api, target, make_product, key):
    answer = api.post(LIST, body(target, make_product(target)), "json", HTTP_IDEMPOTENCY_KEY=key)

    refused(answer, 400)


@pytest.mark.django_db(transaction=True)
def test_many_requests_with_one_key_at_once_make_one_process(as_user, target, make_product, user):
    sent = json.dumps(body(target, make_product(target)))
    token = as_user(user)._credentials
    barrier = threading.Barrier(8)
    answers: list[tuple[int, int]] = []

    def post() -> None:
        client = APIClient(raise_request_exception=False)
        client.credentials(**token)
        barrier.wait(timeout=30)
        try:
            answer = client.post(
                LIST, sent, content_type="application/json", HTTP_IDEMPOTENCY_KEY="one"
            )
            answers.append((answer.status_code, answer.json()["id"]))
        finally:
            connection.close()

    threads = [threading.Thread(target=post) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    assert len(answers) == 8
    assert {status for status, _ in answers} <= {200, 201}
    assert len({pk for _, pk in answers}) == 1
    assert PipelineProcess.objects.count() == 1


def test_a_preflight_says_what_a_submission_would_and_makes_nothing(api, target, make_product):
    good, bad = make_product(target, "a.fits", FITS), make_product(target, "notes.txt")

    fine = api.post(PREFLIGHT, body(target, good, pipeline="OnlyFits"), "json").json()
    refusal = api.post(PREFLIGHT, body(target, good, bad, pipeline="OnlyFits"), "json").json()

    assert (fine["accepted"], fine["errors"], fine["products"]) == (True, {}, 1)
    assert refusal["accepted"] is False
    assert "notes.txt" in refusal["errors"]["products"][0]
    assert not PipelineProcess.objects.exists()


def test_files_that_cannot_be_what_the_pipeline_asks_for_block_as_on_the_page(
    api, target, make_product
):
    broken = make_product(target, "broken.fits", b"this is no FITS file")
    sent = body(target, broken, pipeline="OnlyFits")

    looked = api.post(PREFLIGHT, sent, "json").json()
    errors = refused(api.post(LIST, sent, "json"))

    finding = next(found for found in looked["findings"] if found["level"] == "error")
    assert finding["files"][0]["product"] == broken.pk
    assert looked["accepted"] is False
    assert finding["message"] in errors["products"][0]
    assert "broken.fits" in errors["products"][0]


def test_a_preflight_fills_in_defaults(api, target, make_product):
    answer = api.post(PREFLIGHT, body(target, make_product(target), pipeline="Adjustable"), "json")

    assert answer.json()["parameters"] == {
        "radius": 6.0,
        "method": "sum",
        "verbose": True,
        "since": None,
    }


def test_files_are_listed_with_the_reason_for_which_a_pipeline_refuses_them(
    api, target, make_product
):
    make_product(target, "a.fits")
    make_product(target, "dark.fits")

    rows = api.get(f"/api/pipelines/inputs/?target={target.pk}&pipeline=OnlyFits").json()["results"]
    only = api.get(f"/api/pipelines/inputs/?target={target.pk}&name=a.*").json()["results"]

    assert [(row["name"], row["refusal"]) for row in rows] == [
        ("a.fits", ""),
        ("dark.fits", "dark.fits: it is dark"),
    ]
    assert [row["name"] for row in only] == ["a.fits"]


def test_submitting_has_a_rate_of_its_own(api, target, make_product, settings, monkeypatch):
    from tom_pipeline_core.rest_api import throttling

    monkeypatch.setitem(throttling.DEFAULT_RATES, "pipelines-submit", "2/hour")
    sent = body(target, make_product(target))

    answers = [api.post(LIST, sent, "json") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert int(answers[-1]["Retry-After"]) > 0
    assert api.get(LIST).status_code == 200
