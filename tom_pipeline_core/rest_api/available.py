"""The pipelines that may be chosen, and what each takes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from tom_pipeline_core import registry
from tom_pipeline_core.exceptions import InvalidPipelineError, PipelineNotFound
from tom_pipeline_core.models import PipelineProcess
from tom_pipeline_core.rest_api import described
from tom_pipeline_core.rest_api.conditional import respond
from tom_pipeline_core.rest_api.endpoint import Endpoint
from tom_pipeline_core.rest_api.parameter_schema import schema_of
from tom_pipeline_core.rest_api.representations import PipelineDetailSerializer, PipelineSerializer
from tom_pipeline_core.rest_api.strict_input import StrictSerializer, read_query


class PipelineViewSet(Endpoint):
    """Pipelines that are installed."""

    queryset = PipelineProcess.objects.none()
    serializer_class = PipelineSerializer
    pagination_class = None
    lookup_field = "name"
    lookup_value_regex = r"[\s\S]+"  # entry points may have any name

    @described.operation(
        operation_id="pipelines_available_list",
        parameters=[described.IF_NONE_MATCH],
        responses=described.answers(304, 400, status_200=PipelineSerializer(many=True)),
    )
    def list(self, request: Request, **kwargs: Any) -> Response:
        """List the pipelines that may be chosen."""
        read_query(StrictSerializer, request)
        entries = list(registry.entries().values())
        serializer = PipelineSerializer(entries, many=True, context={"request": request})
        return respond(request, serializer.data)

    @described.operation(
        operation_id="pipelines_available_retrieve",
        parameters=[
            OpenApiParameter(
                "name", OpenApiTypes.STR, OpenApiParameter.PATH, description="Or its qualified id."
            ),
            described.IF_NONE_MATCH,
        ],
        responses=described.answers(304, 400, 404, status_200=PipelineDetailSerializer),
    )
    def retrieve(self, request: Request, name: str = "", **kwargs: Any) -> Response:
        """Look at a pipeline: what it takes, and its parameters as JSON Schema."""
        read_query(StrictSerializer, request)
        try:
            entry = registry.find(name)
            pipeline = registry.load(name)
        except (PipelineNotFound, InvalidPipelineError) as error:
            raise Http404(str(error)) from error
        shown = SimpleNamespace(
            name=entry.name,
            qualified_id=entry.qualified_id,
            distribution=entry.distribution,
            version=pipeline.version or entry.version or "",
            description=pipeline.get_description(),
            citation=pipeline.citation,
            documentation_url=pipeline.documentation_url,
            allowed_suffixes=list(pipeline.allowed_suffixes or ()),
            min_inputs=pipeline.min_inputs,
            max_inputs=pipeline.max_inputs,
            parameters=schema_of(pipeline),
        )
        serializer = PipelineDetailSerializer(shown, context={"request": request})
        return respond(request, serializer.data)
