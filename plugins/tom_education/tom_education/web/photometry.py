"""Photometry of a target as a table to download."""

from __future__ import annotations

import csv
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.text import slugify
from django.views.decorators.http import require_safe
from guardian.shortcuts import get_objects_for_user
from tom_dataproducts.models import PhotometryReducedDatum

from tom_education.web.api import target_or_404


@require_safe
def photometry_to_csv(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer with a line a point: time, magnitude, error; earliest first."""
    target = target_or_404(request, pk)
    points: Any = PhotometryReducedDatum.objects.filter(target=target.pk, brightness__isnull=False)
    if not settings.TARGET_PERMISSIONS_ONLY:
        points = get_objects_for_user(
            request.user, "tom_dataproducts.view_photometryreduceddatum", klass=points
        )
    name = slugify(target.name.replace(" ", "_").replace(".", "_")) or f"target_{target.pk}"
    response = HttpResponse(
        content_type="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
    )
    writer = csv.writer(response)
    for point in points.order_by("timestamp"):
        writer.writerow([point.timestamp.isoformat(), point.brightness, point.brightness_error])
    return response
