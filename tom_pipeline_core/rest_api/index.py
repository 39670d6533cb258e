"""The entrance: where everything else is."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from tom_pipeline_core import __version__
from tom_pipeline_core.models import PipelineProcess
from tom_pipeline_core.rest_api import described
from tom_pipeline_core.rest_api.endpoint import Endpoint
from tom_pipeline_core.rest_api.strict_input import StrictSerializer, read_query

PARTS = {
    "available": "api:pipelines-available-list",
    "processes": "api:pipelines-processes-list",
    "targets": "api:pipelines-targets-list",
    "inputs": "api:pipelines-inputs-list",
    "preflight": "api:pipelines-preflight-list",
    "presets": "api:pipelines-presets-list",
    "schema": "api:pipelines-schema-list",
}


@extend_schema_serializer(many=False)
class IndexSerializer(serializers.Serializer):
    """Addresses of the parts."""

    version = serializers.CharField(read_only=True, help_text="Of tom_pipeline_core.")
    user = serializers.CharField(read_only=True, help_text="Who you are here.")
    links = serializers.DictField(child=serializers.URLField(), read_only=True)


class IndexViewSet(Endpoint):
    """Where everything is."""

    queryset = PipelineProcess.objects.none()
    serializer_class = IndexSerializer
    pagination_class = None

    @described.operation(
        operation_id="pipelines_index",
        responses=described.answers(400, status_200=IndexSerializer),
    )
    def list(self, request: Request, **kwargs: Any) -> Response:
        """Show the addresses of the parts, and who you are."""
        read_query(StrictSerializer, request)
        return Response(
            {
                "version": __version__,
                "user": request.user.get_username(),
                "links": {
                    name: request.build_absolute_uri(reverse(route))
                    for name, route in PARTS.items()
                },
            }
        )
