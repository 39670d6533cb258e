"""What is shown of processes and of what belongs to them; the names are the models' own."""

from __future__ import annotations

import math
from typing import Any

from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from tom_pipeline_core import permissions
from tom_pipeline_core.models import PipelineProcess, ProcessEvent
from tom_pipeline_core.rest_api.selection import SelectableSerializer
from tom_pipeline_core.states import FailureKind, State


class FiniteFloat(serializers.FloatField):
    """A number; JSON has no other than finite ones, so that the others become null."""

    def to_representation(self, value: Any) -> float | None:
        number = float(value)
        return number if math.isfinite(number) else None


class _Shown(serializers.Serializer):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.read_only = True


class ProcessSerializer(SelectableSerializer):
    """A process: which code, on what, how far it is, and how it ended."""

    id = serializers.IntegerField(read_only=True)
    url = serializers.SerializerMethodField(help_text="Where this process is in the API.")
    page = serializers.SerializerMethodField(help_text="Where people look at it.")
    identifier = serializers.CharField(read_only=True)
    pipeline_name = serializers.CharField(read_only=True)
    pipeline_id = serializers.CharField(
        read_only=True, help_text="Name with the distribution before it."
    )
    pipeline_version = serializers.CharField(read_only=True)
    target = serializers.IntegerField(source="target_id", read_only=True, allow_null=True)
    target_name = serializers.SerializerMethodField()
    user = serializers.SerializerMethodField(help_text="Who submitted it.")
    parameters = serializers.DictField(read_only=True)
    state = serializers.ChoiceField(
        choices=[state.value for state in State], read_only=True, help_text="Machines decide by it."
    )
    status = serializers.CharField(read_only=True, help_text="In the pipeline's own words.")
    progress_done = FiniteFloat(read_only=True, allow_null=True)
    progress_total = FiniteFloat(read_only=True, allow_null=True)
    created = serializers.DateTimeField(read_only=True)
    queued_at = serializers.DateTimeField(read_only=True, allow_null=True)
    started_at = serializers.DateTimeField(read_only=True, allow_null=True)
    terminal_timestamp = serializers.DateTimeField(read_only=True, allow_null=True)
    failure_kind = serializers.ChoiceField(
        choices=["", *(kind.value for kind in FailureKind)], read_only=True
    )
    failure_message = serializers.CharField(read_only=True)
    warning_count = serializers.IntegerField(read_only=True)
    attempt = serializers.IntegerField(read_only=True, help_text="How often it was started.")
    cpu_seconds = FiniteFloat(read_only=True, allow_null=True)
    peak_memory = serializers.IntegerField(read_only=True, allow_null=True, help_text="Bytes.")
    executor = serializers.CharField(source="executor_alias", read_only=True)
    queue = serializers.CharField(source="queue_alias", read_only=True)
    may_cancel = serializers.SerializerMethodField()

    def _address(self, name: str, *args: Any) -> str:
        path = reverse(name, args=args)
        request = self.context.get("request")
        return request.build_absolute_uri(path) if request is not None else path

    def get_url(self, process: PipelineProcess) -> str:
        return self._address("api:pipelines-processes-detail", process.pk)

    def get_page(self, process: PipelineProcess) -> str:
        return self._address("tom_pipeline_core:process-detail", process.pk)

    def get_target_name(self, process: PipelineProcess) -> str:
        return str(process.target.name) if process.target_id else ""

    def get_user(self, process: PipelineProcess) -> str:
        return str(process.user.get_username()) if process.user is not None else ""

    def get_may_cancel(self, process: PipelineProcess) -> bool:
        request = self.context.get("request")
        return (
            request is not None
            and not process.is_terminal
            and permissions.may_manage(request.user, process)
        )


class InputSerializer(_Shown):
    """A file that a process was given."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    product = serializers.IntegerField(
        source="visible_product",
        allow_null=True,
        help_text="Data product; null when it is gone or not yours to see.",
    )
    fate = serializers.ChoiceField(choices=["given", "skipped"])
    reason = serializers.CharField(help_text="Why it was skipped.")


class OutputSerializer(_Shown):
    """Something that a process saved."""

    id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=["file", "plot", "photometry", "spectrum", "other"])
    name = serializers.CharField()
    caption = serializers.CharField()
    size = serializers.IntegerField(allow_null=True, help_text="Bytes.")
    sha256 = serializers.CharField()
    points = serializers.IntegerField(allow_null=True)
    product = serializers.IntegerField(source="visible_product", allow_null=True)
    download = serializers.SerializerMethodField(
        help_text="Address of the file; null when there is none, or it is gone or hidden."
    )

    @extend_schema_field(
        {"type": ["string", "null"], "format": "uri", "readOnly": True}  # 3.1 has no `nullable`
    )
    def get_download(self, output: Any) -> str | None:
        if output.visible_product is None:
            return None
        path = reverse("api:pipelines-outputs-download", args=[output.process_id, output.pk])
        return str(self.context["request"].build_absolute_uri(path))


class LineSerializer(_Shown):
    """A line of a log."""

    id = serializers.IntegerField(help_text="Give the last one as `after` to go on from it.")
    time = serializers.DateTimeField()
    attempt = serializers.IntegerField()
    stream = serializers.ChoiceField(choices=["log", "out", "sys"])
    level = serializers.IntegerField(help_text="As in Python's logging: 20 info, 30 warning.")
    text = serializers.CharField()


@extend_schema_serializer(many=False)
class LogSerializer(_Shown):
    """Lines after a cursor, and whether more can come."""

    lines = LineSerializer(many=True)
    after = serializers.IntegerField(help_text="The cursor for the next request.")
    more = serializers.BooleanField(help_text="Whether lines are there that this answer left out.")
    ended = serializers.BooleanField(help_text="Whether the process has ended.")


class EventSerializer(_Shown):
    """A step in the history: a move of state, a step of the pipeline, a request of somebody."""

    id = serializers.IntegerField()
    time = serializers.DateTimeField()
    attempt = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=[str(kind) for kind in ProcessEvent.Kind.values])
    value = serializers.CharField()
    detail = serializers.CharField()
    user = serializers.SerializerMethodField()
    origin = serializers.CharField(help_text="`page`, `api`, `shell`; empty for the machinery.")

    def get_user(self, event: ProcessEvent) -> str:
        return str(event.user.get_username()) if event.user is not None else ""


class MeasurementSerializer(_Shown):
    """A number that says how good the data or the result is."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    value = FiniteFloat(allow_null=True)
    unit = serializers.CharField()
    product = serializers.IntegerField(source="product_id", allow_null=True)


