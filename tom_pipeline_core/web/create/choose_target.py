"""Where to go when the page of a new process is opened without a target."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from tom_pipeline_core import permissions

MOST = 50


def choose_target(request: HttpRequest) -> HttpResponse:
    """Show the targets of a name; the newest ones without."""
    name = request.GET.get("name", "").replace("\x00", "").strip()
    rows = permissions.visible_targets(request.user).order_by("-created")
    if name:
        rows = rows.filter(name__icontains=name)
    targets = list(rows[: MOST + 1])
    return render(
        request,
        "tom_pipeline_core/create/choose_target.html",
        {"targets": targets[:MOST], "more": len(targets) > MOST, "name": name},
    )
