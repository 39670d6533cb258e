"""What every endpoint has in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.http import Http404
from drf_spectacular.openapi import AutoSchema
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.viewsets import GenericViewSet

from tom_pipeline_core import permissions
from tom_pipeline_core.models import PipelineProcess
from tom_pipeline_core.rest_api import authentication, problems
from tom_pipeline_core.rest_api.json_body import JsonObjectParser
from tom_pipeline_core.rest_api.pages import CursorPages
from tom_pipeline_core.rest_api.throttling import FixedWindow, SubmitWindow

NUMBER_MAX_DIGITS = 18


class Endpoint(GenericViewSet):
    """
    JSON in and out, for people who are logged in.

    All is stated here, because a site's defaults may be others or none.
    """

    permission_classes = [IsAuthenticated]
    renderer_classes = [JSONRenderer]
    parser_classes = [JsonObjectParser]
    throttle_classes = [FixedWindow]
    pagination_class: ClassVar[type[CursorPages] | None] = CursorPages
    filter_backends: ClassVar[list[Any]] = []
    http_method_names = ["get", "head", "post"]
    metadata_class = None
    versioning_class = None
    schema = AutoSchema()
    rated_as_submission: ClassVar[frozenset[str]] = frozenset()
    """Actions that make processes, which have a rate of their own."""

    def get_authenticators(self) -> list[Any]:
        return authentication.authenticators()

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Any]:
        return problems.handle

    def get_throttles(self) -> list[Any]:
        throttles: list[Any] = super().get_throttles()
        return (
            [*throttles, SubmitWindow()] if self.action in self.rated_as_submission else throttles
        )


def number(text: str) -> int:
    """Return the number of a row from an address; what cannot be one does not exist."""
    if text.isascii() and text.isdigit() and len(text) <= NUMBER_MAX_DIGITS:
        return int(text)
    raise Http404("There is nothing of that number.")


class ProcessEndpoint(Endpoint):
    """An endpoint below one process."""

    def process(self, queryset: Any = None) -> PipelineProcess:
        """
        Return the process that the address names.

        What the user may not see answers exactly as what does not exist.
        """
        if queryset is None:
            queryset = permissions.visible_processes(self.request.user)
        text = self.kwargs.get("process_id") or self.kwargs.get("pk") or ""
        found: PipelineProcess | None = queryset.filter(pk=number(text)).first()
        if found is None:
            raise Http404("There is no such process.")
        return found
