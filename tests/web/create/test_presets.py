"""Values to start from."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from tom_targets.base_models import BaseTarget

from tests.conftest import MakeProduct
from tests.preflight.frames import frame
from tests.web.create.pages import CreatePage
from tom_pipeline_core.models import Preset

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("samples")]


@pytest.fixture
def page(client: Client, user: User, target: BaseTarget) -> CreatePage:
    client.force_login(user)
    return CreatePage(client, f"?target={target.pk}&pipeline=Adjustable")


def labels(page: CreatePage) -> dict[str, list[str]]:
    presets = page.response.context["presets"]
    return {group: [c.label for c in found] for group, found in presets.groups().items()}


def test_values_are_saved_and_loaded_by_name(page: CreatePage, user: User) -> None:
    page.press("save-preset", **{"param-radius": "12", "preset_name": "wide"})
    preset = Preset.objects.get()
    assert (preset.user, preset.shared, preset.parameters["radius"]) == (user, False, 12)
    assert labels(page) == {"Mine": ["wide"]}

    page.press("load", preset="defaults")
    assert page.fields["param-radius"] == ["6"]
    page.press("load", preset=f"preset:{preset.pk}")
    assert page.fields["param-radius"] == ["12.0"]


def test_saving_under_the_same_name_replaces_ones_own(page: CreatePage) -> None:
    page.press("save-preset", **{"param-radius": "12", "preset_name": "wide"})
    page.press("save-preset", **{"param-radius": "13", "preset_name": "wide"})
    assert Preset.objects.get().parameters["radius"] == 13


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"preset_name": ""}, "Give the preset a name"),
        ({"preset_name": "x" * 81}, "at most 80"),
        ({"preset_name": "bad", "param-radius": "99"}, "Correct the values"),
    ],
)
def test_what_cannot_be_saved_is_told(page: CreatePage, changes: dict[str, str], text: str) -> None:
    page.press("save-preset", **changes)
    assert text in page.errors[0][1]
    assert not Preset.objects.exists()


def test_others_see_only_what_is_for_everyone_and_delete_nothing(
    page: CreatePage, target: BaseTarget
) -> None:
    page.press("save-preset", preset_name="private")
    page.press("save-preset", preset_name="shared", preset_shared="1")
    other = Client()
    other.force_login(User.objects.create_user("ptolemy"))
    theirs = CreatePage(other, f"?target={target.pk}&pipeline=Adjustable")

    assert labels(theirs) == {"Everyone’s": ["shared (by hypatia)"]}
    private, shared = Preset.objects.order_by("name")
    for preset in (private, shared):
        theirs.press(f"delete-preset:preset:{preset.pk}")
    assert Preset.objects.count() == 2
    theirs.press("load", preset=f"preset:{private.pk}")
    assert "private" not in theirs.content

    page.press(f"delete-preset:preset:{private.pk}")
    assert Preset.objects.get() == shared


def test_a_pipeline_ships_presets_and_wrong_ones_are_left_out(
    page: CreatePage, monkeypatch: pytest.MonkeyPatch, target: BaseTarget
) -> None:
    from tests.sample_pipelines import Adjustable

    presets = {"Crowded field": {"radius": 3}, "broken": {"radius": 99}, "unknown": {"x": 1}}
    monkeypatch.setattr(Adjustable, "presets", presets, raising=False)
    page.press("choose")
    assert labels(page) == {"Of the pipeline": ["Crowded field"]}
    page.press("load", preset="pipeline:Crowded field")
    assert page.fields["param-radius"] == ["3"]


def test_recent_configurations_are_offered_once_each(
    page: CreatePage, target: BaseTarget, make_product: MakeProduct
) -> None:
    product = make_product(target, "a.fits", frame())
    for radius in ("8", "9", "8"):
        fresh = CreatePage(
            page.client, f"?target={target.pk}&pipeline=Adjustable&product={product.pk}"
        )
        fresh.press("run", **{"param-radius": radius})
    again = CreatePage(page.client, f"?target={target.pk}&pipeline=Adjustable")
    (recent,) = labels(again).values()
    assert [label.partition(": ")[2] for label in recent] == ["radius=8.0", "radius=9.0"]
