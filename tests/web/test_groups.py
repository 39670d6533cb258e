"""Groups of data products show what their reader may see, at the TOM's own addresses."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from pytest_django import Settings
from tom_dataproducts.models import DataProductGroup
from tom_targets.base_models import BaseTarget

from tests.conftest import MakeProduct, MakeTarget

pytestmark = pytest.mark.django_db
LIST = "/dataproducts/data/group/list/"


@pytest.fixture
def groups(
    target: BaseTarget, make_target: MakeTarget, make_product: MakeProduct
) -> SimpleNamespace:
    """A mixed group, a hidden one and an empty one."""
    secret = make_target("Secret", permissions="PRIVATE")
    shown, hidden = make_product(target, "shown.fits"), make_product(secret, "hidden.fits")
    mixed, closed, empty = (
        DataProductGroup.objects.create(name=name) for name in ("mixed", "closed", "empty")
    )
    shown.group.add(mixed)
    hidden.group.add(mixed, closed)
    return SimpleNamespace(mixed=mixed, closed=closed, empty=empty, shown=shown, hidden=hidden)


def detail(group: DataProductGroup) -> str:
    return reverse("tom_dataproducts:group-detail", args=[group.pk])


def test_the_names_of_the_tom_lead_here(signed_in: Client, groups: SimpleNamespace) -> None:
    assert reverse("tom_dataproducts:group-list") == LIST
    assert 'id="tpc"' in signed_in.get(LIST).content.decode()
    # and the groups of users are still the TOM's
    assert reverse("group-delete", args=[1]) == "/groups/1/delete/"


def test_a_list_counts_what_is_seen_and_leaves_hidden_groups_out(
    signed_in: Client, groups: SimpleNamespace
) -> None:
    content = signed_in.get(LIST).content.decode()

    assert ">mixed</a></td><td>1</td>" in content
    assert ">empty</a>" in content
    assert "closed" not in content


def test_anonymous_visitors_see_groups_of_open_targets_only(
    client: Client, groups: SimpleNamespace
) -> None:
    content = client.get(LIST).content.decode()

    for name in ("mixed", "closed", ">empty<"):
        assert name not in content


def test_a_group_shows_visible_products_and_is_absent_without_any(
    signed_in: Client, groups: SimpleNamespace
) -> None:
    content = signed_in.get(detail(groups.mixed)).content.decode()
    assert "shown.fits" in content
    assert "hidden.fits" not in content
    assert "Secret" not in content

    assert signed_in.get(detail(groups.closed)).status_code == 404


def test_only_visible_products_are_taken_out(signed_in: Client, groups: SimpleNamespace) -> None:
    signed_in.post(detail(groups.mixed), {"products": [groups.shown.pk, groups.hidden.pk, "x"]})

    assert list(groups.mixed.dataproduct_set.all()) == [groups.hidden]


def test_nothing_is_taken_out_by_anonymous_visitors(
    client: Client, make_target: MakeTarget, make_product: MakeProduct
) -> None:
    product = make_product(make_target("Open", permissions="OPEN"))
    group = DataProductGroup.objects.create(name="open")
    product.group.add(group)

    assert client.get(detail(group)).status_code == 200
    assert client.post(detail(group), {"products": [product.pk]}).status_code == 404
    assert group.dataproduct_set.count() == 1


def test_a_group_with_hidden_products_is_not_deleted_by_who_cannot_see_them(
    client: Client, signed_in: Client, superuser: User, groups: SimpleNamespace
) -> None:
    address = reverse("tom_dataproducts:group-delete", args=[groups.mixed.pk])
    assert signed_in.post(address).status_code == 404
    assert (
        signed_in.post(reverse("tom_dataproducts:group-delete", args=[groups.empty.pk])).status_code
        == 302
    )

    client.force_login(superuser)
    assert client.post(address).status_code == 302
    assert list(DataProductGroup.objects.values_list("name", flat=True)) == ["closed"]


def test_with_permissions_of_their_own_products_are_hidden_one_by_one(
    signed_in: Client, settings: Settings, groups: SimpleNamespace
) -> None:
    settings.TARGET_PERMISSIONS_ONLY = False

    assert signed_in.get(detail(groups.mixed)).status_code == 404
