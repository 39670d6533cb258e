"""The page of one process."""

from __future__ import annotations

import logging
import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from tom_dataproducts.models import DataProduct
from tom_targets.base_models import BaseTarget

from tests.conftest import MakeProduct, MakeTarget
from tests.running import run
from tom_pipeline_core.models import LogLine, PipelineProcess

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("samples")]


def page(client: Client, process: PipelineProcess, tab: str = "") -> str:
    response = client.get(process.get_absolute_url(), {"tab": tab} if tab else {})
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def without_token(content: bytes) -> bytes:
    """Return a page without what is new in each answer."""
    return re.sub(rb'csrfmiddlewaretoken" value="\w+"', b"", content)


def test_a_success_shows_images_points_files_and_the_group(
    signed_in: Client, user: User, product: DataProduct
) -> None:
    process = run("Typed", product, user=user)
    image = process.outputs.get(kind="plot")
    PipelineProcess.objects.update(terminal_timestamp=timezone.now() - timedelta(seconds=6))

    content = page(signed_in, process)

    assert "Succeeded" in content
    assert 'alt="The light curve"' in content
    assert reverse("tom_pipeline_core:process-output-image", args=[process.pk, image.pk]) in content
    assert "2 points saved" in content
    assert f"/targets/{product.target_id}/?tab=photometry" in content
    assert "typed_table.csv" in content
    assert reverse("tom_pipeline_core:process-download-all", args=[process.pk]) in content
    assert reverse("tom_dataproducts:group-detail", args=[process.group_id]) in content
    assert "fwhm" in content
    assert "hx-get" not in re.search(r'<div id="tpc-poller".*?>', content)[0]  # type: ignore[index]


def test_a_failure_says_what_happened_why_and_what_to_try(
    signed_in: Client, user: User, product: DataProduct
) -> None:
    process = run("Refusing", product, user=user)

    content = page(signed_in, process)

    assert "No star in frame.fits: point the telescope at the sky" in content
    assert "Likely cause" in content
    assert "What to try" in content
    assert "about to fail" in content  # the log is what opens


@pytest.mark.parametrize("who", ["user", "superuser"])
def test_only_staff_read_tracebacks(
    request: pytest.FixtureRequest, client: Client, product: DataProduct, who: str
) -> None:
    process = run("Raising", product)
    client.force_login(request.getfixturevalue(who))

    content = page(client, process)

    assert "the sky is flat" in content
    assert ("ZeroDivisionError(" in content) == (who == "superuser")


def test_the_log_shows_its_tail_first_and_older_lines_by_a_link(
    signed_in: Client, target: BaseTarget
) -> None:
    process = PipelineProcess.objects.create(target=target)
    LogLine.objects.bulk_create(
        LogLine(process=process, time=timezone.now(), text=f"line {number}")
        for number in range(1200)
    )

    content = page(signed_in, process, "log")
    assert "line 1199<" in content
    assert "line 699<" not in content
    assert "1200 lines" in content

    older = re.search(r'class="btn btn-sm btn-secondary" href="([^"]+)" hx-get="([^"]+)"', content)
    assert older is not None
    for address in (process.get_absolute_url() + older[1], older[2]):  # without and with scripts
        answer = signed_in.get(address.replace("&amp;", "&")).content.decode()
        assert "line 699<" in answer
        assert "line 200<" in answer
        assert "line 700<" not in answer


def test_the_log_is_searched_by_text_and_level_and_counts_what_it_found(
    signed_in: Client, target: BaseTarget
) -> None:
    process = PipelineProcess.objects.create(target=target)
    process.log("star found")
    process.log("star lost", level=logging.WARNING)
    process.log("cloud", level=logging.ERROR)
    address = process.get_absolute_url()

    found = signed_in.get(address, {"tab": "log", "q": "STAR"}).content.decode()
    assert "star found" in found
    assert "star lost" in found
    assert "cloud" not in found
    assert "2 of 3 lines match" in found

    found = signed_in.get(address, {"tab": "log", "q": "star", "level": "30"}).content.decode()
    assert "star found" not in found
    assert "star lost" in found


def test_the_log_is_downloaded_as_text_with_times_levels_and_no_colour_codes(
    signed_in: Client, target: BaseTarget
) -> None:
    process = PipelineProcess.objects.create(target=target)
    process.log("\x1b[31mred\x1b[0m star")
    process.log("cloud", level=logging.ERROR)

    response = signed_in.get(reverse("tom_pipeline_core:process-log-text", args=[process.pk]))

    lines = b"".join(response.streaming_content).decode().splitlines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO red star", lines[0])
    assert lines[1].endswith("Z ERROR cloud")
    assert response["Content-Disposition"] == f'attachment; filename="{process.identifier}.log"'
    assert response["X-Content-Type-Options"] == "nosniff"


def test_inputs_say_what_became_of_each(
    signed_in: Client, target: BaseTarget, make_product: MakeProduct
) -> None:
    good, bad = make_product(target, "good.fits"), make_product(target, "bad.fits")
    process = run("Skipping", good, bad)
    good.delete()

    content = page(signed_in, process, "inputs")

    assert "2 files, 1 skipped" in content
    assert "no WCS in its header" in content
    assert "good.fits <span" in content  # its row outlives the file, without a link
    assert "no longer there" in content


def test_parameters_that_differ_from_the_default_are_marked(
    signed_in: Client, product: DataProduct
) -> None:
    process = run("Adjustable", product, parameters={"radius": 8})

    content = page(signed_in, process, "parameters")

    assert content.count("changed</span>") == 1
    assert re.search(r'8\.0 <span class="badge text-bg-primary">changed', content)
    assert "&quot;radius&quot;: 8.0" in content


