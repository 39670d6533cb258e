"""What pipelines, files and people call things is text on every page, and never markup."""

from __future__ import annotations

from html.parser import HTMLParser
from types import SimpleNamespace

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings
from tom_dataproducts.models import DataProductGroup, PhotometryReducedDatum

from tests.conftest import MakeProduct, MakeTarget
from tom_pipeline_core.models import PipelineProcess, Worker

pytestmark = pytest.mark.django_db

PAYLOADS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"'><svg onload=alert(1)>",
    "' hx-get='/x' hx-trigger='load' data-x='",
    '" hx-on:click="alert(1)" autofocus onfocus="alert(1)',
    "</textarea></title></style></script><b>x",
    "javascript:alert(1)",
    "{{ 7*7 }}{% now 'Y' %}${7*7}",
    "\u202egnp.exe",
]


class _Parts(HTMLParser):
    """Counts elements, and gathers names of attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes |= {name for name, _value in attrs}
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "action")]


def parts(content: str) -> _Parts:
    parser = _Parts()
    parser.feed(content)
    return parser


@pytest.fixture
def named(make_target: MakeTarget, make_product: MakeProduct, superuser: User) -> SimpleNamespace:
    """A site on which everything has a name of its own, to be changed."""
    target = make_target("harmless")
    product = make_product(target, "t.csv", "a,b\n1,2\n")
    group = DataProductGroup.objects.create(name="harmless")
    product.group.add(group)
    process = PipelineProcess.objects.create(
        target=target, user=superuser, state="failed", terminal_timestamp=timezone.now()
    )
    process.outputs.create(kind="file", product=product, name="t.csv")
    process.outputs.create(kind="photometry", points=1)
    process.inputs.create(product=product, name="t.csv", fate="skipped", reason="harmless")
    process.measurements.create(name="harmless", value=1)
    process.events.create(time=timezone.now(), kind="status", value="harmless")
    process.log("harmless")
    PhotometryReducedDatum.objects.create(
        target=target, timestamp=timezone.now(), brightness=15, bandpass="r",
        value={"process": process.pk},
    )  # fmt: skip
    Worker.objects.create(
        name="harmless", host="h", pid=1, queue="default", threads=1,
        started_at=timezone.now(), seen_at=timezone.now(),
    )  # fmt: skip
    return SimpleNamespace(target=target, group=group, process=process, superuser=superuser)


def rename(named: SimpleNamespace, text: str) -> None:
    """Call everything by a text."""
    process = named.process
    type(named.target).objects.filter(pk=named.target.pk).update(name=text)
    DataProductGroup.objects.update(name=text)
    User.objects.filter(pk=named.superuser.pk).update(username=text)
    PipelineProcess.objects.update(
        pipeline_name=text, pipeline_version=text, pipeline_id=text, process_type=text,
        identifier=text, status=text, failure_message=text, failure_traceback=text, worker=text,
        failure_kind=text[:30], parameters={text: text}, executor_alias=text[:50],
    )  # fmt: skip
    process.outputs.update(name=text, caption=text, reduction_version=text[:50])
    process.inputs.update(name=text, reason=text)
    process.measurements.update(name=text, unit=text[:50])
    process.events.update(value=text)
    process.log_lines.update(text=text)
    PhotometryReducedDatum.objects.update(bandpass=text[:32], unit=text[:32])
    Worker.objects.update(name=text, version=text[:50])


def addresses(named: SimpleNamespace) -> list[str]:
    process = named.process
    table = process.outputs.get(kind="file")
    page = process.get_absolute_url()
    return [
        *(f"{page}?tab={tab}" for tab in ("outputs", "log", "inputs", "parameters", "about")),
        *(
            reverse(f"tom_pipeline_core:{name}", args=[process.pk])
            for name in ("process-poll", "process-steps", "process-log", "process-light-curve")
        ),
        reverse("tom_pipeline_core:process-output-table", args=[process.pk, table.pk]),
        reverse("tom_pipeline_core:process-list"),
        reverse("tom_pipeline_core:plugin-list"),
        reverse("tom_pipeline_core:health"),
        reverse("tom_pipeline_core:target-tab", args=[named.target.pk]),
        reverse("tom_dataproducts:group-list"),
        reverse("tom_dataproducts:group-detail", args=[named.group.pk]),
    ]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_name_becomes_an_element_an_attribute_or_a_link(
    client: Client, named: SimpleNamespace, settings: Settings, payload: str
) -> None:
    settings.TOM_EDUCATION_PIPELINES = {}
    client.force_login(named.superuser)
    rename(named, "harmless")
    before = {address: parts(client.get(address).content.decode()) for address in addresses(named)}

    rename(named, payload)

    for address, plain in before.items():
        content = client.get(address).content.decode()
        found = parts(content)
        assert found.elements == plain.elements, address
        assert found.attributes == plain.attributes, address
        assert not [link for link in found.links if link.lower().startswith("javascript:")]
        assert "49${" not in content


def test_all_that_changes_something_needs_a_csrf_token(named: SimpleNamespace) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(named.superuser)
    PipelineProcess.objects.update(state="queued")
    pk = named.process.pk

    for name in ("process-cancel", "process-run-again", "process-follow"):
        client.post(reverse(f"tom_pipeline_core:{name}", args=[pk]), {"follow": "1"})
    client.post(reverse("tom_pipeline_core:process-bulk"), {"action": "cancel", "process": [pk]})
    client.post(
        reverse("tom_dataproducts:group-detail", args=[named.group.pk]),
        {"products": [named.process.inputs.get().product_id]},
    )

    process = PipelineProcess.objects.get()
    assert process.state == "queued"
    assert not process.followers.exists()
    assert named.group.dataproduct_set.count() == 1
