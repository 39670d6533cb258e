"""The points of photometry that a process saved, as an interactive plot and as a table."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from functools import cache
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from tom_pipeline_core import permissions
from tom_pipeline_core.models import PipelineProcess
from tom_pipeline_core.web import lookup

POINTS_MAX = 20_000
TABLE_ROWS = 200


@never_cache
@require_safe
def process_light_curve(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the points."""
    process = lookup.process_or_404(request, pk)
    points = points_of(request.user, process)
    template = "light_curve" if request.headers.get("HX-Request") else "light_curve_page"
    return render(
        request,
        f"tom_pipeline_core/process/{template}.html",
        {
            "process": process,
            "points": points[:TABLE_ROWS],
            "count": len(points),
            "series": json.dumps(series_of(points)),
            "plotly_version": plotly_source()[1],
        },
    )


def points_of(user: Any, process: PipelineProcess) -> list[Any]:
    """Return the points that carry the process's mark, oldest first."""
    if process.target_id is None:
        return []
    return list(
        permissions.visible_photometry(user)
        .filter(target_id=process.target_id, value__process=process.pk)
        .order_by("timestamp")[:POINTS_MAX]
    )


def series_of(points: list[Any]) -> list[dict[str, Any]]:
    """Return the points by band, as lists that the plot takes; limits are a series of their own."""
    series: dict[tuple[str, bool], dict[str, Any]] = defaultdict(
        lambda: {"time": [], "value": [], "error": []}
    )
    for point in points:
        is_limit = point.brightness is None
        one = series[point.bandpass, is_limit]
        one["time"].append(point.timestamp.strftime("%Y-%m-%d %H:%M:%S"))
        one["value"].append(point.limit if is_limit else point.brightness)
        one["error"].append(point.brightness_error)
    return [
        {"band": band, "limit": is_limit, "unit": points[0].unit, **one}
        for (band, is_limit), one in sorted(series.items())
    ]


@cache
def plotly_source() -> tuple[bytes, str]:
    """Return plotly.js as tomtoolkit's plotly brings it, and a mark of its content."""
    from plotly import offline

    source: bytes = offline.get_plotlyjs().encode()  # type: ignore[attr-defined,no-untyped-call]
    return source, hashlib.sha256(source).hexdigest()[:16]


@require_safe
def plotly_js(request: HttpRequest, version: str) -> HttpResponse:
    """Send plotly.js; the address changes with its content, so browsers keep it for good."""
    source, current = plotly_source()
    if version != current:
        raise Http404("There is no such version.")
    return HttpResponse(
        source,
        content_type="text/javascript; charset=utf-8",
        headers={"Cache-Control": "public, max-age=31536000, immutable"},
    )
