"""The JSON endpoints that front ends ask; what a user may not see answers 404 or is left out."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.db.models import Count, F, Q
from django.http import Http404, HttpRequest, JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe
from tom_dataproducts.models import DataProduct

from tom_education.models.async_process import is_pipeline
from tom_education.serializers import (
    AsyncProcessSerializer,
    PipelineProcessSerializer,
    TargetSerializer,
    TimelapsePipelineSerializer,
)
from tom_pipeline_core import permissions
from tom_pipeline_core.states import State

TIMELAPSE = "TimelapsePipeline"


def _answers_in_json(view: Callable[..., JsonResponse]) -> Callable[..., JsonResponse]:
    """Make a view answer 404 in JSON, as its other answers."""

    @wraps(view)
    def answer(request: HttpRequest, **kwargs: Any) -> JsonResponse:
        try:
            return view(request, **kwargs)
        except Http404 as absent:
            return JsonResponse({"detail": str(absent)}, status=404)

    return answer


def target_or_404(request: HttpRequest, pk: int) -> Any:
    """Return a target that the user may see."""
    found = permissions.visible_targets(request.user).filter(pk=pk).first()
    if found is None:
        raise Http404("There is no such target.")
    return found


@require_safe
@_answers_in_json
def async_status(request: HttpRequest, target: int) -> JsonResponse:
    """List the processes of a target, newest first."""
    found = target_or_404(request, target)
    processes = permissions.visible_processes(request.user).filter(target=found.pk)
    return JsonResponse(
        {
            "timestamp": timezone.now().timestamp(),
            "processes": AsyncProcessSerializer(
                processes.order_by("-created", "-pk"), many=True
            ).data,
        }
    )


@require_safe
@_answers_in_json
def pipeline_logs(request: HttpRequest, pk: int) -> JsonResponse:
    """Describe one process, with its log."""
    visible = permissions.visible_processes(request.user).select_related("group")
    process = visible.filter(pk=pk).first()
    if process is None or not is_pipeline(process):
        raise Http404("There is no such process.")
    return JsonResponse(PipelineProcessSerializer(process).data)


@require_safe
@_answers_in_json
def target_detail(request: HttpRequest, pk: int) -> JsonResponse:
    """Describe a target and its timelapses."""
    target = target_or_404(request, pk)
    csv = reverse("tom_education:photometry_download", kwargs={"pk": target.pk})
    products = permissions.visible_data_products(request.user).filter(target=target.pk)
    plot = products.filter(data_product_type="plot").exclude(data="").order_by("-created").first()
    return JsonResponse(
        {
            "target": TargetSerializer(target).data,
            "timelapses": TimelapsePipelineSerializer(
                _timelapses(request, target, products), many=True
            ).data,
            "data": {
                "csv": request.build_absolute_uri(csv),
                "plot": plot.data.url if plot is not None else None,
            },
        }
    )


def _timelapses(request: HttpRequest, target: Any, products: Any) -> list[Any]:
    """Return the processes that made a timelapse, latest end first, each with its file."""
    processes = (
        permissions.visible_processes(request.user)
        .filter(
            Q(process_type=TIMELAPSE) | Q(process_type__endswith=f".{TIMELAPSE}"),
            target=target.pk,
            state=State.SUCCEEDED.value,
        )
        .annotate(frame_count=Count("inputs"))
        .order_by(F("terminal_timestamp").desc(nulls_last=True), "-pk")
    )
    files: dict[int, DataProduct] = {}
    for product in products.filter(group__isnull=False).exclude(data="").prefetch_related("group"):
        for group in product.group.all():
            files.setdefault(group.pk, product)
    made: list[Any] = []
    process: Any
    for process in processes:
        if process.group_id in files:
            process.timelapse = files[process.group_id]
            made.append(process)
    return made
