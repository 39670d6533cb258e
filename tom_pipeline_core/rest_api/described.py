"""What the OpenAPI description says of every endpoint alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema

from tom_pipeline_core.rest_api.endpoint import NUMBER_MAX_DIGITS
from tom_pipeline_core.rest_api.problems import MEDIA_TYPE
from tom_pipeline_core.rest_api.representations import ProblemSerializer

_TEXTS = {
    304: "What `If-None-Match` names is still so.",
    400: "The address or the JSON is malformed.",
    401: "Log in, or send `Authorization: Token …`.",
    403: "You may see it, and not do this; or a session without its CSRF token.",
    404: "It does not exist, or is not yours to see.",
    406: "Only JSON is given.",
    409: "The state does not allow it.",
    413: "The body is larger than the site takes.",
    415: "Send JSON.",
    416: "The range is outside the file.",
    422: "Refused; `errors` says why for each field.",
    429: "Too many requests; wait as long as `Retry-After` says.",
}

ALWAYS = (401, 403, 406, 429)
WITH_BODY = (400, 413, 415, 422)

IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="The `ETag` of the last answer: without news the answer is 304 and empty.",
)
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    # Printable ASCII, as a header can carry it.
    {"type": "string", "pattern": "^[!-~]{1,100}$"},
    OpenApiParameter.HEADER,
    description=(
        "Any text of yours: the same key never makes a second process. Send it again when you do "
        "not know whether a request arrived."
    ),
)


def operation(**facts: Any) -> Callable[[Any], Any]:
    """Describe an endpoint's method; ``extend_schema`` itself relies on a setting of the site."""

    def decorate(method: Any) -> Any:
        method.kwargs = {**getattr(method, "kwargs", {}), "schema": AutoSchema}
        return extend_schema(**facts)(method)

    return decorate


def path_id(name: str, of: str = "The process.") -> OpenApiParameter:
    """Return the parameter of a number in a path."""
    schema = {"type": "integer", "minimum": 1, "maximum": 10**NUMBER_MAX_DIGITS - 1}
    return OpenApiParameter(name, schema, OpenApiParameter.PATH, description=of)


def answers(*problems: int, **successes: Any) -> dict[Any, Any]:
    """
    Return the responses of an operation.

    Parameters
    ----------
    *problems : int
        Status codes beside those that every operation has.
    **successes
        By ``status_200`` and the like.
    """
    found: dict[Any, Any] = {}
    for name, response in successes.items():
        found[int(name.removeprefix("status_"))] = response
    for status in sorted({*ALWAYS, *problems}):
        if status == 304:
            found[status] = OpenApiResponse(description=_TEXTS[status])
        else:
            found[status, MEDIA_TYPE] = OpenApiResponse(ProblemSerializer, _TEXTS[status])
    return found
