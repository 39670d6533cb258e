"""The page of a new process: choosing and running, as plain forms."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from tom_targets.base_models import BaseTarget

from tests.conftest import MakeProduct, MakeTarget
from tests.preflight.frames import frame
from tests.web.create.pages import CreatePage
from tom_pipeline_core.models import PipelineProcess

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("samples")]


@pytest.fixture
def member(client: Client, user: User) -> Client:
    client.force_login(user)
    return client


def test_a_process_is_made_of_the_chosen_files_pipeline_and_parameters(
    member: Client, user: User, target: BaseTarget, make_product: MakeProduct
) -> None:
    products = [
        make_product(target, f"frame{number}.fits", frame(DATE_OBS=f"2026-03-0{number + 1}"))
        for number in range(3)
    ]
    page = CreatePage(member, f"?target={target.pk}")

    page.press("choose", product=[products[0].pk, products[2].pk], pipeline="Adjustable")
    response = page.press("run", **{"param-radius": "7.5"})

    process = PipelineProcess.objects.get()
    assert response.url == process.get_absolute_url()
    assert set(process.input_files.all()) == {products[0], products[2]}
    assert process.user == user
    assert process.parameters["radius"] == 7.5


def test_pressing_run_twice_makes_one_process_and_after_a_change_another(
    member: Client, target: BaseTarget, make_product: MakeProduct
) -> None:
    product = make_product(target, "frame.fits", frame())
    page = CreatePage(member, f"?target={target.pk}&product={product.pk}&pipeline=Adjustable")
    form = dict(page.fields)

    addresses = [page.client.post(page.address, {**form, "do": "run"}).url for _ in range(2)]
    changed = page.client.post(page.address, {**form, "do": "run", "param-radius": "9"}).url

    assert addresses[0] == addresses[1] != changed
    assert PipelineProcess.objects.count() == 2


def test_select_all_takes_every_file_that_matches_on_all_pages(
    member: Client, target: BaseTarget, make_product: MakeProduct
) -> None:
    for number in range(60):
        make_product(target, f"{'dark' if number % 3 else 'light'}{number}.fits")
    page = CreatePage(member, f"?target={target.pk}")
    assert len(page.names) == 50

    page.press("filter", q="LIGHT")
    assert len(page.names) == 20
    page.press("select-all")
    page.press("filter", q="")

    assert page.count == 20
    page.press("page:2")
    assert len(page.names) == 10
    assert page.count == 20
    page.press("select-none")
    assert page.count == 0


def test_the_name_filter_reads_the_name_and_not_its_folder(
    member: Client, make_target: MakeTarget, make_product: MakeProduct
) -> None:
    target = make_target("nova")
    make_product(target, "frame.fits")
    page = CreatePage(member, f"?target={target.pk}&q=nova")
    assert page.names == []
    assert CreatePage(member, f"?target={target.pk}&q=FRA+fits").names == ["frame.fits"]


def test_unticking_a_file_takes_it_out(
    member: Client, target: BaseTarget, make_product: MakeProduct
) -> None:
    first, second = make_product(target, "a.fits"), make_product(target, "b.fits")
    page = CreatePage(member, f"?target={target.pk}&product={first.pk}&product={second.pk}")
    assert page.count == 2

    page.press("filter", product=[str(second.pk)])

    assert page.count == 1
    assert page.fields["product"] == [str(second.pk)]


@pytest.mark.parametrize(
    ("changes", "field", "text"),
    [
        ({"product": []}, "products", "Select at least one file"),
        ({"pipeline": ""}, "pipeline", "Choose a pipeline"),
        ({"pipeline": "Nonsense"}, "pipeline", "There is no pipeline 'Nonsense'"),
        ({"param-radius": "99"}, "radius", "less than or equal to 50"),
        ({"param-method": "guess"}, "method", "guess is not one of the available choices"),
    ],
)
def test_bad_input_is_told_at_its_field_and_nothing_is_lost(
    member: Client,
    target: BaseTarget,
    make_product: MakeProduct,
    changes: dict[str, object],
    field: str,
    text: str,
) -> None:
    product = make_product(target, "frame.fits", frame())
    page = CreatePage(member, f"?target={target.pk}&product={product.pk}&pipeline=Adjustable")

    response = page.press("run", **{"param-radius": "7", **changes})

    assert response.status_code == 200
    assert [name for name, _ in page.errors] == [field]
    assert text in page.errors[0][1]
    if "param-radius" not in changes and "pipeline" not in changes:
        assert page.fields["param-radius"] == ["7"]
    assert not PipelineProcess.objects.exists()


def test_a_file_that_is_gone_is_named(
    member: Client, target: BaseTarget, make_product: MakeProduct
) -> None:
    product = make_product(target, "gone.fits")
    product.data.storage.delete(product.data.name)
    page = CreatePage(member, f"?target={target.pk}&product={product.pk}&pipeline=Copy")

    page.press("run")

    assert "gone.fits" in page.errors[0][1]


def test_a_file_that_the_pipeline_does_not_take_is_named_and_its_card_says_so(
    member: Client, target: BaseTarget, make_product: MakeProduct
) -> None:
    product = make_product(target, "notes.txt", "hello")
    page = CreatePage(member, f"?target={target.pk}&product={product.pk}&pipeline=OnlyFits")
    reason = "File 'notes.txt' does not end an allowed filename suffix"
    assert reason in page.response.context["cards"][-1].misfit

    page.press("run")

    assert reason in page.errors[0][1]


def test_a_file_of_another_target_is_refused(
    member: Client, target: BaseTarget, make_target: MakeTarget, make_product: MakeProduct
) -> None:
    other = make_product(make_target("Elsewhere"), "other.fits")
    page = CreatePage(member, f"?target={target.pk}&product={other.pk}&pipeline=Copy")

    page.press("run")

    assert "other.fits belongs to another target" in page.errors[0][1]
    assert not PipelineProcess.objects.exists()


def test_a_hidden_file_is_refused_as_one_that_does_not_exist(
    member: Client, target: BaseTarget, make_target: MakeTarget, make_product: MakeProduct
) -> None:
    hidden = make_product(make_target("Secret", permissions="PRIVATE"), "secret.fits")
    told = []
    for pk in (hidden.pk, hidden.pk + 1000):
        page = CreatePage(member, f"?target={target.pk}&product={pk}&pipeline=Copy")
        page.press("run")
        told.append(page.errors)
        assert "secret.fits" not in page.content
    assert told[0] == told[1] == [("products", "Files: One of the files does not exist.")]


def test_running_again_starts_from_the_earlier_choice(
    member: Client, user: User, target: BaseTarget, make_product: MakeProduct
) -> None:
    product = make_product(target, "frame.fits", frame())
    page = CreatePage(member, f"?target={target.pk}&product={product.pk}&pipeline=Adjustable")
    page.press("run", **{"param-radius": "8"})

    again = CreatePage(member, f"?from={PipelineProcess.objects.get().pk}")

    assert again.fields["product"] == [str(product.pk)]
    assert again.fields["pipeline"] == ["Adjustable"]
    assert again.fields["param-radius"] == ["8.0"]


def test_without_a_target_the_page_offers_those_one_may_see(
    member: Client, target: BaseTarget, make_target: MakeTarget
) -> None:
    make_target("Secret", permissions="PRIVATE")
    html = member.get(reverse("tom_pipeline_core:process-create")).content.decode()
    assert target.name in html
    assert "Secret" not in html


def test_outsiders_find_neither_the_page_nor_an_earlier_process(
    member: Client, make_target: MakeTarget
) -> None:
    hidden = make_target(permissions="PRIVATE")
    process = PipelineProcess.objects.create(target=hidden, pipeline_name="Copy")
    address = reverse("tom_pipeline_core:process-create")
    for query in (f"?target={hidden.pk}", "?target=999", "?target=x", f"?from={process.pk}"):
        assert member.get(address + query).status_code == 404
    assert member.post(address, {"target": hidden.pk, "do": "run"}).status_code == 404


def test_anonymous_visitors_are_asked_to_log_in(client: Client, make_target: MakeTarget) -> None:
    target = make_target(permissions="OPEN")
    response = client.get(reverse("tom_pipeline_core:process-create"), {"target": target.pk})
    assert response.status_code == 302
    assert response.url.startswith("/accounts/login/")


@pytest.mark.parametrize("number", [10, 1000])
def test_the_number_of_queries_does_not_grow_with_the_files(
    member: Client,
    target: BaseTarget,
    make_product: MakeProduct,
    number: int,
    django_assert_max_num_queries,
) -> None:
    from tom_dataproducts.models import DataProduct

    first = make_product(target)
    DataProduct.objects.bulk_create(
        DataProduct(target=target, data=f"x/frame{index}.fits", data_product_type="fits_file")
        for index in range(number - 1)
    )
    address = reverse("tom_pipeline_core:process-create")
    with django_assert_max_num_queries(12):
        member.get(address, {"target": target.pk})
    with django_assert_max_num_queries(17):  # with everything chosen and looked at
        CreatePage(member, f"?target={target.pk}&selected=1-5000&pipeline=Adjustable&q=frame")
    assert first.pk


def test_warnings_are_asked_once(
    member: Client, target: BaseTarget, make_product: MakeProduct
) -> None:
    product = make_product(target, "blind.fits", frame(wcs=False))
    page = CreatePage(member, f"?target={target.pk}&product={product.pk}&pipeline=Copy")

    page.press("run")
    assert "Run anyway" in page.content
    assert "blind.fits" in page.content
    assert not PipelineProcess.objects.exists()

    other = make_product(target, "other.fits", frame(wcs=False, EXPTIME=1.0))
    page.press("run", product=[str(product.pk), str(other.pk)])
    assert not PipelineProcess.objects.exists()
    page.press("run")
    assert PipelineProcess.objects.get().input_files.count() == 2


def test_files_of_a_finding_are_left_out_at_once(
    member: Client, target: BaseTarget, make_product: MakeProduct
) -> None:
    good = make_product(target, "good.fits", frame())
    text = make_product(target, "text.fits", "hello")
    page = CreatePage(
        member, f"?target={target.pk}&product={good.pk}&product={text.pk}&pipeline=OnlyFits"
    )
    page.press("run")
    assert "text.fits (It is not a FITS file: it begins with “hello”.)" in page.errors[0][1]

    dark = make_product(target, "dark.fits", frame(EXPTIME=1.0))
    page.press("check", product=[str(product.pk) for product in (good, text, dark)])
    assert 'value="leave-out:errors"' in page.content
    page.press("leave-out:errors")
    page.press("run")

    assert PipelineProcess.objects.get().input_files.get() == good


def test_filters_use_what_headers_say(
    member: Client, target: BaseTarget, make_product: MakeProduct
) -> None:
    make_product(target, "red.fits", frame(FILTER="r", RLEVEL=91))
    make_product(target, "blue.fits", frame(FILTER="g", INSTRUME="other", RLEVEL=0))
    make_product(target, "late.fits", frame(DATE_OBS="2026-04-01T00:00:00", INSTRUME="third"))
    page = CreatePage(member, f"?target={target.pk}")
    page.press("filter")  # reads the headers

    for narrowed, names in (
        ({"band": "g"}, ["blue.fits"]),
        ({"level": "reduced"}, ["red.fits"]),
        ({"level": "raw"}, ["blue.fits"]),
        ({"since": "2026-03-15", "until": "2026-04-01"}, ["late.fits"]),
        ({"instrument": "other"}, ["blue.fits"]),
        ({"band": "r", "sort": "old"}, ["red.fits", "late.fits"]),
        ({"band": "nonsense"}, ["late.fits", "blue.fits", "red.fits"]),
    ):
        empty = dict.fromkeys(("band", "level", "since", "until", "instrument", "sort"), "")
        page.press("filter", **{**empty, **narrowed})
        assert [name for name in page.names if name in names] == page.names
        assert set(page.names) == set(names)


def test_files_are_narrowed_to_a_group(
    member: Client, target: BaseTarget, make_product: MakeProduct
) -> None:
    from tom_dataproducts.models import DataProductGroup

    make_product(target, "a.fits")
    grouped = make_product(target, "b.fits")
    group = DataProductGroup.objects.create(name="<b>night</b>")
    grouped.group.add(group)

    page = CreatePage(member, f"?target={target.pk}&group={group.pk}")

    assert page.names == ["b.fits"]
    assert "<b>night</b>" not in page.content


def test_htmx_gets_only_the_parts_that_changed(
    member: Client, target: BaseTarget, make_product: MakeProduct
) -> None:
    make_product(target, "a.fits", frame())
    page = CreatePage(member, f"?target={target.pk}")
    fields = {**page.fields, "do": "choose", "pipeline": "Adjustable"}
    html = member.post(page.address, fields, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in html
    assert 'id="tpc-parameters"' in html
    assert 'id="tpc-file-table"' not in html
    assert html.count("hx-swap-oob") == 4


def test_names_and_words_of_others_are_escaped(
    member: Client,
    make_target: MakeTarget,
    make_product: MakeProduct,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from django import forms

    from tests.sample_pipelines import Adjustable

    attack = "<img src=x onerror=alert(1)>"

    class Parameters(forms.Form):
        radius = forms.FloatField(label=attack, help_text=attack)
        radius.unit = attack
        method = forms.ChoiceField(choices=[(attack, attack)], initial=attack)

    monkeypatch.setattr(Adjustable, "Parameters", Parameters)
    monkeypatch.setattr(Adjustable, "description", attack)
    monkeypatch.setattr(Adjustable, "documentation_url", "javascript:alert(1)")
    target = make_target(attack)
    product = make_product(target, "a.fits", frame(FILTER=attack, INSTRUME=attack, wcs=False))
    page = CreatePage(member, f"?target={target.pk}&product={product.pk}&pipeline=Adjustable")
    pages = [page.content]
    page.press("filter", q=attack, find=attack)
    pages.append(page.content)
    page.press("run", **{"param-method": attack, "param-radius": attack, "preset_name": attack})
    pages.append(page.content)
    page.press("run", pipeline=attack)
    pages.append(page.content)
    for html in pages:
        assert "<img src=x" not in html
        assert "javascript:alert" not in html


def test_advanced_parameters_units_and_bounds_are_shown(
    member: Client, target: BaseTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django import forms

    from tests.sample_pipelines import Adjustable

    class Parameters(forms.Form):
        radius = forms.FloatField(min_value=1, max_value=9, initial=4)
        method = forms.FloatField(initial=1.5)
        advanced = ("method",)
        units = {"radius": "pixels"}

    monkeypatch.setattr(Adjustable, "Parameters", Parameters)
    page = CreatePage(member, f"?target={target.pk}&pipeline=Adjustable&param-method=2")
    section = page.response.context["parameters"]
    assert [p.field.name for p in section.basic] == ["radius"]
    assert [(p.field.name, p.changed) for p in section.advanced] == [("method", True)]
    assert "1 to 9 pixels (default 4)" in page.content
    assert '<details id="tpc-advanced" open>' in page.content


def test_waiting_processes_and_earlier_durations_are_told(
    member: Client, target: BaseTarget, make_product: MakeProduct
) -> None:
    products = [
        make_product(target, f"{n}.fits", frame(DATE_OBS=f"2026-03-0{n + 1}")) for n in range(2)
    ]
    first = CreatePage(member, f"?target={target.pk}&product={products[0].pk}&pipeline=Copy")
    assert "nobody before you" in first.content
    first.press("run")
    process = PipelineProcess.objects.get()
    again = f"?target={target.pk}&selected={products[0].pk}-{products[1].pk}&pipeline=Copy"
    assert "1 before you in the queue" in CreatePage(member, again).content

    PipelineProcess.objects.filter(pk=process.pk).update(
        state="succeeded",
        started_at=process.created,
        terminal_timestamp=process.created + timedelta(seconds=30),
    )
    assert "about 1 min 0 s" in CreatePage(member, again).content


def test_the_link_opens_the_page_with_the_same_choice(
    member: Client, target: BaseTarget, make_product: MakeProduct
) -> None:
    product = make_product(target, "a.fits", frame())
    page = CreatePage(member, f"?target={target.pk}&product={product.pk}&pipeline=Adjustable")
    page.press("check", **{"param-radius": "8"})

    link = page.response.context["outlook"].link
    copied = CreatePage(member, link.partition("/new/")[2])

    for name in ("product", "pipeline", "param-radius"):
        assert copied.fields[name] == page.fields[name]
    assert copied.fields["key"] != page.fields["key"]
