"""Who gets what: every endpoint, every kind of visitor."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.urls import NoReverseMatch, reverse
from guardian.shortcuts import assign_perm
from rest_framework.authtoken.models import Token
from tom_common.api_router import SharedAPIRootRouter

from tests import running
from tom_pipeline_core.models import PipelineProcess, Preset

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("samples")]

# What answers when the process, and what belongs to it, is visible; a route without a line fails.
VISIBLE = {
    "pipelines-list": ("get", 200),
    "pipelines-available-list": ("get", 200),
    "pipelines-available-detail": ("get", 200),
    "pipelines-inputs-list": ("get", 200),
    "pipelines-preflight-list": ("post", 200),
    "pipelines-presets-list": ("get", 200),
    "pipelines-presets-detail": ("delete", 204),
    "pipelines-schema-list": ("get", 200),
    "pipelines-targets-list": ("get", 200),
    "pipelines-processes-list": ("get", 200),
    "pipelines-processes-detail": ("get", 200),
    "pipelines-processes-cancel": ("post", 409),  # it has ended
    "pipelines-processes-run-again": ("post", 201),
    "pipelines-log-list": ("get", 200),
    "pipelines-outputs-list": ("get", 200),
    "pipelines-outputs-archive": ("get", 200),
    "pipelines-outputs-download": ("get", 200),
    "pipelines-process-inputs-list": ("get", 200),
    "pipelines-events-list": ("get", 200),
    "pipelines-measurements-list": ("get", 200),
    "pipelines-photometry-list": ("get", 200),
}
OF_NO_PROCESS = {
    "pipelines-list",
    "pipelines-available-list",
    "pipelines-available-detail",
    "pipelines-preflight-list",
    "pipelines-presets-list",
    "pipelines-schema-list",
    "pipelines-targets-list",
    "pipelines-processes-list",
}


def routes() -> set[str]:
    import_module(settings.ROOT_URLCONF)  # where every app's routes are collected
    return {
        route.name
        for route in SharedAPIRootRouter.shared_router.urls
        if route.name and route.name.startswith("pipelines-")
    }


def test_every_route_has_a_line_in_the_matrix():
    assert routes() == set(VISIBLE)


@pytest.fixture
def process(make_target, make_product, superuser):
    """Run a pipeline on a private target."""
    target = make_target("Secret", permissions="PRIVATE")
    product = make_product(target, "secret_name.fits")
    process = running.run("Typed", product, user=superuser)
    Preset.objects.create(pk=process.pk, user=superuser, pipeline_id="settings:Typed", name="own")
    return process


def ask(client, name, process):
    output = process.outputs.filter(product__isnull=False).first()
    for args in (
        [],
        ["Copy"] if name == "pipelines-available-detail" else [process.pk],
        [process.pk, output.pk],
    ):
        try:
            address = reverse(f"api:{name}", args=args)
            break
        except NoReverseMatch:
            continue
    method, expected = VISIBLE[name]
    if name == "pipelines-inputs-list":
        address += f"?target={process.target_id}"
    body = {}
    if name == "pipelines-preflight-list":
        body = {
            "pipeline": "Copy",
            "target": process.target_id,
            "products": list(process.inputs.values_list("product_id", flat=True)),
        }
    if method == "post":
        return client.post(address, body, "json"), expected
    return getattr(client, method)(address), expected


def content(answer) -> bytes:
    content: bytes = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return content


@pytest.mark.parametrize("name", sorted(VISIBLE))
def test_nobody_is_asked_to_log_in(as_user, process, name):
    answer, _ = ask(as_user(None), name, process)

    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Token"
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("name", sorted(VISIBLE))
def test_who_may_not_see_the_target_gets_what_does_not_exist(as_user, process, user, name):
    answer, expected = ask(as_user(user), name, process)

    assert answer.status_code == (expected if name in OF_NO_PROCESS else 404)
    text = content(answer)
    assert b"secret_name" not in text
    assert b"Secret" not in text
    if name == "pipelines-preflight-list":
        assert answer.json()["accepted"] is False


@pytest.mark.parametrize("name", sorted(set(VISIBLE) - OF_NO_PROCESS - {"pipelines-inputs-list"}))
def test_hidden_and_absent_answer_alike(as_user, process, user, name):
    client = as_user(user)
    hidden, _ = ask(client, name, process)
    hidden_body = content(hidden)
    PipelineProcess.objects.all().delete()
    Preset.objects.all().delete()
    absent = getattr(client, VISIBLE[name][0])(hidden.request["PATH_INFO"])

    assert (absent.status_code, content(absent)) == (hidden.status_code, hidden_body)


@pytest.mark.parametrize("name", sorted(VISIBLE))
@pytest.mark.parametrize("who", ["granted", "staff with rights", "superuser"])
def test_who_sees_the_target_sees_its_processes(as_user, process, superuser, name, who):
    visitor = superuser
    if who != "superuser":
        visitor = User.objects.create_user("visitor", is_staff=who.startswith("staff"))
        assign_perm("tom_targets.view_target", visitor, process.target)
    answer, expected = ask(as_user(visitor), name, process)

    if name == "pipelines-processes-cancel" and who == "granted":
        expected = 403
    if name == "pipelines-presets-detail" and who != "superuser":
        expected = 404  # a preset belongs to a person
    assert answer.status_code == expected, content(answer)
    content(answer)


def test_tokens_of_inactive_users_and_unknown_tokens_are_refused(as_user, user):
    client = as_user(user)
    user.is_active = False
    user.save()
    assert client.get("/api/pipelines/").status_code == 401

    client.credentials(HTTP_AUTHORIZATION="Token nonsense")
    assert client.get("/api/pipelines/").status_code == 401


def test_a_token_in_the_address_is_no_token(client, user):
    token, _ = Token.objects.get_or_create(user=user)

    assert client.get(f"/api/pipelines/?token={token.key}").status_code == 401


def test_expired_tokens_are_refused_as_the_tom_refuses_them(api, user, settings):
    from datetime import timedelta

    assert api.get("/api/pipelines/").status_code == 200
    settings.TOM_API_TOKEN_EXPIRY_DAYS = 1
    token = Token.objects.get(user=user)
    Token.objects.filter(user=user).update(created=token.created - timedelta(days=2))

    answer = api.get("/api/pipelines/")
    assert answer.status_code == 401
    assert "expired" in answer.json()["detail"]


def test_tokens_without_two_factor_enrolment_are_refused_where_the_tom_asks_for_it(api, settings):
    settings.TOM_API_TOKEN_REQUIRES_MFA = True

    answer = api.get("/api/pipelines/")
    assert answer.status_code == 401
    assert "two-factor" in answer.json()["detail"]


def test_a_password_with_the_request_is_not_taken(client, user):
    import base64

    basic = base64.b64encode(b"hypatia:stars").decode()
    answer = client.get("/api/pipelines/", HTTP_AUTHORIZATION=f"Basic {basic}")

    assert answer.status_code == 401


def test_a_session_reads_and_needs_its_csrf_token_to_write(process, superuser):
    client = Client(enforce_csrf_checks=True)
    client.force_login(superuser)
    address = f"/api/pipelines/processes/{process.pk}/run-again/"

    assert client.get(f"/api/pipelines/processes/{process.pk}/").status_code == 200
    refused = client.post(address, {}, "application/json")
    assert refused.status_code == 403
    assert "CSRF" in refused.json()["detail"]
    client.get("/")
    client.cookies["csrftoken"] = "a" * 32
    taken = client.post(address, {}, "application/json", headers={"X-CSRFToken": "a" * 32})
    assert taken.status_code == 201


def test_a_locked_tom_serves_tokens_after_the_documented_setting(api, settings):
    settings.AUTH_STRATEGY = "LOCKED"
    assert api.get("/api/pipelines/").status_code == 403

    settings.OPEN_URLS = ["/api/pipelines/*"]
    from django.test import override_settings

    with override_settings(OPEN_URLS=["/api/pipelines/*"]):
        api.handler._middleware_chain = None  # the middleware reads the setting when it is made
        assert api.get("/api/pipelines/").status_code == 200
        api.logout()
        api.credentials()
        assert api.get("/api/pipelines/").status_code == 401


@pytest.mark.parametrize("method", ["put", "patch", "delete", "options", "trace"])
def test_other_methods_are_not_allowed(api, process, method):
    answer = getattr(api, method)("/api/pipelines/processes/")

    assert answer.status_code == 405
    assert answer["Content-Type"] == "application/problem+json"


def test_only_json_is_given(api):
    answer = api.get("/api/pipelines/", HTTP_ACCEPT="text/html")

    assert answer.status_code == 406
