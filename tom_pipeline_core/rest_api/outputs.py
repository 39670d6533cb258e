"""What a process saved: listed, and each file or all of them as a stream."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework.decorators import action
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from tom_pipeline_core import downloads
from tom_pipeline_core.models import OutputRecord, PipelineProcess
from tom_pipeline_core.rest_api import described
from tom_pipeline_core.rest_api.conditional import respond
from tom_pipeline_core.rest_api.endpoint import ProcessEndpoint, number
from tom_pipeline_core.rest_api.representations import OutputSerializer
from tom_pipeline_core.rest_api.strict_input import StrictSerializer, read_query
from tom_pipeline_core.rest_api.visibility import mark_visible_products


class _AnyNegotiation(DefaultContentNegotiation):
    """A file is what it is, whatever `Accept` wishes; problems are JSON."""

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return renderers[0], renderers[0].media_type


class OutputViewSet(ProcessEndpoint):
    """Outputs of a process."""

    queryset = OutputRecord.objects.none()
    serializer_class = OutputSerializer
    pagination_class = None
    lookup_value_regex = "[^/]+"
    lookup_url_kwarg = "output_id"

    def _outputs(self, process: PipelineProcess) -> list[Any]:
        outputs = list(process.outputs.select_related("product"))
        mark_visible_products(self.request.user, outputs)
        return outputs

    @described.operation(
        parameters=[described.path_id("process_id"), described.IF_NONE_MATCH],
        responses=described.answers(304, 400, 404, status_200=OutputSerializer(many=True)),
    )
    def list(self, request: Request, **kwargs: Any) -> Response:
        """List what a process saved."""
        read_query(StrictSerializer, request)
        outputs = self._outputs(self.process())
        serializer = OutputSerializer(outputs, many=True, context={"request": request})
        return respond(request, serializer.data)

    @described.operation(
        parameters=[
            described.path_id("process_id"),
            described.path_id("output_id", "The output."),
            OpenApiParameter(
                "Range",
                {"type": "string", "pattern": r"^bytes=[0-9]+-[0-9]*$"},
                OpenApiParameter.HEADER,
                description="A part of the file, to go on with a download that broke off.",
            ),
        ],
        responses={
            **described.answers(404, 416),
            (200, "*/*"): OpenApiResponse(OpenApiTypes.BINARY, "The file."),
            (206, "*/*"): OpenApiResponse(OpenApiTypes.BINARY, "A part."),
            304: OpenApiResponse(description="Not changed."),
        },
    )
    @action(detail=True, methods=["get"], content_negotiation_class=_AnyNegotiation)
    def download(self, request: Request, output_id: str = "", **kwargs: Any) -> HttpResponseBase:
        """Download a file; ranges are served, so that a broken download can go on."""
        output: Any = (
            self.process().outputs.filter(pk=number(output_id)).select_related("product").first()
        )
        if output is None:
            raise Http404("There is no such output.")
        mark_visible_products(request.user, [output])
        if output.visible_product is None:
            raise Http404("There is no file of this output.")
        return downloads.respond(
            request._request,
            output.product.data,
            name=output.name,
            tag=output.sha256,
        )

    @described.operation(
        parameters=[described.path_id("process_id")],
        responses={
            **described.answers(404),
            (200, "application/zip"): OpenApiResponse(OpenApiTypes.BINARY, "All files."),
        },
    )
    @action(
        detail=False,
        methods=["get"],
        url_path="zip",
        content_negotiation_class=_AnyNegotiation,
    )
    def archive(self, request: Request, **kwargs: Any) -> HttpResponseBase:
        """Download all files of a process as one zip, made while it is sent."""
        process = self.process()
        files = [
            (output.name, output.product.data)
            for output in self._outputs(process)
            if output.visible_product is not None
        ]
        if not files:
            raise Http404("The process has no files.")
        return downloads.respond_zip(f"{process.identifier}.zip", files)
