"""Files to choose from, and the check of a submission before it is made."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response
from tom_dataproducts.models import DataProduct

from tom_pipeline_core import permissions, registry, submission
from tom_pipeline_core.exceptions import (
    InvalidPipelineError,
    PipelineNotFound,
    SubmissionRefused,
)
from tom_pipeline_core.rest_api import choosing, described, submitting
from tom_pipeline_core.rest_api.details import OldestFirst
from tom_pipeline_core.rest_api.endpoint import Endpoint
from tom_pipeline_core.rest_api.problems import BadQuery
from tom_pipeline_core.rest_api.processes import PageQuery
from tom_pipeline_core.rest_api.representations import PreflightSerializer, ProductSerializer
from tom_pipeline_core.rest_api.strict_input import Identifier, Text, read_query


class InputQuery(choosing.Conditions, PageQuery):
    target = Identifier()
    pipeline = Text(
        required=False, max_length=400, help_text="Say which files it refuses, and why."
    )


class InputViewSet(Endpoint):
    """Data products of a target."""

    queryset = DataProduct.objects.none()
    serializer_class = ProductSerializer
    pagination_class = OldestFirst

    @described.operation(
        parameters=[InputQuery],
        responses=described.answers(400, 404, status_200=ProductSerializer(many=True)),
    )
    def list(self, request: Request, **kwargs: Any) -> Response:
        """List the files of a target that could be given to a pipeline."""
        query = read_query(InputQuery, request)
        target = permissions.visible_targets(request.user).filter(pk=query["target"]).first()
        if target is None:
            raise Http404("There is no such target.")
        pipeline = _pipeline(query["pipeline"]) if "pipeline" in query else None
        page = self.paginate_queryset(choosing.candidates(request.user, target, query)) or []
        shown = [
            {
                "id": product.pk,
                "name": choosing.file_name(product),
                "data_product_type": product.data_product_type,
                "created": product.created,
                "refusal": submission.refusal_of(pipeline, product) if pipeline else "",
            }
            for product in page
        ]
        return self.get_paginated_response(ProductSerializer(shown, many=True).data)


def _pipeline(name: str) -> Any:
    try:
        return registry.load(name)
    except (PipelineNotFound, InvalidPipelineError) as error:
        raise BadQuery({"pipeline": [str(error)]}) from error


class PreflightViewSet(Endpoint):
    """Whether something would be accepted."""

    queryset = DataProduct.objects.none()
    serializer_class = PreflightSerializer
    pagination_class = None

    @described.operation(
        request=submitting.SubmitBody,
        responses=described.answers(*described.WITH_BODY, status_200=PreflightSerializer),
    )
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Check a submission and look at its files; nothing is made."""
        asked = submitting.read(request)
        errors: dict[str, list[str]] = {}
        parameters = asked.parameters
        try:
            parameters = asked.checked().parameters
        except SubmissionRefused as refused:
            errors = refused.errors
        report = asked.looked_at() if asked.target is not None else None
        return Response(
            PreflightSerializer(
                {
                    "accepted": not errors and not (report is not None and report.errors),
                    "errors": errors,
                    "findings": report.findings if report is not None else [],
                    "unread": report.unread if report is not None else 0,
                    "products": len(asked.products),
                    "parameters": parameters,
                }
            ).data
        )
