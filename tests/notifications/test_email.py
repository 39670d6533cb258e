from __future__ import annotations

import smtplib
from datetime import timedelta

import pytest
from django.core import mail
from django.urls import reverse
from django.utils import timezone

from tests.running import run
from tom_pipeline_core import submission
from tom_pipeline_core.models import Delivery, NotificationPreference, PipelineProcess
from tom_pipeline_core.notifications import outbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader(user):
    user.email = "hypatia@example.org"
    user.save()
    return user


@pytest.fixture
def ended(samples, target, make_product, reader, settings, django_capture_on_commit_callbacks):
    """Return a function that runs a sample as the reader."""
    settings.TOM_PIPELINES = {**settings.TOM_PIPELINES, "SITE_URL": "https://tom.example.org"}
    product = make_product(target)

    def make(pipeline: str, *, follow: bool = False) -> PipelineProcess:
        with django_capture_on_commit_callbacks(execute=True):
            if not follow:
                return run(pipeline, product, user=reader)
            process = submission.submit(pipeline, target=target, products=[product], user=reader)
            process.followers.create(user=reader)
            from tom_pipeline_core.supervisor import Supervisor

            Supervisor().run(process.pk)
            process.refresh_from_db()
            return process

    return make


def prefer(user, when: str) -> None:
    NotificationPreference.objects.create(user=user, when=when)


def wait_for_the_digest() -> int:
    Delivery.objects.update(due=timezone.now() - timedelta(seconds=1))
    return outbox.deliver_due()


def test_nobody_gets_mail_who_did_not_ask(ended):
    ended("Copy")
    ended("Refusing")
    assert not Delivery.objects.exists()


def test_who_follows_a_process_is_told_how_it_ended(ended):
    process = ended("Refusing", follow=True)
    assert outbox.deliver_due() == 0  # it waits for others
    assert wait_for_the_digest() == 1
    (message,) = mail.outbox
    assert message.to == ["hypatia@example.org"]
    assert message.subject == "Refusing: failed"
    assert "No star in frame.fits" in message.body
    assert f"https://tom.example.org{process.get_absolute_url()}" in message.body


@pytest.mark.parametrize(
    ("when", "subjects"),
    [
        ("never", []),
        ("failed", ["Refusing: failed"]),
        ("always", ["2 pipeline processes have ended"]),
    ],
)
def test_the_preference_decides_about_one_s_own(ended, reader, when, subjects):
    prefer(reader, when)
    ended("Copy")
    ended("Refusing")
    wait_for_the_digest()
    assert [message.subject for message in mail.outbox] == subjects


def test_many_ends_make_one_mail(ended, reader):
    prefer(reader, "always")
    for _ in range(4):
        ended("Copy")
    first = Delivery.objects.first()
    assert first is not None
    Delivery.objects.filter(pk=first.pk).update(due=timezone.now() - timedelta(seconds=1))
    assert outbox.deliver_due() == 4
    (message,) = mail.outbox
    assert message.body.count("succeeded") == 4


def test_rights_are_looked_at_again_before_it_is_sent(ended, reader, target):
    prefer(reader, "always")
    ended("Copy")
    target.permissions = "PRIVATE"
    target.save()
    wait_for_the_digest()
    assert mail.outbox == []


def test_a_mail_server_that_is_away_is_tried_again_and_given_up_at_last(ended, reader, monkeypatch):
    prefer(reader, "always")
    ended("Copy")

    def refuse(self, *args, **kwargs):
        raise smtplib.SMTPServerDisconnected("away")

    monkeypatch.setattr("django.core.mail.EmailMessage.send", refuse)
    for tries in range(1, len(outbox.PAUSES) + 1):
        wait_for_the_digest()
        row = Delivery.objects.get()
        assert (row.tries, row.fate) == (tries, "waiting")
        assert row.due > timezone.now()
    wait_for_the_digest()
    row = Delivery.objects.get()
    assert row.fate == "given up"
    assert "away" in row.last_error


def test_a_notice_that_another_worker_has_taken_is_left_to_it(ended, reader):
    prefer(reader, "always")
    ended("Copy")
    Delivery.objects.update(claimed_until=timezone.now() + timedelta(minutes=1))
    assert wait_for_the_digest() == 0
    Delivery.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    assert wait_for_the_digest() == 1


def test_the_page_of_a_process_offers_it_and_keeps_the_answer(ended, reader, client):
    process = ended("Copy")
    client.force_login(reader)
    page = client.get(process.get_absolute_url()).content.decode()
    assert "hypatia@example.org" in page
    address = reverse("tom_pipeline_core:process-follow", args=[process.pk])
    assert client.get(address).status_code == 405
    assert client.post(address, {"follow": "1", "when": "failed"}).status_code == 302
    assert process.followers.get().user == reader
    assert NotificationPreference.objects.get(user=reader).when == "failed"
    client.post(address, {"when": "never"})
    assert not process.followers.exists()


def test_who_may_not_see_a_process_cannot_follow_it(ended, target, client, django_user_model):
    process = ended("Copy")
    target.permissions = "PRIVATE"
    target.save()
    client.force_login(django_user_model.objects.create_user("eve"))
    address = reverse("tom_pipeline_core:process-follow", args=[process.pk])
    assert client.post(address, {"follow": "1"}).status_code == 404
