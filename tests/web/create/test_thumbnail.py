"""Thumbnails are drawn once, and only for those who may see the file."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from tom_targets.base_models import BaseTarget

from tests.conftest import MakeProduct, MakeTarget
from tests.preflight.frames import frame
from tom_pipeline_core.models import Thumbnail

pytestmark = pytest.mark.django_db


def address(pk: int) -> str:
    return reverse("tom_pipeline_core:create-thumbnail", args=[pk])


def test_a_frame_has_a_picture_that_browsers_keep(
    client: Client, user: User, target: BaseTarget, make_product: MakeProduct
) -> None:
    client.force_login(user)
    product = make_product(target, "a.fits", frame())

    first = client.get(address(product.pk))

    assert first["Content-Type"] == "image/png"
    assert first.content.startswith(b"\x89PNG")
    assert first["Cache-Control"].startswith("private")
    kept = Thumbnail.objects.get()
    again = client.get(address(product.pk), headers={"If-None-Match": first["ETag"]})
    assert again.status_code == 304
    assert Thumbnail.objects.get() == kept


@pytest.mark.parametrize("content", ["hello", "<svg xmlns='http://www.w3.org/2000/svg'/>"])
def test_what_has_no_picture_gets_a_symbol(
    client: Client, user: User, target: BaseTarget, make_product: MakeProduct, content: str
) -> None:
    client.force_login(user)
    response = client.get(address(make_product(target, "a.fits", content).pk))
    assert response["Content-Type"] == "image/svg+xml"
    assert content.encode() not in response.content
    assert "sandbox" in response["Content-Security-Policy"]


def test_a_file_that_is_gone_gets_a_symbol(
    client: Client, user: User, target: BaseTarget, make_product: MakeProduct
) -> None:
    client.force_login(user)
    product = make_product(target, "a.fits", frame())
    product.data.storage.delete(product.data.name)
    assert client.get(address(product.pk))["Content-Type"] == "image/svg+xml"


def test_hidden_files_have_no_pictures(
    client: Client, user: User, make_target: MakeTarget, make_product: MakeProduct
) -> None:
    hidden = make_product(make_target(permissions="PRIVATE"), "a.fits", frame())
    client.force_login(user)
    for pk in (hidden.pk, 999):
        assert client.get(address(pk)).status_code == 404
    assert not Thumbnail.objects.exists()
