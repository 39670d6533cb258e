"""
Requests that nobody thought of, made from the API's own description.

Whoever asks and whatever is sent: no failure of the server, and every answer as described.
"""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from django.contrib.auth.models import User
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from rest_framework.authtoken.models import Token
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from tests import running
from tom_pipeline_core import submission
from tom_pipeline_core.models import Preset
from tom_pipeline_core.rest_api import throttling
from tom_pipeline_core.rest_api.openapi import description

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("samples"), pytest.mark.slow]

EXAMPLES = 10
CONFORMANCE = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
POSITIVE, NEGATIVE = schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE


@cache
def operations() -> dict[str, Any]:
    schema = schemathesis.openapi.from_dict(description())
    return {found.ok().label: found.ok() for found in schema.get_all_operations()}


OPERATIONS = [
    f"{method.upper()} {path}"
    for path, methods in description()["paths"].items()
    for method in methods
]


@pytest.fixture
def world(make_target, make_product, user, superuser, monkeypatch) -> dict[str, Any]:
    """Make something to find behind every address, and keep the numbers it got."""
    for scope in throttling.DEFAULT_RATES:
        monkeypatch.setitem(throttling.DEFAULT_RATES, scope, None)
    target = make_target("SN 2026abc")
    secret = make_target("Secret", permissions="PRIVATE")
    product = make_product(target)
    ended = running.run("Typed", product, user=user)
    running.run("Typed", make_product(secret, "secret_name.fits"), user=superuser)
    queued = submission.submit("Adjustable", target=target, products=[product], user=user)
    preset = Preset.objects.create(user=user, pipeline_id="settings:Adjustable", name="mine")
    return {
        "target": target.pk,
        "products": [product.pk],
        "process_id": ended.pk,
        "output_id": ended.outputs.filter(product__isnull=False).first().pk,
        "queued": queued.pk,
        "preset": preset.pk,
        "users": {
            "anonymous": None,
            "user": user,
            "staff": User.objects.create_user("staff", is_staff=True),
        },
    }


def real_path(world: dict[str, Any], label: str) -> dict[str, Any]:
    own = {"cancel": world["queued"], "presets": world["preset"]}
    found = next((pk for part, pk in own.items() if f"/{part}/" in label), world["process_id"])
    known = {
        "process_id": world["process_id"],
        "output_id": world["output_id"],
        "name": "settings:Adjustable",
        "id": found,
    }
    return {name: value for name, value in known.items() if f"{{{name}}}" in label}


@pytest.mark.parametrize("who", ["anonymous", "user", "staff"])
@pytest.mark.parametrize("label", OPERATIONS)
def test_every_answer_is_as_described(world, label, who):
    operation = operations()[label]
    user = world["users"][who]
    headers = {}
    if user is not None:
        headers["Authorization"] = f"Token {Token.objects.get_or_create(user=user)[0].key}"
    answers: list[int] = []

    def ask(case: Any) -> httpx.Response:
        """Send what a program would, through Django's client: it keeps to the test's transaction."""
        parts = case.as_transport_kwargs(base_url="http://testserver", headers=headers)
        names = ("method", "url", "headers", "params", "data", "json", "files", "cookies")
        sent = requests.Request(**{name: parts.get(name) for name in names}).prepare()
        path = str(sent.url).removeprefix("http://testserver")
        answer = Client(raise_request_exception=False).generic(
            str(sent.method),
            path,
            sent.body or b"",
            str(sent.headers.pop("Content-Type", "application/json")),
            headers={name: str(value) for name, value in sent.headers.items()},
        )
        answers.append(answer.status_code)
        found = httpx.Response(
            answer.status_code,
            headers=dict(answer.headers),
            content=b"".join(answer.streaming_content) if answer.streaming else answer.content,
            request=httpx.Request(str(sent.method), str(sent.url)),
        )
        found.elapsed = timedelta()
        return found

    def run(strategy: Any) -> None:
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(strategy, st.booleans(), st.sampled_from(["Copy", "Adjustable", "nothing"]))
        def check(case: Any, real: bool, pipeline: str) -> None:
            if real and isinstance(case.body, dict) and "target" in case.body:
                case.body.update(target=world["target"], pipeline=pipeline)
                if "match" not in case.body:
                    case.body["products"] = world["products"]
            case.validate_response(ask(case), checks=CONFORMANCE)

        check()

    run(operation.as_strategy(POSITIVE))
    if "{" in label:
        path = real_path(world, label)
        run(operation.as_strategy(POSITIVE, path_parameters=path))
    run(operation.as_strategy(NEGATIVE))
    if who == "anonymous":
        assert set(answers) <= {400, 401, 404, 405}, set(answers)
    else:  # cases that are wrong on purpose may spoil the token too
        assert set(answers) - {401}