class PointSerializer(_Shown):
    """A point of photometry as the TOM keeps it."""

    id = serializers.IntegerField()
    timestamp = serializers.DateTimeField()
    brightness = FiniteFloat(allow_null=True)
    brightness_error = FiniteFloat(allow_null=True)
    limit = FiniteFloat(allow_null=True)
    unit = serializers.CharField()
    bandpass = serializers.CharField()
    exposure_time = FiniteFloat(allow_null=True, help_text="Seconds.")
    telescope = serializers.CharField()
    instrument = serializers.CharField()
    source_name = serializers.CharField()
    product = serializers.IntegerField(source="data_product_id", allow_null=True)
    value = serializers.SerializerMethodField(help_text="Further facts of this point.")

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_value(self, point: Any) -> dict[str, Any]:
        return point.value if isinstance(point.value, dict) else {}


class PipelineSerializer(_Shown):
    """A pipeline that may be chosen."""

    name = serializers.CharField()
    qualified_id = serializers.CharField()
    distribution = serializers.CharField()
    version = serializers.CharField()
    url = serializers.SerializerMethodField()

    def get_url(self, entry: Any) -> str:
        path = reverse("api:pipelines-available-detail", args=[entry.qualified_id])
        return str(self.context["request"].build_absolute_uri(path))


class PipelineDetailSerializer(PipelineSerializer):
    """A pipeline with what it takes."""

    description = serializers.CharField()
    citation = serializers.CharField()
    documentation_url = serializers.CharField()
    allowed_suffixes = serializers.ListField(
        child=serializers.CharField(), help_text="Endings of file names; empty: all."
    )
    min_inputs = serializers.IntegerField()
    max_inputs = serializers.IntegerField(allow_null=True)
    parameters = serializers.DictField(help_text="JSON Schema of the parameters.")


class TargetSerializer(_Shown):
    """A target, as far as it is needed to name it."""

    id = serializers.IntegerField()
    name = serializers.CharField()


class ProductSerializer(_Shown):
    """A data product that could be an input file."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    data_product_type = serializers.CharField()
    created = serializers.DateTimeField()
    refusal = serializers.CharField(
        help_text="Why the pipeline that was asked about does not take it; empty if it does."
    )


class PresetSerializer(_Shown):
    """Values of a pipeline's parameters under a name."""

    id = serializers.IntegerField()
    pipeline_id = serializers.CharField()
    name = serializers.CharField()
    user = serializers.CharField(source="user.username")
    shared = serializers.BooleanField()
    parameters = serializers.DictField()
    modified = serializers.DateTimeField()


class FindingSerializer(_Shown):
    """Something that speaks against a run, with the files that it is about."""

    level = serializers.ChoiceField(
        source="issue.level",
        choices=["error", "warning"],
        help_text="An error blocks the run; a warning is for you to judge.",
    )
    message = serializers.CharField(source="issue.message")
    files = serializers.SerializerMethodField()

    @extend_schema_field(
        {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "product": {"type": "integer"},
                    "name": {"type": "string"},
                    "detail": {"type": "string"},
                },
                "required": ["product", "name", "detail"],
            },
        }
    )
    def get_files(self, finding: Any) -> list[dict[str, Any]]:
        return [
            {"product": product.pk, "name": name, "detail": detail}
            for (product, _), (name, detail) in zip(finding.products, finding.files, strict=True)
        ]


class PreflightSerializer(_Shown):
    """What would happen if this were submitted."""

    accepted = serializers.BooleanField()
    errors = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField()),
        help_text="Messages by field, as a refused submission gives them.",
    )
    findings = FindingSerializer(many=True, help_text="What a look at the files found.")
    unread = serializers.IntegerField(help_text="Files whose headers there was no time to read.")
    products = serializers.IntegerField(help_text="How many files it would take.")
    parameters = serializers.DictField(help_text="With defaults filled in, as they would be kept.")


class ProblemSerializer(_Shown):
    """An error (RFC 9457)."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    errors = serializers.DictField(
        required=False, child=serializers.ListField(child=serializers.CharField())
    )
