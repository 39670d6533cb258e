"""Pages cost the same number of queries however much there is to show."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from tom_targets.base_models import BaseTarget

from tests.conftest import MakeProduct
from tom_pipeline_core.models import LogLine, PipelineProcess, ProcessEvent

pytestmark = pytest.mark.django_db


def queries(client: Client, address: str) -> int:
    client.get(address)  # kinds of objects are looked up once
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code in (200, 286)
        return len(captured)


def grow(process: PipelineProcess, make_product: MakeProduct, count: int) -> None:
    """Give a process more of everything."""
    now = timezone.now()
    products = [make_product(process.target, f"{count}_{number}.fits") for number in range(count)]
    for product in products:
        process.inputs.create(product=product, name="frame.fits")
        process.outputs.create(kind="file", product=product, name="frame.fits")
        process.measurements.create(name="fwhm", value=3, product=product)
    LogLine.objects.bulk_create(LogLine(process=process, time=now, text="x") for _ in products * 9)
    ProcessEvent.objects.bulk_create(
        ProcessEvent(process=process, time=now, kind="status", value="x") for _ in products
    )


@pytest.mark.parametrize("tab", ["outputs", "log", "inputs", "parameters", "about"])
def test_each_tab_of_a_process(
    signed_in: Client, user: User, target: BaseTarget, make_product: MakeProduct, tab: str
) -> None:
    process = PipelineProcess.objects.create(target=target, user=user, state="succeeded")
    address = f"{process.get_absolute_url()}?tab={tab}"
    grow(process, make_product, 2)
    few = queries(signed_in, address)

    grow(process, make_product, 20)

    assert queries(signed_in, address) == few <= 20


def test_installed_pipelines_and_groups(
    signed_in: Client, user: User, target: BaseTarget, make_product: MakeProduct
) -> None:
    from tom_dataproducts.models import DataProductGroup

    addresses = [reverse("tom_pipeline_core:plugin-list"), reverse("tom_dataproducts:group-list")]

    def more(count: int) -> None:
        for number in range(count):
            PipelineProcess.objects.create(target=target, user=user, state="failed")
            group = DataProductGroup.objects.create(name=f"group {number}")
            make_product(target).group.add(group)

    more(2)
    few = [queries(signed_in, address) for address in addresses]
    more(20)

    assert [queries(signed_in, address) for address in addresses] == few
    assert max(few) <= 12
