"""The description: valid, complete, and readable as a page."""

from __future__ import annotations

import re

import jsonschema
import pytest
from django.urls import reverse

from tom_pipeline_core.rest_api.openapi import description

pytestmark = pytest.mark.django_db


def test_the_description_is_openapi_3_1_and_lists_every_endpoint(api):
    schema = api.get("/api/pipelines/schema/").json()

    assert schema["openapi"] == "3.1.0"
    assert all(path.startswith("/api/pipelines/") for path in schema["paths"])
    assert len(schema["paths"]) == 21
    for name, component in schema["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(component), name


def test_every_reference_leads_somewhere():
    schema = description()
    references = set(re.findall(r"#/components/schemas/(\w+)", str(schema)))

    assert references <= set(schema["components"]["schemas"])


def test_the_description_holds_no_other_apps_endpoints():
    assert "/api/targets/" not in description()["paths"]
    assert "/api/dataproducts/" not in description()["paths"]


def test_the_page_shows_every_endpoint_and_loads_nothing_from_elsewhere(client, user):
    client.force_login(user)
    page = client.get(reverse("tom_pipeline_core:api")).content.decode()

    own = "".join(page.partition('id="tpc"')[2].split("</section>")[:-1])
    for path in description()["paths"]:
        assert path in own
    assert "<script" not in own
    assert set(re.findall(r"(?:src|href)=[\"']?(https?://[^/\"']+)", own)) <= {"http://testserver"}
