"""What the JSON endpoints say of a process and of a target."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from django.urls import reverse
from rest_framework import serializers
from tom_targets.models import Target

from tom_education.models import ASYNC_STATUS_FAILED, AsyncProcess
from tom_education.models.async_process import is_pipeline
from tom_pipeline_core.models import PipelineProcess
from tom_pipeline_core.states import State


class TimestampField(serializers.Field):  # type: ignore[misc]
    """A moment as seconds since 1970."""

    def to_representation(self, value: datetime) -> float:
        """Return the seconds."""
        return value.timestamp()


class AsyncProcessSerializer(serializers.ModelSerializer):  # type: ignore[misc]
    """A process in a list."""

    created = TimestampField()
    status = serializers.SerializerMethodField()
    terminal_timestamp = TimestampField()
    failure_message = serializers.SerializerMethodField()
    view_url = serializers.SerializerMethodField()
    process_type = serializers.SerializerMethodField()

    class Meta:
        model = AsyncProcess
        fields = [
            "identifier",
            "created",
            "status",
            "terminal_timestamp",
            "failure_message",
            "view_url",
            "process_type",
        ]

    def get_status(self, process: PipelineProcess) -> str:
        """Return the status; front ends wait for 'created' or 'failed' and know no 'cancelled'."""
        cancelled = process.state == State.CANCELLED.value
        return ASYNC_STATUS_FAILED if cancelled else process.status

    def get_failure_message(self, process: PipelineProcess) -> str | None:
        """Return why it failed, or None."""
        if process.state == State.CANCELLED.value:
            return process.failure_message or "Cancelled"
        return process.failure_message or None

    def get_view_url(self, process: PipelineProcess) -> str | None:
        """Return where the process is shown; None of one that is no pipeline's."""
        if not is_pipeline(process):
            return None
        return reverse("tom_education:pipeline_detail", kwargs={"pk": process.pk})

    def get_process_type(self, process: PipelineProcess) -> str | None:
        """Return the name of its class."""
        return process.process_type.rpartition(".")[2] or None


class PipelineProcessSerializer(AsyncProcessSerializer):
    """A pipeline's process with its log."""

    logs = serializers.SerializerMethodField()
    group_name = serializers.SerializerMethodField()
    group_url = serializers.SerializerMethodField()

    class Meta:
        model = PipelineProcess
        fields = [
            "identifier",
            "created",
            "status",
            "terminal_timestamp",
            "failure_message",
            "view_url",
            "logs",
            "group_name",
            "group_url",
        ]

    def get_fields(self) -> dict[str, Any]:
        """Leave out what only the list has."""
        fields: dict[str, Any] = super().get_fields()
        fields.pop("process_type", None)
        return fields

    def get_logs(self, process: PipelineProcess) -> str:
        """Return the log, '' when there is none."""
        return process.logs or ""

    def get_group_name(self, process: PipelineProcess) -> str | None:
        """Return the name of the group of outputs."""
        return process.group.name if process.group else None

    def get_group_url(self, process: PipelineProcess) -> str | None:
        """Return where the group of outputs is shown."""
        if not process.group:
            return None
        return reverse("tom_dataproducts:group-detail", kwargs={"pk": process.group.pk})


class TargetSerializer(serializers.ModelSerializer):  # type: ignore[misc]
    """Name and extra fields of a target."""

    class Meta:
        model = Target
        fields = ["name", "extra_fields"]


class TimelapsePipelineSerializer(serializers.Serializer):  # type: ignore[misc]
    """
    A timelapse that was made.

    Its process carries ``timelapse``, the data product.
    """

    name = serializers.SerializerMethodField()
    format = serializers.SerializerMethodField()
    url = serializers.SerializerMethodField()
    created = TimestampField(source="terminal_timestamp")
    frames = serializers.IntegerField(source="frame_count")

    def get_name(self, process: Any) -> str:
        """Return the name of the file."""
        return Path(process.timelapse.data.name).name

    def get_format(self, process: Any) -> str:
        """Return the ending of the file's name."""
        return Path(process.timelapse.data.name).suffix[1:]

    def get_url(self, process: Any) -> str:
        """Return where the file is."""
        url: str = process.timelapse.data.url
        return url
