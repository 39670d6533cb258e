"""The tab "Pipelines" of a target: its processes, newest first."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django.conf import settings
from django.db.models import Count, Exists, OuterRef
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from tom_dataproducts.models import PhotometryReducedDatum

from tom_pipeline_core import permissions
from tom_pipeline_core.models import InputFile, OutputRecord, PipelineProcess
from tom_pipeline_core.states import UNFINISHED, State
from tom_pipeline_core.web import file_kinds, lookup
from tom_pipeline_core.web.log_view import number
from tom_pipeline_core.web.sparkline import Point, Sparkline, sparkline

PAGE_ROWS = 15
MOST_POINTS = 5000
"""Points of photometry that are read for all light curves of a view."""

SHOWN = {
    "all": "All",
    "unfinished": "Running",
    "failed": "Failed",
    "mine": "Mine",
}


@never_cache
@require_safe
def target_tab(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer with the tab's content, or with a page around it where scripts are off."""
    target = permissions.visible_targets(request.user).filter(pk=pk).first()
    if target is None:
        raise Http404("There is no such target.")
    show = request.GET.get("show", "all")
    rows = lookup.processes(request).filter(target=target.pk).select_related("user")
    if show == "unfinished":
        rows = rows.filter(state__in=[state.value for state in UNFINISHED])
    elif show == "failed":
        rows = rows.filter(state=State.FAILED.value)
    elif show == "mine" and request.user.is_authenticated:
        rows = rows.filter(user=request.user.pk)
    else:
        show = "all"
    rows = rows.defer("failure_traceback", "failure_message").order_by("-pk")
    before = number(request.GET.get("before"))
    if before is not None:
        rows = rows.filter(pk__lt=before)
    found = list(rows[: PAGE_ROWS + 1])
    processes = found[:PAGE_ROWS]
    _describe(request.user, target, processes)
    active = {state.value for state in UNFINISHED}
    context = {
        "target": target,
        "processes": processes,
        "before": before,
        "older": processes[-1].pk if len(found) > PAGE_ROWS else None,
        "show": show,
        "choices": SHOWN,
        "live": any(process.state in active for process in processes),
        "may_submit": permissions.may_submit(request.user),
    }
    bare = bool(request.headers.get("HX-Request"))
    template = "target_tab.html" if bare else "target_tab_page.html"
    return render(request, f"tom_pipeline_core/{template}", context)


def _describe(user: Any, target: Any, processes: list[PipelineProcess]) -> None:
    """Add inputs, outputs and rights to the rows; the number of queries is constant."""
    pks = [process.pk for process in processes]
    inputs: dict[int, dict[str, int]] = defaultdict(dict)
    counted = (
        InputFile.objects.filter(process__in=pks)
        .order_by()
        .values_list("process", "product__pipeline_facts__band")
        .annotate(files=Count("pk"))
    )
    for process_pk, band, files in counted:
        inputs[process_pk][band or ""] = files
    outputs: dict[int, list[OutputRecord]] = defaultdict(list)
    seen = permissions.visible_data_products(user).filter(pk=OuterRef("product"))
    records = (
        OutputRecord.objects.filter(process__in=pks)
        .select_related("product")
        .annotate(seen=Exists(seen))
        .order_by("pk")
    )
    for record in records:
        outputs[record.process_id].append(record)
    curves = _curves(target, outputs)
    for process in processes:
        row: Any = process
        bands = inputs[process.pk]
        row.input_count = sum(bands.values())
        row.input_bands = sorted(band for band in bands if band)
        row.output_count = len(outputs[process.pk])
        row.output_points = sum(record.points or 0 for record in outputs[process.pk])
        row.picture = next((record for record in outputs[process.pk] if _is_picture(record)), None)
        row.curve = curves.get(process.pk)
        row.may_cancel = not process.is_terminal and permissions.may_manage(user, process)
        row.seconds = _seconds(process)


def _curves(target: Any, outputs: dict[int, list[Any]]) -> dict[int, Sparkline]:
    """
    Return light curves of the processes that saved photometry and no picture, in one query.

    Where points have permissions of their own, only the page of the process shows them.
    """
    with_points = [
        pk
        for pk, records in outputs.items()
        if any(record.points for record in records) and not any(map(_is_picture, records))
    ]
    if not with_points or not settings.TARGET_PERMISSIONS_ONLY:
        return {}
    points: dict[int, list[Point]] = defaultdict(list)
    rows = (
        PhotometryReducedDatum.objects.filter(
            target=target.pk, value__process__in=with_points, brightness__isnull=False
        )
        .order_by("-timestamp")
        .values_list("value__process", "timestamp", "brightness")[:MOST_POINTS]
    )
    for pk, moment, brightness in rows:
        points[pk].append((moment, brightness))
    found = {pk: sparkline(some) for pk, some in points.items()}
    return {pk: curve for pk, curve in found.items() if curve is not None}


def _is_picture(record: Any) -> bool:
    product = record.product if record.seen else None
    return bool(product and product.data and file_kinds.is_image(str(product.data.name)))


def _seconds(process: PipelineProcess) -> float | None:
    if process.started_at is None or process.terminal_timestamp is None:
        return None
    return (process.terminal_timestamp - process.started_at).total_seconds()
