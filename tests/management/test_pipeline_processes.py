from __future__ import annotations

import io
import json

import pytest
from django.core.management import CommandError, call_command

from tests.running import run
from tom_pipeline_core import submission
from tom_pipeline_core.models import PipelineProcess

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("samples")]


def command(*args: str) -> str:
    out = io.StringIO()
    call_command("pipeline_processes", *args, stdout=out)
    return out.getvalue()


def test_processes_are_listed_newest_first_and_by_state(target, make_product):
    product = make_product(target)
    run("Copy", product)
    queued = submission.submit("Refusing", target=target, products=[product])

    assert [row["state"] for row in json.loads(command("list", "--json"))] == [
        "queued",
        "succeeded",
    ]
    assert json.loads(command("list", "--state", "queued", "--json"))[0]["id"] == queued.pk
    assert "Refusing" in command("list")


def test_everything_about_a_process_is_shown(target, make_product):
    process = run("Refusing", make_product(target))

    facts = json.loads(command("show", str(process.pk), "--json"))

    assert facts["failure_message"].startswith("No star")
    assert facts["inputs"][0]["name"] == "frame.fits"
    assert [event["value"] for event in facts["history"]] == ["queued", "running", "failed"]
    assert "No star" in command("show", str(process.pk))


def test_processes_are_cancelled_and_ended_ones_are_left(target, make_product):
    product = make_product(target)
    ended = run("Copy", product)
    queued = submission.submit("Copy", target=target, products=[product])

    results = json.loads(command("cancel", str(ended.pk), str(queued.pk), "--json"))

    assert results == [
        {"id": ended.pk, "cancelled": False, "state": "succeeded"},
        {"id": queued.pk, "cancelled": True, "state": "cancelled"},
    ]


def test_an_ended_process_is_submitted_again_as_a_new_one(target, make_product):
    ended = run("Refusing", make_product(target))

    new = json.loads(command("requeue", str(ended.pk), "--json"))[0]["new_id"]

    assert PipelineProcess.objects.get(pk=new).state == "queued"
    assert PipelineProcess.objects.get(pk=ended.pk).state == "failed"


def test_a_running_process_is_not_queued_again(target, make_product):
    process = submission.submit("Copy", target=target, products=[make_product(target)])
    PipelineProcess.objects.filter(pk=process.pk).update(state="running")

    with pytest.raises(CommandError, match="Cancel it first"):
        command("requeue", str(process.pk))


def test_lost_processes_are_reaped(target, make_product):
    process = submission.submit("Copy", target=target, products=[make_product(target)])
    PipelineProcess.objects.filter(pk=process.pk).update(state="running", lease_until=None)

    assert json.loads(command("reap", "--json")) == {"requeued": 1, "failed": 0, "cancelled": 0}


def test_an_unknown_process_is_named(db):
    with pytest.raises(CommandError, match="no process 99"):
        command("show", "99")
