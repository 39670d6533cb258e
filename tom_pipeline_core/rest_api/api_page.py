"""The description of the API as a page, without scripts and without anything from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from tom_pipeline_core.rest_api.openapi import description

SHOWN_ALWAYS = {"401", "403", "406", "429"}


@require_safe
def api_page(request: HttpRequest) -> HttpResponse:
    """Show every endpoint: what it does, takes and answers."""
    schema = description()
    return render(
        request,
        "tom_pipeline_core/api.html",
        {
            "about": schema["info"]["description"].split("\n\n"),
            "base": request.build_absolute_uri(reverse("api:pipelines-list")),
            "schema_url": reverse("api:pipelines-schema-list"),
            "operations": list(_operations(schema)),
        },
    )


def _operations(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path, methods in sorted(schema["paths"].items()):
        for method, operation in methods.items():
            yield {
                "id": operation["operationId"],
                "method": method.upper(),
                "path": path,
                "description": operation.get("description", ""),
                "parameters": [
                    {
                        "name": found["name"],
                        "place": found["in"],
                        "type": _type(found["schema"]),
                        "required": found.get("required", False),
                        "description": found.get("description", ""),
                    }
                    for found in operation.get("parameters", ())
                ],
                "fields": list(_fields(schema, _request(operation))),
                "responses": [
                    {
                        "status": status,
                        "phrase": HTTPStatus(int(status)).phrase,
                        "description": response.get("description", ""),
                        "fields": list(_fields(schema, _success(response))),
                    }
                    for status, response in sorted(operation["responses"].items())
                    if status not in SHOWN_ALWAYS
                ],
            }


def _request(operation: dict[str, Any]) -> dict[str, Any]:
    content = operation.get("requestBody", {}).get("content", {})
    return dict(content.get("application/json", {}).get("schema", {}))


def _success(response: dict[str, Any]) -> dict[str, Any]:
    return dict(response.get("content", {}).get("application/json", {}).get("schema", {}))


def _resolved(schema: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """Return what a reference means; of a list or a page of things, the thing."""
    if "$ref" in found:
        found = schema["components"]["schemas"][found["$ref"].rpartition("/")[2]]
    if found.get("type") == "array":
        return _resolved(schema, found["items"])
    if "results" in found.get("properties", {}):
        return _resolved(schema, found["properties"]["results"])
    return found


def _fields(schema: dict[str, Any], found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    resolved = _resolved(schema, found)
    for name, field in resolved.get("properties", {}).items():
        yield {
            "name": name,
            "type": _type(field),
            "required": name in resolved.get("required", ()),
            "description": field.get("description", ""),
        }


def _type(field: dict[str, Any]) -> str:
    if "enum" in field:
        return " | ".join(repr(value) for value in field["enum"])
    if "$ref" in field or "allOf" in field:
        reference = field.get("$ref") or field["allOf"][0]["$ref"]
        return str(reference.rpartition("/")[2].removesuffix("Request"))
    kind = field.get("type", "any")
    text = " | ".join(kind) if isinstance(kind, list) else str(kind)
    if text == "array":
        text = f"list of {_type(field.get('items', {}))}"
    return f"{text} ({field['format']})" if "format" in field else text