def test_a_process_whose_plugin_is_gone_stays_readable(
    signed_in: Client, product: DataProduct, settings
) -> None:
    process = run("Adjustable", product)
    settings.TOM_EDUCATION_PIPELINES = {}

    for tab in ("outputs", "log", "inputs", "parameters", "about"):
        assert "Adjustable" in page(signed_in, process, tab)
    assert "its defaults are not known" in page(signed_in, process, "parameters")


def test_about_names_the_code_and_the_place(signed_in: Client, product: DataProduct) -> None:
    process = run("Copy", product)

    content = page(signed_in, process, "about")

    assert "tests.sample_pipelines.Copy" in content
    assert "settings:Copy" in content
    assert process.worker in content


def test_a_process_of_a_target_that_is_hidden_does_not_exist(
    signed_in: Client, make_target: MakeTarget
) -> None:
    process = PipelineProcess.objects.create(target=make_target(permissions="PRIVATE"))

    hidden = signed_in.get(process.get_absolute_url())
    absent = signed_in.get(reverse("tom_pipeline_core:process-detail", args=[process.pk + 1]))

    assert hidden.status_code == absent.status_code == 404
    assert without_token(hidden.content) == without_token(absent.content)


def test_everything_that_a_pipeline_says_is_text(
    signed_in: Client, target: BaseTarget, make_product: MakeProduct
) -> None:
    evil = "<img src=x onerror=alert(1)><script>alert(2)</script>\"'{{7*7}}"
    process = PipelineProcess.objects.create(
        target=target,
        pipeline_name=evil,
        pipeline_version=evil,
        status=evil,
        state="failed",
        failure_kind="pipeline error",
        failure_message=evil,
        parameters={"radius": evil},
        worker=evil,
        terminal_timestamp=timezone.now(),
    )
    process.log(evil)
    process.inputs.create(name=evil, fate="skipped", reason=evil)
    process.outputs.create(kind="plot", name=evil, caption=evil)
    process.measurements.create(name=evil, value=1, unit=evil)
    process.events.create(time=timezone.now(), kind="status", value=evil)

    for tab in ("outputs", "log", "inputs", "parameters", "about"):
        content = page(signed_in, process, tab)
        assert "<img src=x" not in content
        assert "<script>alert" not in content
        assert "&lt;img src=x onerror=alert(1)&gt;" in content


def test_the_owner_cancels_by_post_and_others_cannot(
    client: Client, user: User, superuser: User, target: BaseTarget
) -> None:
    process = PipelineProcess.objects.create(target=target, user=user)
    address = reverse("tom_pipeline_core:process-cancel", args=[process.pk])
    other = User.objects.create_user("ptolemy")

    client.force_login(other)
    assert client.post(address).status_code == 404
    assert "tpc-cancel" not in page(client, process)
    client.force_login(user)
    assert client.get(address).status_code == 405
    process.refresh_from_db()
    assert process.state == "queued"
    assert "tpc-cancel" in page(client, process)

    assert client.post(address).status_code == 302
    process.refresh_from_db()
    assert process.state == "cancelled"
    assert process.events.get(value="cancelled").user == user


def test_state_changes_need_a_csrf_token(user: User, target: BaseTarget) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    process = PipelineProcess.objects.create(target=target, user=user)

    for name in ("process-cancel", "process-run-again"):
        client.post(reverse(f"tom_pipeline_core:{name}", args=[process.pk]))

    assert PipelineProcess.objects.get().state == "queued"


def test_run_again_makes_one_process_however_often_it_is_sent(
    signed_in: Client, user: User, product: DataProduct
) -> None:
    process = run("Adjustable", product, user=user, parameters={"radius": 8})
    address = reverse("tom_pipeline_core:process-run-again", args=[process.pk])

    answers = [signed_in.post(address, {"key": "one"}) for _ in range(2)]

    again = PipelineProcess.objects.exclude(pk=process.pk).get()
    assert {answer["Location"] for answer in answers} == {again.get_absolute_url()}
    assert again.parameters == process.parameters
    assert list(again.input_files.all()) == [product]


def test_run_again_says_why_it_is_refused(
    signed_in: Client, user: User, product: DataProduct, settings
) -> None:
    process = run("Copy", product, user=user)
    settings.TOM_EDUCATION_PIPELINES = {}

    response = signed_in.post(
        reverse("tom_pipeline_core:process-run-again", args=[process.pk]), follow=True
    )

    assert PipelineProcess.objects.count() == 1
    assert "There is no pipeline" in response.content.decode()


def test_fits_among_inputs_and_outputs_have_thumbnails(
    signed_in: Client, target: BaseTarget, make_product: MakeProduct
) -> None:
    process = PipelineProcess.objects.create(target=target, state="succeeded")
    frame, text = make_product(target, "a.fits.fz"), make_product(target, "b.txt")
    for product in (frame, text):
        process.inputs.create(product=product, name=str(product.data.name))
        process.outputs.create(kind="file", product=product, name=str(product.data.name))
    shown = reverse("tom_pipeline_core:create-thumbnail", args=[frame.pk])
    absent = reverse("tom_pipeline_core:create-thumbnail", args=[text.pk])

    for tab in ("inputs", "outputs"):
        assert f'src="{shown}"' in page(signed_in, process, tab)
        assert absent not in page(signed_in, process, tab)
