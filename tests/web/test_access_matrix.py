"""
Who gets what from each of our addresses, asked of all of them by everybody.

The addresses come from the URL configuration: one without a line in ``RULES`` fails. What a visitor
may not see must look like what does not exist, so bodies are compared with marks, not only states
of answers: the TOM turns refusals into redirects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import get_resolver, reverse
from django.utils import timezone
from guardian.shortcuts import assign_perm
from pytest_django import Settings
from tom_dataproducts.models import DataProduct, DataProductGroup

from tests.conftest import MakeProduct, MakeTarget
from tests.sample_pipelines import PNG
from tom_pipeline_core.models import PipelineProcess

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("samples"), pytest.mark.slow]

TARGET_MARK = "zz-target-zz"
PROCESS_MARK = "zz-process-zz"
PEOPLE = ("anonymous", "token", "outsider", "viewer", "owner", "staff", "superuser")


@dataclass(frozen=True)
class Visitor:
    """Somebody who asks, and what the rules of the site let them see."""

    role: str
    signed_in: bool
    sees_target: bool
    sees_process: bool

    @property
    def is_staff(self) -> bool:
        return self.role in ("staff", "superuser")

    @property
    def may_manage(self) -> bool:
        return self.signed_in and self.sees_process and (self.is_staff or self.role == "owner")


@dataclass(frozen=True)
class Answer:
    """What is expected: a state, and whether the body tells of the process or the target."""

    status: int
    tells: bool = False
    location: str = ""


OK = Answer(200)
TOLD = Answer(200, tells=True)
ABSENT = Answer(404)
LOGIN = Answer(302, location="/accounts/login/")
Rule = Callable[[Visitor], Answer]


def of_the_process(visitor: Visitor) -> Answer:
    return TOLD if visitor.sees_process else ABSENT


def a_last_poll(visitor: Visitor) -> Answer:
    return Answer(286, tells=True) if visitor.sees_process else ABSENT


def of_the_target(visitor: Visitor) -> Answer:
    return TOLD if visitor.sees_target else ABSENT


def a_list_of_what_is_seen(visitor: Visitor) -> Answer:
    return TOLD if visitor.sees_process else OK


def a_list_of_processes(visitor: Visitor) -> Answer:
    return TOLD if visitor.sees_process else OK


def for_everybody(visitor: Visitor) -> Answer:
    return OK


def for_staff(visitor: Visitor) -> Answer:
    return OK if visitor.is_staff else ABSENT


def a_monitor(visitor: Visitor) -> Answer:
    return Answer(503) if visitor.is_staff else ABSENT  # a process waits, and no worker is there


def cancelling(visitor: Visitor) -> Answer:
    return Answer(302, location="/pipelines/") if visitor.may_manage else ABSENT


def running_again(visitor: Visitor) -> Answer:
    allowed = visitor.signed_in and visitor.sees_process
    return Answer(302, location="/pipelines/") if allowed else ABSENT


def following(visitor: Visitor) -> Answer:
    allowed = visitor.signed_in and visitor.sees_process
    return Answer(302, location="/pipelines/") if allowed else ABSENT


def bulk(visitor: Visitor) -> Answer:
    return Answer(302, location="/pipelines/") if visitor.signed_in else ABSENT


def choosing(visitor: Visitor) -> Answer:
    if not visitor.signed_in:
        return LOGIN
    return TOLD if visitor.sees_target else ABSENT


def thumbnail(visitor: Visitor) -> Answer:
    return OK if visitor.sees_process else ABSENT


def deleting_a_group(visitor: Visitor) -> Answer:
    if not visitor.sees_process:
        return ABSENT
    return TOLD if visitor.signed_in else LOGIN


@dataclass(frozen=True)
class Line:
    """How an address is asked, and by which rule it answers."""

    rule: Rule
    args: tuple[str, ...] = ()
    method: str = "get"
    query: str = ""


P, O, I = "process", "output", "input"  # noqa: E741 - what the numbers in addresses stand for
RULES = {
    "process-list": Line(a_list_of_processes, query="?whose=all"),
    "process-bulk": Line(bulk, method="post"),
    "plugin-list": Line(for_everybody),
    "health": Line(for_staff),
    "health-json": Line(a_monitor),
    "plotly-js": Line(for_everybody, ("plotly",)),
    "process-detail": Line(of_the_process, (P,)),
    "process-poll": Line(a_last_poll, (P,), query="?after=0"),
    "process-steps": Line(of_the_process, (P,)),
    "process-log": Line(of_the_process, (P,)),
    "process-log-text": Line(of_the_process, (P,)),
    "process-cancel": Line(cancelling, ("waiting",), "post"),
    "process-run-again": Line(running_again, ("waiting",), "post"),
    "process-follow": Line(following, (P,), "post"),
    "process-download-all": Line(of_the_process, (P,)),
    "process-output-file": Line(of_the_process, (P, O)),
    "process-output-image": Line(of_the_process, (P, "image")),
    "process-output-table": Line(of_the_process, (P, O)),
    "process-input-file": Line(of_the_process, (P, I)),
    "process-light-curve": Line(of_the_process, (P,)),
    "process-create": Line(choosing, query="?target={target}"),
    "create-thumbnail": Line(thumbnail, ("product",)),
    "target-tab": Line(of_the_target, ("target",)),
    "pipelines-group-list": Line(a_list_of_what_is_seen),
    "pipelines-group-detail": Line(of_the_process, ("group",)),
    "pipelines-group-delete": Line(deleting_a_group, ("group",)),
}


@cache
def our_addresses() -> dict[str, str]:
    """Return every named address whose view is ours, except the API's, by name."""
    found: dict[str, str] = {}

    def walk(patterns: Any, namespaces: tuple[str, ...]) -> None:
        for pattern in patterns:
            if hasattr(pattern, "url_patterns"):
                inner = (*namespaces, pattern.namespace) if pattern.namespace else namespaces
                walk(pattern.url_patterns, inner)
            elif _is_ours(pattern.callback):
                found[pattern.name] = ":".join((*namespaces, pattern.name))

    walk(get_resolver().url_patterns, ())
    return found


