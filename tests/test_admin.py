"""The admin shows processes and changes nothing."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from tom_dataproducts.models import DataProduct

from tests.running import run
from tom_pipeline_core.models import PipelineProcess

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("samples")]


@pytest.fixture
def admin(client: Client, superuser: User) -> Client:
    client.force_login(superuser)
    return client


@pytest.fixture
def process(target, make_product) -> PipelineProcess:
    product: DataProduct = make_product(target)
    return run("Typed", product)


def test_the_list_is_filtered_and_searched(admin: Client, process: PipelineProcess) -> None:
    address = reverse("admin:tom_pipeline_core_pipelineprocess_changelist")

    for query, found in (
        ({}, True),
        ({"state__exact": "succeeded"}, True),
        ({"state__exact": "failed"}, False),
        ({"q": process.identifier}, True),
    ):
        content = admin.get(address, query).content.decode()
        assert (process.identifier in content.replace(f'value="{process.identifier}"', "")) == found


def test_a_process_is_shown_with_inputs_outputs_and_history_and_no_way_to_save(
    admin: Client, process: PipelineProcess
) -> None:
    address = reverse("admin:tom_pipeline_core_pipelineprocess_change", args=[process.pk])

    content = admin.get(address).content.decode()

    assert "typed_table.csv" in content
    assert 'name="_save"' not in content
    admin.post(address, {"state": "queued"})
    assert PipelineProcess.objects.get().state == "succeeded"


@pytest.mark.parametrize("page", ["add", "delete"])
def test_nothing_is_added_or_deleted(admin: Client, process: PipelineProcess, page: str) -> None:
    name = f"admin:tom_pipeline_core_pipelineprocess_{page}"
    address = reverse(name, args=[process.pk] if page == "delete" else [])

    admin.post(address, {"post": "yes"})

    assert PipelineProcess.objects.count() == 1
