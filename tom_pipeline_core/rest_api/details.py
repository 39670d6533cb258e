"""The other lists below a process: its input files, history, quality numbers and photometry."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response
from tom_dataproducts.models import PhotometryReducedDatum

from tom_pipeline_core.models import InputFile, Measurement, ProcessEvent
from tom_pipeline_core.rest_api import described
from tom_pipeline_core.rest_api.endpoint import ProcessEndpoint
from tom_pipeline_core.rest_api.pages import PAGE_MOST, CursorPages
from tom_pipeline_core.rest_api.processes import PageQuery
from tom_pipeline_core.rest_api.representations import (
    EventSerializer,
    InputSerializer,
    MeasurementSerializer,
    PointSerializer,
)
from tom_pipeline_core.rest_api.strict_input import read_query
from tom_pipeline_core.rest_api.visibility import mark_visible_products


class OldestFirst(CursorPages):
    """Pages in the order in which the rows were made; programs read them all."""

    page_size = PAGE_MOST

    def get_ordering(self, request: Request, queryset: Any, view: Any) -> tuple[str, ...]:
        return ("id",)


class _Rows(ProcessEndpoint):
    pagination_class = OldestFirst

    def rows(self) -> Any:
        raise NotImplementedError

    def list(self, request: Request, **kwargs: Any) -> Response:
        read_query(PageQuery, request)
        page = self.paginate_queryset(self.rows())
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


def _described(serializer: Any, summary: str) -> Any:
    return described.operation(
        description=summary,
        parameters=[described.path_id("process_id"), PageQuery],
        responses=described.answers(400, 404, status_200=serializer(many=True)),
    )


class InputFileViewSet(_Rows):
    """Input files of a process."""

    queryset = InputFile.objects.none()
    serializer_class = InputSerializer

    def rows(self) -> Any:
        return self.process().inputs.all()

    def paginate_queryset(self, queryset: Any) -> Any:
        page = super().paginate_queryset(queryset)
        mark_visible_products(self.request.user, page)
        return page

    @_described(InputSerializer, "List the files that a process was given.")
    def list(self, request: Request, **kwargs: Any) -> Response:
        return super().list(request, **kwargs)


class EventViewSet(_Rows):
    """History of a process."""

    queryset = ProcessEvent.objects.none()
    serializer_class = EventSerializer

    def rows(self) -> Any:
        return self.process().events.select_related("user")

    @_described(EventSerializer, "List moves of state, steps, and who asked for what by which way.")
    def list(self, request: Request, **kwargs: Any) -> Response:
        return super().list(request, **kwargs)


class MeasurementViewSet(_Rows):
    """Quality numbers of a process."""

    queryset = Measurement.objects.none()
    serializer_class = MeasurementSerializer

    def rows(self) -> Any:
        return self.process().measurements.all()

    @_described(MeasurementSerializer, "List the numbers that a pipeline measured beside its task.")
    def list(self, request: Request, **kwargs: Any) -> Response:
        return super().list(request, **kwargs)


class PhotometryViewSet(_Rows):
    """Photometry that a process saved."""

    queryset = PhotometryReducedDatum.objects.none()
    serializer_class = PointSerializer

    def rows(self) -> Any:
        process = self.process()
        versions = process.outputs.filter(kind="photometry").values("reduction_version")
        return PhotometryReducedDatum.objects.filter(
            target_id=process.target_id, reduction_version__in=versions, value__process=process.pk
        )

    @_described(PointSerializer, "List the points of photometry that a process saved.")
    def list(self, request: Request, **kwargs: Any) -> Response:
        return super().list(request, **kwargs)
