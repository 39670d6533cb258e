"""What front ends of old get at the addresses of old, and what they no longer get."""

from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest
from django.urls import reverse
from tom_dataproducts.models import DataProduct, PhotometryReducedDatum
from tom_education.models import AsyncProcess, PipelineProcess
from tom_targets.models import TargetExtra

from plugins.tom_education.tests import old_pipelines
from tests.running import run
from tom_pipeline_core.models import PipelineProcess as CoreProcess
from tom_pipeline_core.supervisor import Supervisor

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("old_pipelines"),
    pytest.mark.urls("plugins.tom_education.tests.urls"),
]


@pytest.fixture
def product(make_target, make_product):
    """A file of a target that everybody may see."""
    return make_product(make_target(permissions="OPEN"), "frame.txt")


@pytest.fixture
def private(make_target, make_product):
    return make_product(make_target("Secret", permissions="PRIVATE"), "secret.fits")


def get(client, name, **kwargs):
    return client.get(reverse(f"tom_education:{name}", kwargs=kwargs))


def post(client, target, **data):
    return client.post(reverse("tom_education:target_data", kwargs={"pk": target.pk}), data)


# -- the list of a target's processes ----------------------------------------------------------


def test_the_status_list_has_the_fields_and_types_of_old(client, product):
    AsyncProcess.objects.create(identifier="errand", target=product.target)
    process = run("Refusing", product)

    answer = get(client, "async_process_status_api", target=product.target.pk).json()

    assert isinstance(answer["timestamp"], float)
    first, second = answer["processes"]
    assert first == {
        "identifier": process.identifier,
        "created": process.created.timestamp(),
        "status": "failed",
        "terminal_timestamp": process.terminal_timestamp.timestamp(),
        "failure_message": "no star",
        "view_url": f"/pipeline/{process.pk}",
        "process_type": "Refusing",
    }
    assert second["identifier"] == "errand"
    assert second["terminal_timestamp"] is None
    assert second["failure_message"] is None
    assert second["view_url"] is None


def test_the_status_list_costs_no_query_a_process(client, product, django_assert_max_num_queries):
    for _ in range(10):
        old_pipelines.WithMeta.create_timestamped(product.target, [product])

    with django_assert_max_num_queries(8):
        answer = get(client, "async_process_status_api", target=product.target.pk).json()

    assert len(answer["processes"]) == 10


def test_a_cancelled_process_is_over_for_front_ends_that_know_no_such_word(client, product):
    from tom_pipeline_core import submission

    submission.cancel(submission.submit("WithMeta", target=product.target, products=[product]))

    (listed,) = get(client, "async_process_status_api", target=product.target.pk).json()[
        "processes"
    ]
    assert (listed["status"], listed["failure_message"]) == ("failed", "Cancelled")


@pytest.mark.parametrize(
    "address",
    [
        "/api/async/status/999/",
        "/api/async/status/abc/",
        "/api/pipeline/logs/999/",
        "/api/pipeline/logs/abc/",
        "/api/target/999/",
    ],
)
def test_what_is_unknown_is_404(client, db, address):
    assert client.get(address).status_code == 404


# -- one process --------------------------------------------------------------------------------


def test_the_log_of_a_process_has_nine_fields(client, product):
    process = old_pipelines.WithMeta.create_timestamped(product.target, [product])
    before = get(client, "pipeline_api", pk=process.pk).json()
    process.run()
    after = get(client, "pipeline_api", pk=process.pk).json()

    assert set(before) == {
        "identifier", "created", "status", "terminal_timestamp", "failure_message", "view_url",
        "logs", "group_name", "group_url",
    }  # fmt: skip
    assert (before["logs"], before["group_name"], before["group_url"]) == ("", None, None)
    assert after["logs"].startswith("doing the thing\nand another thing\n")
    assert after["group_name"] == f"{process.identifier}_outputs"
    assert after["group_url"] == f"/dataproducts/data/group/{process.group.pk}/"
    assert after["status"] == "created"