def _is_ours(view: Any) -> bool:
    view = getattr(view, "cls", getattr(view, "view_class", view))
    module = str(view.__module__)
    return module.startswith("tom_pipeline_core.") and ".rest_api" not in module


def test_every_address_has_a_rule_and_every_rule_an_address() -> None:
    addresses = our_addresses()
    assert not set(addresses) - set(RULES), "addresses without a line in RULES"
    assert not set(RULES) - set(addresses), "lines of RULES without an address"


@dataclass
class Site:
    """A target with a process, and everybody who might ask for it."""

    target: Any
    process: PipelineProcess
    waiting: PipelineProcess
    numbers: dict[str, Any]
    clients: dict[str, Client]

    def address(self, name: str, line: Line) -> str:
        args = [self.numbers[what] for what in line.args]
        return reverse(our_addresses()[name], args=args) + line.query.format(**self.numbers)

    def reset(self) -> None:
        PipelineProcess.objects.exclude(pk__in=(self.process.pk, self.waiting.pk)).delete()
        PipelineProcess.objects.filter(pk=self.waiting.pk).update(
            state="queued", terminal_timestamp=None
        )


@pytest.fixture
def people(superuser: User) -> dict[str, User]:
    made = {role: User.objects.create_user(role) for role in PEOPLE[2:6]}
    User.objects.filter(username="staff").update(is_staff=True)
    return {**made, "superuser": superuser}


@pytest.fixture
def site(
    request: pytest.FixtureRequest,
    people: dict[str, User],
    make_target: MakeTarget,
    make_product: MakeProduct,
) -> Site:
    target = make_target(TARGET_MARK, permissions=request.node.callspec.params["kind"])
    frame = make_product(target, f"{PROCESS_MARK}.fits", f"SIMPLE {PROCESS_MARK}")
    table = make_product(target, f"{PROCESS_MARK}.csv", f"name\n{PROCESS_MARK}\n")
    image = make_product(target, f"{PROCESS_MARK}.png", PNG)
    group = DataProductGroup.objects.create(name=PROCESS_MARK)
    for product in (frame, table, image):
        product.group.add(group)
    for role in ("viewer", "owner"):
        assign_perm("tom_targets.view_target", people[role], target)
        for product in (frame, table, image):
            assign_perm("tom_dataproducts.view_dataproduct", people[role], product)
    process = _process(target, people["owner"], frame, state="succeeded", group=group)
    process.log(PROCESS_MARK)
    process.events.create(time=timezone.now(), kind="status", value=PROCESS_MARK)
    output = process.outputs.create(kind="file", product=table, name=f"{PROCESS_MARK}.csv")
    picture = process.outputs.create(kind="plot", product=image, name=f"{PROCESS_MARK}.png")
    waiting = _process(target, people["owner"], frame)
    from tom_pipeline_core.web.light_curve import plotly_source

    return Site(
        target=target,
        process=process,
        waiting=waiting,
        numbers={
            "process": process.pk,
            "waiting": waiting.pk,
            "output": output.pk,
            "image": picture.pk,
            "input": process.inputs.get().pk,
            "product": image.pk,
            "target": target.pk,
            "group": group.pk,
            "plotly": plotly_source()[1],
        },
        clients={role: _client(role, people) for role in PEOPLE},
    )


