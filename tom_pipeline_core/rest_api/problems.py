"""
Errors as Problem Details (RFC 9457): one shape for every answer that is not a success.

``errors`` holds messages per field, in the words of the forms.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import Http404
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.views import exception_handler

from tom_pipeline_core.exceptions import SubmissionRefused

MEDIA_TYPE = "application/problem+json"
ALL = "__all__"


class Unprocessable(exceptions.APIException):
    """The request was understood, and what it asks for is refused; says why per field."""

    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY

    def __init__(self, errors: Mapping[str, list[str]]) -> None:
        super().__init__("The request was refused; see errors.")
        self.errors = dict(errors)


class BadQuery(exceptions.APIException):
    """A parameter in the address is unknown or malformed."""

    status_code = status.HTTP_400_BAD_REQUEST

    def __init__(self, errors: Mapping[str, list[str]]) -> None:
        super().__init__("The address has parameters that are not understood; see errors.")
        self.errors = dict(errors)


class Conflict(exceptions.APIException):
    """The state of the thing does not allow it."""

    status_code = status.HTTP_409_CONFLICT
    default_detail = "The state of the process does not allow this."


class TooLarge(exceptions.APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE


def messages_by_field(detail: Any) -> dict[str, list[str]]:
    """Return the errors of a serializer as lists of text, nested ones with where they are."""
    if not isinstance(detail, Mapping):
        return {ALL: list(_texts(detail))}
    return {
        ALL if name == "non_field_errors" else str(name): list(_texts(found))
        for name, found in detail.items()
    }


def _texts(detail: Any, where: str = "") -> Iterator[str]:
    if isinstance(detail, Mapping):
        for key, inner in detail.items():
            yield from _texts(inner, f"{where}{_place(key)}: ")
    elif isinstance(detail, list):
        for inner in detail:
            yield from _texts(inner, where)
    else:
        yield f"{where}{detail}"


def _place(key: Any) -> str:
    return f"item {key + 1}" if isinstance(key, int) else str(key)


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """Answer an exception; None for what is a fault of ours, which Django reports as 500."""
    if isinstance(error, SubmissionRefused):
        error = Unprocessable(error.errors)
    elif isinstance(error, RequestDataTooBig):
        error = TooLarge("The request is larger than this site takes.")
    elif isinstance(error, SuspiciousOperation):
        error = exceptions.ParseError("The request is malformed.")
    elif isinstance(error, Http404):
        error = exceptions.NotFound(str(error) or None)
    response: Response | None = exception_handler(error, context)
    if response is None:
        return None
    errors = getattr(error, "errors", None)
    if isinstance(error, exceptions.ValidationError):
        errors = messages_by_field(error.detail)
    detail = getattr(error, "detail", "")
    response.data = {
        "type": "about:blank",
        "title": HTTPStatus(response.status_code).phrase,
        "status": response.status_code,
        "detail": "See errors." if isinstance(detail, dict | list) else str(detail),
        **({"errors": errors} if errors is not None else {}),
    }
    response.content_type = MEDIA_TYPE
    return response
