"""Targets by name: programs know names, and the TOM's own list hides what its pages show."""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from rest_framework.request import Request
from rest_framework.response import Response
from tom_targets.base_models import BaseTarget

from tom_pipeline_core import permissions
from tom_pipeline_core.rest_api import described
from tom_pipeline_core.rest_api.details import OldestFirst
from tom_pipeline_core.rest_api.endpoint import Endpoint
from tom_pipeline_core.rest_api.processes import PageQuery
from tom_pipeline_core.rest_api.representations import TargetSerializer
from tom_pipeline_core.rest_api.strict_input import Text, read_query


class TargetQuery(PageQuery):
    name = Text(
        required=False, max_length=100, help_text="Name or alias; capital letters do not matter."
    )


class TargetViewSet(Endpoint):
    """Targets that you may see."""

    queryset = BaseTarget.objects.none()
    serializer_class = TargetSerializer
    pagination_class = OldestFirst

    @described.operation(
        parameters=[TargetQuery],
        responses=described.answers(400, 404, status_200=TargetSerializer(many=True)),
    )
    def list(self, request: Request, **kwargs: Any) -> Response:
        """List targets, or find one by its name or alias."""
        query = read_query(TargetQuery, request)
        targets = permissions.visible_targets(request.user)
        if (name := query.get("name")) is not None:
            named = BaseTarget.objects.filter(
                Q(name__iexact=name) | Q(aliases__name__iexact=name)
            ).values("pk")
            targets = targets.filter(pk__in=named)
        page = self.paginate_queryset(targets)
        return self.get_paginated_response(self.get_serializer(page, many=True).data)
