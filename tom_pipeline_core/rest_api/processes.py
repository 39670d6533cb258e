"""Processes: listing, looking at one, submitting, cancelling, running again."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from tom_pipeline_core import permissions, submission
from tom_pipeline_core.models import PipelineProcess
from tom_pipeline_core.rest_api import described, key_of_request, submitting
from tom_pipeline_core.rest_api.conditional import respond
from tom_pipeline_core.rest_api.endpoint import ProcessEndpoint
from tom_pipeline_core.rest_api.pages import PAGE_MOST
from tom_pipeline_core.rest_api.problems import Conflict
from tom_pipeline_core.rest_api.representations import ProcessSerializer
from tom_pipeline_core.rest_api.strict_input import (
    Identifier,
    StrictSerializer,
    Text,
    WholeNumber,
    read_body,
    read_query,
)
from tom_pipeline_core.states import State

ORIGIN = "api"


class PageQuery(StrictSerializer):
    cursor = Text(required=False, help_text="Where a page begins, as `next` and `previous` say.")
    page_size = WholeNumber(required=False, min_value=1, max_value=PAGE_MOST)


class FieldsQuery(StrictSerializer):
    fields = Text(required=False, help_text="Names separated by commas; all without it.")


class ProcessQuery(FieldsQuery, PageQuery):
    state = serializers.ListField(
        child=serializers.ChoiceField(choices=[state.value for state in State]),
        required=False,
        help_text="May be given several times.",
    )
    target = Identifier(required=False)
    pipeline = Text(required=False, max_length=400, help_text="Name or qualified id.")
    user = Text(required=False, max_length=150, help_text="User name of who submitted; `me`.")
    created_after = serializers.DateTimeField(required=False)
    created_before = serializers.DateTimeField(required=False)
    ordering = serializers.ChoiceField(
        choices=["-created", "created"], required=False, help_text="Newest first without it."
    )


class RunAgainBody(StrictSerializer):
    parameters = serializers.DictField(
        required=False,
        help_text="What changes; what is not named stays as it was, and null takes the default.",
    )


class ProcessViewSet(ProcessEndpoint):
    """Runs of pipelines that you may see."""

    queryset = PipelineProcess.objects.none()
    serializer_class = ProcessSerializer
    lookup_value_regex = "[^/]+"
    rated_as_submission = frozenset({"create", "run_again"})

    def get_queryset(self) -> QuerySet[PipelineProcess]:
        # Tracebacks can be long, and are shown on the page to staff only.
        return (
            permissions.visible_processes(self.request.user)
            .select_related("user", "target")
            .defer("failure_traceback")
        )

    def _shown(self, process: PipelineProcess, fields: str = "") -> dict[str, Any]:
        serializer = ProcessSerializer(process, context={"request": self.request}, fields=fields)
        return dict(serializer.data)

    @described.operation(
        parameters=[ProcessQuery],
        responses=described.answers(400, 404, status_200=ProcessSerializer(many=True)),
    )
    def list(self, request: Request, **kwargs: Any) -> Response:
        """List processes, newest first."""
        query = read_query(ProcessQuery, request)
        rows = self.paginate_queryset(_filtered(self.get_queryset(), query, request.user))
        serializer = ProcessSerializer(
            rows, many=True, context={"request": request}, fields=query.get("fields", "")
        )
        return self.get_paginated_response(serializer.data)

    @described.operation(
        parameters=[described.path_id("id"), FieldsQuery, described.IF_NONE_MATCH],
        responses=described.answers(304, 400, 404, status_200=ProcessSerializer),
    )
    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        """Look at a process; cheap to ask again with `If-None-Match`."""
        query = read_query(FieldsQuery, request)
        return respond(
            request, self._shown(self.process(self.get_queryset()), query.get("fields", ""))
        )

    @described.operation(
        parameters=[described.IDEMPOTENCY_KEY],
        request=submitting.SubmitBody,
        responses=described.answers(
            *described.WITH_BODY,
            status_201=OpenApiResponse(ProcessSerializer, "Queued; `Location` says where it is."),
            status_200=OpenApiResponse(
                ProcessSerializer, "The process that this `Idempotency-Key` made before."
            ),
        ),
    )
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Submit a process."""
        key = key_of_request.read(request)
        asked = submitting.read(request)
        earlier = key_of_request.made_before(request.user, key)
        if earlier is not None:
            key_of_request.must_be_same(earlier, asked)
            return self._made(earlier, is_new=False)
        return self._made(asked.submit(key=key, origin=ORIGIN), is_new=True)

    @described.operation(
        parameters=[described.path_id("id")],
        request=None,
        responses=described.answers(
            *described.WITH_BODY,
            404,
            409,
            status_200=OpenApiResponse(ProcessSerializer, "Cancelled."),
            status_202=OpenApiResponse(ProcessSerializer, "The run is being stopped."),
        ),
    )
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, **kwargs: Any) -> Response:
        """Cancel a process that has not ended."""
        read_body(StrictSerializer, request)
        process = self.process(self.get_queryset())
        if not permissions.may_manage(request.user, process):
            raise PermissionDenied("Only who submitted a process, and staff, can cancel it.")
        if not submission.cancel(process, request.user, origin=ORIGIN):
            raise Conflict(f"The process has already ended: {process.state}.")
        ended = process.state == State.CANCELLED.value
        return Response(
            self._shown(process),
            status=status.HTTP_200_OK if ended else status.HTTP_202_ACCEPTED,
        )

    @described.operation(
        parameters=[described.path_id("id"), described.IDEMPOTENCY_KEY],
        request=RunAgainBody,
        responses=described.answers(
            *described.WITH_BODY,
            404,
            status_201=OpenApiResponse(ProcessSerializer, "Queued; `Location` says where it is."),
            status_200=OpenApiResponse(
                ProcessSerializer, "The process that this `Idempotency-Key` made before."
            ),
        ),
    )
    @action(detail=True, methods=["post"], url_path="run-again")
    def run_again(self, request: Request, **kwargs: Any) -> Response:
        """Submit the same pipeline on the same files, with the same or other parameters."""
        key = key_of_request.read(request)
        changes = read_body(RunAgainBody, request).get("parameters") or {}
        process = self.process(self.get_queryset())
        earlier = key_of_request.made_before(request.user, key)
        if earlier is not None:
            key_of_request.must_be_again(earlier, process)
            return self._made(earlier, is_new=False)
        parameters = {
            name: value
            for name, value in {**process.parameters, **changes}.items()
            if value is not None
        }
        return self._made(
            submission.run_again(
                process, request.user, parameters=parameters, key=key, origin=ORIGIN
            ),
            is_new=True,
        )

    def _made(self, process: PipelineProcess, *, is_new: bool) -> Response:
        shown = self._shown(self.get_queryset().get(pk=process.pk))
        return Response(
            shown,
            status=status.HTTP_201_CREATED if is_new else status.HTTP_200_OK,
            headers={"Location": shown["url"]},
        )


def _filtered(
    rows: QuerySet[PipelineProcess], query: dict[str, Any], user: Any
) -> QuerySet[PipelineProcess]:
    if states := query.get("state"):
        rows = rows.filter(state__in=states)
    if target := query.get("target"):
        rows = rows.filter(target_id=target)
    if pipeline := query.get("pipeline"):
        rows = rows.filter(Q(pipeline_name=pipeline) | Q(pipeline_id=pipeline))
    if name := query.get("user"):
        rows = rows.filter(user=user) if name == "me" else rows.filter(user__username=name)
    if after := query.get("created_after"):
        rows = rows.filter(created__gt=after)
    if before := query.get("created_before"):
        rows = rows.filter(created__lt=before)
    return rows