def test_a_status_of_the_pipelines_own_is_shown(client, product):
    process = old_pipelines.WithMeta.create_timestamped(product.target, [product])
    process.update_status("<b>half way</b> " + "x" * 60)

    answer = get(client, "pipeline_api", pk=process.pk).json()

    assert answer["status"] == "<b>half way</b> " + "x" * 60


def test_the_page_of_a_process_is_the_cores(client, product):
    process = run("WithMeta", product)

    assert get(client, "pipeline_detail", pk=process.pk).headers["Location"] == (
        process.get_absolute_url()
    )


# -- permissions ----------------------------------------------------------------------------------


def test_a_private_targets_processes_do_not_exist_for_others(client, user, superuser, private):
    process = run("WithMeta", private)
    addresses = [
        reverse("tom_education:async_process_status_api", kwargs={"target": private.target.pk}),
        reverse("tom_education:pipeline_api", kwargs={"pk": process.pk}),
        reverse("tom_education:target_api", kwargs={"pk": private.target.pk}),
        reverse("tom_education:photometry_download", kwargs={"pk": private.target.pk}),
        reverse("tom_education:target_data", kwargs={"pk": private.target.pk}),
    ]

    assert {client.get(address).status_code for address in addresses} == {404}
    client.force_login(user)
    assert {client.get(address).status_code for address in addresses} == {404}
    assert post(client, private.target, action="pipeline").status_code == 404
    client.force_login(superuser)
    assert {client.get(address).status_code for address in addresses} == {200}


def test_nobody_starts_a_pipeline_without_logging_in(client, product):
    answer = post(
        client,
        product.target,
        action="pipeline",
        pipeline_name="WithMeta",
        **{str(product.pk): "on"},
    )

    assert (answer.status_code, answer.headers["Location"][:16]) == (302, "/accounts/login/")
    assert not CoreProcess.objects.exists()


# -- starting pipelines -----------------------------------------------------------------------------


def test_the_page_lists_pipelines_and_flags(client, user, product, settings):
    settings.TOM_EDUCATION_PIPELINES = {
        **settings.TOM_EDUCATION_PIPELINES,
        "Broken setting": "no.such.Class",
    }
    client.force_login(user)

    answer = get(client, "target_data", pk=product.target.pk)

    names = answer.context["pipeline_names"]
    assert names == sorted(names)
    assert {"WithMeta", "Flagged"} <= set(names)
    assert answer.context["pipeline_flags"]["Flagged"] == old_pipelines.Flagged.flags
    assert "WithMeta" not in answer.context["pipeline_flags"]
    assert f'name="{product.pk}"' in answer.content.decode()


def test_a_pipeline_is_started_and_runs(client, user, product, django_capture_on_commit_callbacks):
    client.force_login(user)

    answer = post(
        client,
        product.target,
        action="pipeline",
        pipeline_name="WithMeta",
        **{str(product.pk): "on"},
    )

    assert answer.json() == {"ok": True}
    process = PipelineProcess.objects.get()
    assert process.identifier.startswith("withmeta_")
    assert process.flags_json is None
    assert process.user == user
    Supervisor().run(process.pk)
    process.refresh_from_db()
    assert process.status == "created"


def test_flags_of_the_form_are_true_by_presence_and_false_by_absence(client, user, product):
    client.force_login(user)

    post(
        client,
        product.target,
        action="pipeline",
        pipeline_name="Flagged",
        pipeline_flag_plot="no",
        pipeline_flag_unknown="on",
        **{str(product.pk): "on"},
    )

    process = PipelineProcess.objects.get()
    assert json.loads(process.flags_json) == {"plot": True, "quick": False}
    Supervisor().run(process.pk)
    assert "[('plot', True), ('quick', False)]" in process.logs


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"action": "pipeline"}, "No pipeline_name given"),
        ({"action": "pipeline", "pipeline_name": "<i>No</i>"}, "Invalid pipeline name '<i>No</i>'"),
        ({"action": "dance"}, "Invalid action 'dance'"),
        (
            {"action": "pipeline", "pipeline_name": "Archives"},
            "does not end an allowed filename suffix (.tar, .7z)",
        ),
    ],
)
def test_what_cannot_be_done_is_400_in_plain_text(client, user, product, data, text):
    client.force_login(user)

    answer = post(client, product.target, **data, **{str(product.pk): "on"})

    assert answer.status_code == 400
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert text in answer.content.decode()
    assert not CoreProcess.objects.exists()


