"""Parameter values kept under a name: one's own, and those that others share."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers, status
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from tom_pipeline_core import registry
from tom_pipeline_core.exceptions import InvalidPipelineError, PipelineNotFound, SubmissionRefused
from tom_pipeline_core.models import Preset
from tom_pipeline_core.parameters import clean_parameters, to_json
from tom_pipeline_core.rest_api import described
from tom_pipeline_core.rest_api.endpoint import Endpoint, number
from tom_pipeline_core.rest_api.pages import CursorPages
from tom_pipeline_core.rest_api.processes import PageQuery
from tom_pipeline_core.rest_api.representations import PresetSerializer
from tom_pipeline_core.rest_api.strict_input import (
    StrictSerializer,
    Switch,
    Text,
    read_body,
    read_query,
)


class PresetQuery(PageQuery):
    pipeline = Text(required=False, max_length=400, help_text="Name or qualified id.")


class PresetBody(StrictSerializer):
    pipeline = Text(max_length=400, help_text="Name or qualified id.")
    name = Text(max_length=80)
    parameters = serializers.DictField(required=False)
    shared = Switch(required=False, help_text="Whether everyone on the site may use it.")


class PresetViewSet(Endpoint):
    """Values to start from."""

    queryset = Preset.objects.none()
    serializer_class = PresetSerializer
    pagination_class = CursorPages
    lookup_value_regex = "[^/]+"
    http_method_names = ["get", "head", "post", "delete"]

    def get_queryset(self) -> QuerySet[Preset]:
        return Preset.objects.filter(Q(user=self.request.user) | Q(shared=True)).select_related(
            "user"
        )

    @described.operation(
        parameters=[PresetQuery],
        responses=described.answers(400, 404, status_200=PresetSerializer(many=True)),
    )
    def list(self, request: Request, **kwargs: Any) -> Response:
        """List your own presets, and those that others share."""
        query = read_query(PresetQuery, request)
        presets = self.get_queryset()
        if (name := query.get("pipeline")) is not None:
            try:
                presets = presets.filter(pipeline_id=registry.find(name).qualified_id)
            except PipelineNotFound:  # its presets are still there
                presets = presets.filter(pipeline_id=name)
        page = self.paginate_queryset(presets)
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @described.operation(
        request=PresetBody,
        responses=described.answers(
            *described.WITH_BODY,
            status_201=OpenApiResponse(PresetSerializer, "Kept."),
            status_200=OpenApiResponse(PresetSerializer, "Your preset of that name was replaced."),
        ),
    )
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Keep values under a name; your own of that name are replaced."""
        body = read_body(PresetBody, request)
        try:
            entry = registry.find(body["pipeline"])
            pipeline = registry.load(body["pipeline"])
        except (PipelineNotFound, InvalidPipelineError) as error:
            raise SubmissionRefused({"pipeline": [str(error)]}) from error
        cleaned, errors = clean_parameters(pipeline, body.get("parameters"))
        if errors:
            raise SubmissionRefused(errors)
        preset, is_new = Preset.objects.update_or_create(
            user=request.user,
            pipeline_id=entry.qualified_id,
            name=body["name"],
            defaults={"parameters": to_json(cleaned), "shared": body.get("shared", False)},
        )
        return Response(
            self.get_serializer(preset).data,
            status=status.HTTP_201_CREATED if is_new else status.HTTP_200_OK,
        )

    @described.operation(
        parameters=[described.path_id("id", "The preset.")],
        responses=described.answers(404, status_204=OpenApiResponse(description="Deleted.")),
    )
    def destroy(self, request: Request, pk: str = "", **kwargs: Any) -> Response:
        """Delete a preset of yours; staff may delete what others share."""
        preset = self.get_queryset().filter(pk=number(pk)).first()
        if preset is None:
            raise Http404("There is no such preset.")
        if preset.user_id != request.user.pk and not request.user.is_staff:
            raise PermissionDenied("Only who made a preset, and staff, can delete it.")
        preset.delete()
        return Response(status=status.HTTP_204_NO_CONTENT)