def _process(target: Any, owner: User, frame: DataProduct, **values: Any) -> PipelineProcess:
    process = PipelineProcess.objects.create(
        target=target,
        user=owner,
        pipeline_name="Copy",
        pipeline_id="settings:Copy",
        status=PROCESS_MARK,
        identifier=f"{PROCESS_MARK}{values.get('state', '')}",
        terminal_timestamp=timezone.now() - timedelta(hours=1) if values else None,
        **values,
    )
    process.inputs.create(product=frame, name=f"{PROCESS_MARK}.fits")
    return process


def _client(role: str, people: dict[str, User]) -> Client:
    if role == "token":
        from rest_framework.authtoken.models import Token

        key = Token.objects.get_or_create(user=people["viewer"])[0].key
        return Client(headers={"Authorization": f"Token {key}"})
    client = Client()
    if role != "anonymous":
        client.force_login(people[role])
    return client


def visitor_of(role: str, kind: str, targets_only: bool) -> Visitor:
    """Return what the site's rules give to a role; the pages know no tokens."""
    signed_in = role not in ("anonymous", "token")
    entitled = role in ("viewer", "owner", "superuser")
    sees_target = entitled or kind == "OPEN" or (kind == "PUBLIC" and signed_in)
    return Visitor(
        role=role,
        signed_in=signed_in,
        sees_target=sees_target,
        sees_process=entitled or (sees_target and targets_only),
    )


def body_of(response: Any) -> str:
    content = b"".join(response.streaming_content) if response.streaming else response.content
    headers = " ".join(response.headers.values())
    return content.decode(errors="replace") + headers


def complaints(site: Site, visitor: Visitor, locked: bool) -> Iterator[str]:
    for name, line in RULES.items():
        expected = LOGIN if locked and not visitor.signed_in else line.rule(visitor)
        client = site.clients[visitor.role]
        address = site.address(name, line)
        response = getattr(client, line.method)(address, follow=False)
        body = body_of(response)
        by_target = line.rule in (of_the_target, a_list_of_processes, choosing)
        mark = TARGET_MARK if by_target else PROCESS_MARK
        told = mark in body.replace(address, "")
        where = f"{visitor.role} {line.method} {address}"
        if response.status_code != expected.status:
            yield f"{where}: {response.status_code} instead of {expected.status}"
        elif told != expected.tells:
            yield f"{where}: {'tells' if told else 'does not tell'} of {mark}"
        elif expected.location and not response["Location"].startswith(expected.location):
            yield f"{where}: leads to {response['Location']}"
        yield from _effects(site, visitor, name, where, expected)
        site.reset()


def _effects(
    site: Site, visitor: Visitor, name: str, where: str, expected: Answer
) -> Iterator[str]:
    site.waiting.refresh_from_db()
    allowed = expected.status == 302 and expected is not LOGIN
    cancelled = site.waiting.state == "cancelled"
    if cancelled != (name == "process-cancel" and allowed):
        yield f"{where}: the process is {site.waiting.state}"
    made = PipelineProcess.objects.count() - 2
    if made != (1 if name == "process-run-again" and allowed else 0):
        yield f"{where}: made {made} processes"


@pytest.mark.parametrize("strategy", ["READ_ONLY", "LOCKED"])
@pytest.mark.parametrize("targets_only", [True, False])
@pytest.mark.parametrize("kind", ["PRIVATE", "PUBLIC", "OPEN"])
def test_everybody_gets_what_the_rules_of_the_site_give_them(
    site: Site, settings: Settings, kind: str, targets_only: bool, strategy: str
) -> None:
    settings.TARGET_PERMISSIONS_ONLY = targets_only
    settings.AUTH_STRATEGY = strategy

    found = [
        complaint
        for role in PEOPLE
        for complaint in complaints(
            site, visitor_of(role, kind, targets_only), strategy == "LOCKED"
        )
    ]

    assert not found, "\n".join(found)
