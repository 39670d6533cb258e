"""The gallery of pipelines, and what staff see of plugins and workers."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings
from tom_dataproducts.models import DataProduct

from tests.running import run
from tom_pipeline_core.models import Worker
from tom_pipeline_core.web.plugins_page import reflowed

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("samples")]


def page(client: Client) -> str:
    content = client.get(reverse("tom_pipeline_core:plugin-list")).content.decode()
    return " ".join(content.split())


def test_a_card_says_what_a_pipeline_does_takes_and_asks(signed_in: Client) -> None:
    content = page(signed_in)

    assert "Writes the names of its input files into a table." in content
    assert "1 to 2: .fits, .fits.fz" in content
    assert "Radius, Method, Verbose, Since" in content
    assert "no runs yet" in content


def test_a_card_tells_how_its_pipeline_has_done_here(
    signed_in: Client, product: DataProduct
) -> None:
    for name in ("Nothing", "Nothing", "Raising"):
        run(name, product)

    content = page(signed_in)

    assert "100 % of 2 runs succeeded, usually in" in content
    assert "0 % of 1 runs succeeded" in content


def test_a_broken_pipeline_harms_no_other_and_only_staff_read_why(
    client: Client, signed_in: Client, superuser: User, settings: Settings
) -> None:
    settings.TOM_EDUCATION_PIPELINES = {
        "Broken": "tests.no_such_module.Pipeline",
        "Fine": "tests.sample_pipelines.Copy",
    }
    content = page(signed_in)
    assert "Writes the names of its input files" in content
    assert "no_such_module" not in content
    assert "it cannot be used now" in content.lower()

    client.force_login(superuser)
    content = page(client)
    assert "no_such_module" in content
    assert "tom_pipeline_core.E020" in content
    assert "What to do" in content


def test_only_staff_see_which_workers_are_alive(
    client: Client, signed_in: Client, superuser: User
) -> None:
    now = timezone.now()
    for name, seen in (("fresh", now), ("old", now - timezone.timedelta(hours=1))):
        Worker.objects.create(
            name=f"{name}-worker", host="h", pid=1, queue="default", threads=1,
            started_at=now, seen_at=seen,
        )  # fmt: skip
    assert "fresh-worker" not in page(signed_in)

    client.force_login(superuser)
    content = page(client)
    assert 'fresh-worker</td><td><span class="badge text-bg-success">alive' in content
    assert 'old-worker</td><td><span class="badge text-bg-danger">silent' in content


def test_paragraphs_of_a_docstring_flow_and_lists_do_not() -> None:
    assert reflowed("One\ntwo.\n\nThree\nfour:\n- a\n- b") == "One two.\n\nThree four:\n- a\n- b"
