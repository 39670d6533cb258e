"""A hook plugin: a signed POST to the addresses in ``TOM_PIPELINES['WEBHOOKS']``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tom_pipeline_core import conf
from tom_pipeline_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from tom_pipeline_core.models import PipelineProcess
    from tom_pipeline_core.states import State


@hookimpl
def process_state_changed(process: PipelineProcess, old: State | None, new: State) -> None:
    """Leave a notice for every webhook that wants to hear of this state."""
    wanted = [webhook for webhook in conf.get().webhooks if str(new) in webhook.states]
    if not wanted:
        return
    from django.utils import timezone

    from tom_pipeline_core.models import Delivery

    payload = describe(process, old, new)
    Delivery.objects.bulk_create(
        Delivery(
            process=process,
            channel=Delivery.Channel.WEBHOOK,
            address=webhook.url,
            payload=payload,
            due=timezone.now(),
        )
        for webhook in wanted
    )


def describe(process: PipelineProcess, old: State | None, new: State) -> dict[str, Any]:
    """Return what a program is told; nothing that only staff may read."""
    return {
        "event": "process_state_changed",
        "process": process.pk,
        "identifier": process.identifier,
        "url": f"{conf.get().site_url}{process.get_absolute_url()}",
        "pipeline": process.pipeline_name,
        "pipeline_id": process.pipeline_id,
        "version": process.pipeline_version,
        "target": process.target_id,
        "old": str(old) if old is not None else None,
        "new": str(new),
        "failure_kind": process.failure_kind,
        "failure_message": process.failure_message,
    }
