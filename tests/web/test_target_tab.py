"""The tab of a target."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from tom_targets.base_models import BaseTarget

from tests.conftest import MakeProduct, MakeTarget
from tests.running import run
from tom_pipeline_core.models import InputFile, PipelineProcess

pytestmark = pytest.mark.django_db


def tab(client: Client, target: BaseTarget, **query: object) -> str:
    address = reverse("tom_pipeline_core:target-tab", args=[target.pk])
    response = client.get(address, query, headers={"HX-Request": "true"})
    assert response.status_code == 200
    return response.content.decode()


def test_processes_of_the_target_come_newest_first_and_paged(
    client: Client, user: User, target: BaseTarget, make_target: MakeTarget
) -> None:
    for number in range(20):
        PipelineProcess.objects.create(target=target, user=user, pipeline_name=f"Number {number}.")
    PipelineProcess.objects.create(target=make_target("other"), pipeline_name="Elsewhere")
    client.force_login(user)

    html = tab(client, target)

    assert html.index("Number 19.") < html.index("Number 18.")
    assert "Number 4." not in html
    assert "Elsewhere" not in html
    oldest_shown = PipelineProcess.objects.get(pipeline_name="Number 5.")
    assert "Number 4." in tab(client, target, before=oldest_shown.pk)
    assert reverse("tom_pipeline_core:process-create") + f"?target={target.pk}" in html


def test_it_asks_again_only_while_something_runs(
    client: Client, user: User, target: BaseTarget
) -> None:
    client.force_login(user)
    process = PipelineProcess.objects.create(target=target, user=user)
    assert "every 5s" in tab(client, target)
    PipelineProcess.objects.filter(pk=process.pk).update(state="failed")
    assert "every 5s" not in tab(client, target)


def test_a_process_can_be_narrowed_to(client: Client, user: User, target: BaseTarget) -> None:
    PipelineProcess.objects.create(target=target, pipeline_name="Done", state="succeeded")
    PipelineProcess.objects.create(target=target, pipeline_name="Broken", state="failed", user=user)
    client.force_login(user)
    for show in ("failed", "mine"):
        html = tab(client, target, show=show)
        assert "Broken" in html
        assert "Done" not in html


def test_outputs_and_inputs_are_shown(
    client: Client, user: User, target: BaseTarget, make_product: MakeProduct, samples: None
) -> None:
    process = run("Typed", make_product(target), user=user)
    client.force_login(user)
    html = tab(client, target)
    assert "tpc-output-picture" in html
    assert process.get_absolute_url() in html


def test_photometry_without_a_picture_is_shown_as_a_small_light_curve(
    client: Client, user: User, target: BaseTarget, make_product: MakeProduct, samples: None
) -> None:
    run("ManyPoints", make_product(target), user=user)
    client.force_login(user)
    html = tab(client, target)
    assert 'aria-label="Light curve: 200 points between 15.00 and 15.20 mag"' in html
    assert html.count("<circle") <= 80


def test_outsiders_get_404_and_visitors_of_an_open_target_no_buttons(
    client: Client, user: User, make_target: MakeTarget
) -> None:
    hidden, open_ = make_target("a", permissions="PRIVATE"), make_target("b", permissions="OPEN")
    PipelineProcess.objects.create(target=open_, pipeline_name="Copy")
    client.force_login(user)
    for pk in (hidden.pk, 999):
        assert client.get(reverse("tom_pipeline_core:target-tab", args=[pk])).status_code == 404
    client.logout()
    html = tab(client, open_)
    assert "Copy" in html
    assert "<form" not in html
    assert "New process" not in html


def test_without_scripts_the_tab_is_a_page(client: Client, user: User, target: BaseTarget) -> None:
    client.force_login(user)
    html = client.get(reverse("tom_pipeline_core:target-tab", args=[target.pk])).content.decode()
    assert "<html" in html
    assert f'Pipelines of <a href="/targets/{target.pk}/">' in html


def test_names_are_escaped(client: Client, user: User, make_target: MakeTarget) -> None:
    attack = "<script>alert(1)</script>"
    target = make_target(attack)
    PipelineProcess.objects.create(target=target, pipeline_name=attack, user=user)
    client.force_login(user)
    assert attack not in tab(client, target)


@pytest.mark.parametrize("number", [1, 15])
def test_the_number_of_queries_is_constant(
    client: Client,
    user: User,
    target: BaseTarget,
    make_product: MakeProduct,
    number: int,
    samples: None,
    django_assert_max_num_queries,
) -> None:
    product = make_product(target)
    for index in range(number):
        process = run("ManyPoints" if index % 2 else "Typed", product, user=user)
        InputFile.objects.create(process=process, product=product)
    client.force_login(user)
    with django_assert_max_num_queries(12):
        tab(client, target)
