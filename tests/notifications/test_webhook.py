from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.running import run
from tom_pipeline_core.models import Delivery
from tom_pipeline_core.notifications import outbox, post

pytestmark = pytest.mark.django_db

SECRET = "a secret of many letters"


class Receiver:
    """A program that is told, on this machine."""

    def __init__(self) -> None:
        self.status = 204
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.requests.append((self.path, dict(self.headers), body))
                self.send_response(receiver.status)
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?from=tom"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    it = Receiver()
    thread = threading.Thread(target=it.server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield it
    it.server.shutdown()
    it.server.server_close()
    thread.join()


@pytest.fixture
def ended(samples, target, make_product, settings, receiver, django_capture_on_commit_callbacks):
    """Return a function that runs a sample, with the webhook in the settings."""

    def make(pipeline: str, **options):
        webhook = {"URL": receiver.url, "SECRET": SECRET, "ALLOW_PRIVATE": True, **options}
        settings.TOM_PIPELINES = {**settings.TOM_PIPELINES, "WEBHOOKS": [webhook]}
        with django_capture_on_commit_callbacks(execute=True):
            return run(pipeline, make_product(target))

    return make


def test_a_receiver_is_told_and_can_check_who_says_it(ended, receiver):
    process = ended("Refusing")
    assert outbox.deliver_due() == 1
    ((path, headers, body),) = receiver.requests
    told = json.loads(body)
    assert path == "/hook?from=tom"
    assert (told["process"], told["old"], told["new"]) == (process.pk, "running", "failed")
    assert told["failure_message"].startswith("No star in frame.fits")
    assert "failure_traceback" not in told
    expected = post.signature(SECRET, headers[post.TIMESTAMP], body)
    assert headers[post.SIGNATURE] == expected
    assert Delivery.objects.get().fate == "sent"


def test_only_the_wanted_states_are_told(ended, receiver):
    ended("Copy", STATES=["failed"])
    assert not Delivery.objects.exists()


def test_a_private_address_is_refused_unless_it_is_allowed(ended, receiver):
    ended("Copy", ALLOW_PRIVATE=False)
    outbox.deliver_due()
    assert receiver.requests == []
    row = Delivery.objects.get()
    assert row.fate == "given up"
    assert "127.0.0.1 is 127.0.0.1, inside a private network" in row.last_error


@pytest.mark.parametrize(
    ("status", "fate"), [(500, "waiting"), (429, "waiting"), (302, "waiting"), (410, "given up")]
)
def test_what_the_receiver_answers_decides_whether_it_is_tried_again(ended, receiver, status, fate):
    receiver.status = status
    ended("Copy")
    outbox.deliver_due()
    row = Delivery.objects.get()
    assert row.fate == fate
    assert f"status {status}" in row.last_error
    assert len(receiver.requests) == 1  # a redirect is not followed


def test_a_receiver_that_is_down_is_tried_again(ended, receiver):
    ended("Copy")
    receiver.server.socket.close()
    outbox.deliver_due()
    row = Delivery.objects.get()
    assert (row.fate, row.tries) == ("waiting", 1)


def test_a_webhook_that_left_the_settings_is_not_told(ended, receiver, settings):
    ended("Copy")
    settings.TOM_PIPELINES = {**settings.TOM_PIPELINES, "WEBHOOKS": []}
    outbox.deliver_due()
    assert receiver.requests == []
    assert "not in TOM_PIPELINES['WEBHOOKS'] any more" in Delivery.objects.get().last_error
