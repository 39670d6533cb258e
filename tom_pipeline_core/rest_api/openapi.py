"""The description of this API as OpenAPI 3.1, read from its code."""

from __future__ import annotations

from functools import cache
from threading import Lock
from typing import Any

from drf_spectacular.generators import EndpointEnumerator, SchemaGenerator
from drf_spectacular.settings import patched_settings
from drf_spectacular.types import OpenApiTypes
from rest_framework.request import Request
from rest_framework.response import Response

from tom_pipeline_core import __version__
from tom_pipeline_core.models import PipelineProcess
from tom_pipeline_core.rest_api import described
from tom_pipeline_core.rest_api.endpoint import Endpoint
from tom_pipeline_core.rest_api.strict_input import StrictSerializer, read_query

SETTINGS = {
    "TITLE": "Pipelines",
    "DESCRIPTION": (
        "Run data pipelines inside this TOM from a program.\n\n"
        "Send `Authorization: Token …` with the token of your profile page. Errors are Problem "
        "Details (RFC 9457). Poll a process or its log with `If-None-Match`: without news the "
        "answer is 304. Submit with an `Idempotency-Key`, and a request that is sent again makes "
        "no second process."
    ),
    "VERSION": __version__,
    "OAS_VERSION": "3.1.0",
    # Fields are left out when `fields` does not name them.
    "COMPONENT_NO_READ_ONLY_REQUIRED": True,
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "POSTPROCESSING_HOOKS": [],
    "SCHEMA_PATH_PREFIX": "/api/pipelines",
    "SECURITY": [],
    "APPEND_COMPONENTS": {
        "securitySchemes": {
            "token": {
                "type": "apiKey",
                "in": "header",
                "name": "Authorization",
                "description": "`Token ` and the token of your profile page.",
            }
        }
    },
}

_one_at_a_time = Lock()  # the patched settings are global


class _OurEndpoints(EndpointEnumerator):
    """Of all that a TOM's router has, what is described here."""

    def get_api_endpoints(self, *args: Any, **kwargs: Any) -> list[Any]:
        return [
            endpoint
            for endpoint in super().get_api_endpoints(*args, **kwargs)
            if issubclass(getattr(endpoint[3], "cls", object), Endpoint)
        ]


class _Generator(SchemaGenerator):
    endpoint_inspector_cls = _OurEndpoints


@cache
def description() -> dict[str, Any]:
    """Return the OpenAPI document; the code does not change while a server runs."""
    with _one_at_a_time, patched_settings(SETTINGS):
        schema: dict[str, Any] = _Generator().get_schema(request=None, public=True)
    for operations in schema["paths"].values():
        for operation in operations.values():
            operation["security"] = [{"token": []}]
    for name, component in schema["components"]["schemas"].items():
        if name.endswith("Request"):
            component["additionalProperties"] = False  # unknown names are refused
    schema["components"]["schemas"]["MatchRequest"]["minProperties"] = 1
    _drop_marks(schema)
    return schema


def _drop_marks(value: Any) -> None:
    """Remove what drf-spectacular leaves for a later step of its own that is not used here."""
    if isinstance(value, dict):
        value.pop("x-spec-enum-id", None)
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            _drop_marks(inner)


class SchemaViewSet(Endpoint):
    """The description of this API."""

    queryset = PipelineProcess.objects.none()
    pagination_class = None

    @described.operation(
        operation_id="pipelines_schema",
        responses=described.answers(400, status_200=OpenApiTypes.OBJECT),
    )
    def list(self, request: Request, **kwargs: Any) -> Response:
        """Get the description of this API as OpenAPI 3.1."""
        read_query(StrictSerializer, request)
        return Response(description())