def test_no_product_or_another_targets_shows_the_page_again(
    client, user, product, make_target, make_product
):
    other = make_product(make_target("Other"), "other.fits")
    client.force_login(user)

    for chosen in ({}, {str(other.pk): "on"}):
        answer = post(client, product.target, action="pipeline", pipeline_name="WithMeta", **chosen)
        assert answer.status_code == 200
        assert "No data product selected" in answer.content.decode()
    assert not CoreProcess.objects.exists()


def test_products_without_a_product_id_can_be_chosen(client, user, product):
    assert product.product_id is None
    client.force_login(user)

    answer = post(
        client,
        product.target,
        action="pipeline",
        pipeline_name="WithMeta",
        **{str(product.pk): "on"},
    )

    assert answer.json() == {"ok": True}


# -- a target -----------------------------------------------------------------------------------------


def test_a_target_is_described_by_name_extra_fields_and_data(
    client, product, make_product, settings
):
    settings.EXTRA_FIELDS = [{"name": "mass", "type": "string"}]
    TargetExtra.objects.create(target=product.target, key="mass", value="1.5")
    make_product(product.target, "old.png", data_product_type="plot")
    newest = make_product(product.target, "new.png", data_product_type="plot")

    answer = get(client, "target_api", pk=product.target.pk).json()

    assert set(answer["target"]) == {"name", "extra_fields"}
    assert answer["target"]["name"] == product.target.name
    assert answer["target"]["extra_fields"]["mass"] == "1.5"
    assert answer["timelapses"] == []
    assert answer["data"] == {
        "csv": f"http://testserver/targets/{product.target.pk}/data/download/",
        "plot": newest.data.url,
    }


def test_timelapses_of_a_target_are_those_that_were_made_latest_first(
    client, product, make_product
):
    from tom_dataproducts.models import DataProductGroup

    made = []
    for day, state in ((1, "succeeded"), (3, "succeeded"), (2, "failed")):
        group = DataProductGroup.objects.create(name=f"group {day}")
        movie = make_product(product.target, f"t{day}.gif", b"GIF89a")
        movie.group.add(group)
        process = CoreProcess.objects.create(
            target=product.target,
            identifier=f"tl_{day}",
            process_type="tom_education.models.timelapse.TimelapsePipeline",
            state=state,
            group=group,
            terminal_timestamp=datetime(2019, 1, day, tzinfo=timezone.utc),
        )
        process.input_files.add(product)
        made.append((process, movie))

    listed = get(client, "target_api", pk=product.target.pk).json()["timelapses"]

    assert [entry["created"] for entry in listed] == [1546473600.0, 1546300800.0]
    movie = DataProduct.objects.get(pk=made[1][1].pk)
    assert listed[0]["url"] == movie.data.url
    assert listed[0]["format"] == "gif"
    assert listed[0]["frames"] == 1
    assert movie.data.name.endswith(listed[0]["name"])


def test_photometry_is_downloaded_as_lines_of_time_magnitude_and_error(client, product):
    run("Curve", product)

    answer = get(client, "photometry_download", pk=product.target.pk)

    lines = answer.content.decode().splitlines()
    assert answer.headers["Content-Disposition"] == 'attachment; filename="sn_2026abc.csv"'
    assert lines[0] == "2020-01-01T12:00:00+00:00,12.5,0.01"
    assert len(lines) == PhotometryReducedDatum.objects.count() == 4


def test_every_name_of_old_pages_leads_somewhere(client, superuser, product):
    client.force_login(superuser)
    for name, kwargs in {
        "gallery": {},
        "target_create": {},
        "target_detail": {"pk": product.target.pk},
        "target_update": {"pk": product.target.pk},
    }.items():
        answer = client.get(reverse(f"tom_education:{name}", kwargs=kwargs), follow=True)
        assert answer.status_code == 200, name
