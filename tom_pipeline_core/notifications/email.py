"""A hook plugin: e-mail to whoever asked for it when a process ends."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tom_pipeline_core.hookspecs import Panel, hookimpl
from tom_pipeline_core.states import TERMINAL, State

if TYPE_CHECKING:
    from django.http import HttpRequest

    from tom_pipeline_core.models import PipelineProcess

DIGEST = timedelta(seconds=60)
"""How long a notice waits for others, so that many ends make one e-mail."""


@hookimpl
def process_state_changed(process: PipelineProcess, new: State) -> None:
    """Leave a notice for everybody who wants to hear of this end."""
    if new not in TERMINAL:
        return
    from django.utils import timezone

    from tom_pipeline_core.models import Delivery

    Delivery.objects.bulk_create(
        Delivery(
            process=process,
            user=user,
            channel=Delivery.Channel.EMAIL,
            due=timezone.now() + DIGEST,
        )
        for user in recipients(process, new)
    )


@hookimpl
def process_panels(process: PipelineProcess, request: HttpRequest) -> Iterable[Panel]:
    """Let people ask for it, on the page of the process."""
    if not request.user.is_authenticated:
        return []
    from tom_pipeline_core.models import NotificationPreference

    preference = NotificationPreference.objects.filter(user=request.user).first()
    return [
        Panel(
            title="E-mail",
            template="tom_pipeline_core/process/email_panel.html",
            context={
                "address": request.user.email,
                "follows": process.followers.filter(user=request.user).exists(),
                "choices": NotificationPreference.When.choices,
                "chosen": preference.when if preference else NotificationPreference.When.NEVER,
            },
        )
    ]


def recipients(process: PipelineProcess, state: State) -> set[Any]:
    """Return the users who want to hear of it: followers, and by preference the submitter."""
    from tom_pipeline_core.models import NotificationPreference

    wanted = {follower.user for follower in process.followers.select_related("user")}
    preference = NotificationPreference.objects.filter(user=process.user).first()
    if preference is not None and process.user is not None:
        When = NotificationPreference.When
        if preference.when == When.ALWAYS or (
            preference.when == When.FAILED and state is State.FAILED
        ):
            wanted.add(process.user)
    return {user for user in wanted if user.email and user.is_active}
