"""Send the notices that are due; each worker does this every few seconds."""

from __future__ import annotations

import logging
import smtplib
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.core.mail import EmailMessage
from django.db.models import Q
from django.db.models.functions import Now
from django.template.loader import render_to_string
from django.utils import timezone

from tom_pipeline_core import conf, permissions
from tom_pipeline_core.models import Delivery
from tom_pipeline_core.notifications.post import Refused, post

logger = logging.getLogger(__name__)

CLAIM = timedelta(minutes=5)
PAUSES = tuple(timedelta(seconds=seconds) for seconds in (30, 120, 600, 3600, 6 * 3600))
"""Between tries; after the last one a notice is given up."""

MAIL_LINES = 50


def deliver_due() -> int:
    """Send what is due; return how many notices were taken."""
    taken = 0
    while (first := _waiting().filter(due__lte=Now()).first()) is not None:
        # One e-mail for all that waits for somebody, though some of it is not due yet.
        together = (
            _waiting().filter(channel=first.channel, user=first.user_id)
            if first.channel == Delivery.Channel.EMAIL
            else _waiting().filter(pk=first.pk)
        )
        rows = _claim(list(together.values_list("pk", flat=True)))
        if not rows:
            return taken  # another worker was quicker
        taken += len(rows)
        _send(rows)
    return taken


def _waiting() -> Any:
    free = Q(claimed_until=None) | Q(claimed_until__lt=Now())
    return Delivery.objects.filter(free, fate=Delivery.Fate.WAITING)


def _claim(keys: list[int]) -> list[Delivery]:
    mine = [
        key
        for key in keys
        # One UPDATE each: of two workers that saw a notice only one sends it.
        if _waiting().filter(pk=key).update(claimed_until=timezone.now() + CLAIM)
    ]
    return list(Delivery.objects.filter(pk__in=mine).select_related("process", "user"))


def _send(rows: Sequence[Delivery]) -> None:
    try:
        if rows[0].channel == Delivery.Channel.EMAIL:
            _mail(rows)
        else:
            _post(rows[0])
    except Refused as error:
        _settle(rows, Delivery.Fate.GIVEN_UP, str(error))
        logger.warning("%s is not told: %s", rows[0].address, error)
    except (OSError, smtplib.SMTPException) as error:
        _try_again(rows, f"{type(error).__name__}: {error}")
    else:
        _settle(rows, Delivery.Fate.SENT, "")


def _settle(rows: Sequence[Delivery], fate: str, error: str) -> None:
    Delivery.objects.filter(pk__in=[row.pk for row in rows]).update(
        fate=fate, last_error=error, claimed_until=None
    )


def _try_again(rows: Sequence[Delivery], error: str) -> None:
    for row in rows:
        if row.tries >= len(PAUSES):
            _settle([row], Delivery.Fate.GIVEN_UP, error)
            logger.error("A notice of process %s is given up: %s", row.process_id, error)
            continue
        Delivery.objects.filter(pk=row.pk).update(
            tries=row.tries + 1,
            due=timezone.now() + PAUSES[row.tries],
            claimed_until=None,
            last_error=error,
        )
        logger.warning("A notice of process %s is tried again: %s", row.process_id, error)


def _mail(rows: Sequence[Delivery]) -> None:
    user = rows[0].user
    if user is None:
        return
    # Rights may have gone since; then there is nothing to tell.
    seen = set(
        permissions.visible_processes(user)
        .filter(pk__in={row.process_id for row in rows})
        .values_list("pk", flat=True)
    )
    processes = list(
        {row.process_id: row.process for row in rows if row.process_id in seen}.values()
    )
    if not processes:
        return
    first = processes[0]
    subject = (
        f"{first.pipeline_name or first.identifier}: {first.state}"
        if len(processes) == 1
        else f"{len(processes)} pipeline processes have ended"
    )
    text = render_to_string(
        "tom_pipeline_core/email/ended.txt",
        {
            "user": user,
            "processes": processes[:MAIL_LINES],
            "more": max(len(processes) - MAIL_LINES, 0),
            "site_url": conf.get().site_url,
        },
    )
    EmailMessage(" ".join(subject.split()), text, to=[user.email]).send()


def _post(row: Delivery) -> None:
    webhook = next((hook for hook in conf.get().webhooks if hook.url == row.address), None)
    if webhook is None:
        raise Refused("it is not in TOM_PIPELINES['WEBHOOKS'] any more")
    post(webhook, row.payload, delivery=row.pk)
