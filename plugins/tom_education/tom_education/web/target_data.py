"""The page on which old front ends start pipelines: data products, a pipeline, its flags."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from tom_education.forms import DataProductActionForm
from tom_education.models import PipelineProcess
from tom_education.web.api import target_or_404
from tom_pipeline_core import permissions, registry, submission
from tom_pipeline_core.exceptions import InvalidPipelineError, SubmissionRefused

FLAG = "pipeline_flag_"


@require_http_methods(["GET", "HEAD", "POST"])
def target_data(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the data products of a target; POST does something with those that are chosen."""
    target = target_or_404(request, pk)
    visible = permissions.visible_data_products(request.user).filter(target=target.pk)
    products = visible.order_by("-created", "-pk")
    form = DataProductActionForm(request.POST or None, target=target, products=products)
    if request.method == "POST":
        if form.is_valid():
            return _act(request, target, form)
        for texts in form.errors.values():
            for text in texts:
                messages.error(request, str(text))
    names = sorted(registry.entries())
    context = {
        "target": target,
        "products": products,
        "pipeline_names": names,
        "pipeline_flags": _flags(names),
        "may_submit": permissions.may_submit(request.user),
    }
    return render(request, "tom_education/target_data.html", context)


def _flags(names: list[str]) -> dict[str, Any]:
    """Return the flags of the pipelines that have some; one that cannot be loaded has none."""
    flags = {}
    for name in names:
        try:
            pipeline = PipelineProcess.get_subclass(name)
        except (InvalidPipelineError, KeyError):
            continue
        if pipeline.flags:
            flags[name] = pipeline.flags
    return flags


def _act(request: HttpRequest, target: Any, form: DataProductActionForm) -> HttpResponse:
    action = form.cleaned_data["action"]
    if action != "pipeline":
        return _refuse(f"Invalid action '{action}'")
    if "pipeline_name" not in request.POST:
        return _refuse("No pipeline_name given")
    name = request.POST["pipeline_name"]
    try:
        pipeline = PipelineProcess.get_subclass(name)
    except KeyError:
        return _refuse(f"Invalid pipeline name '{name}'")
    except InvalidPipelineError as error:
        return _refuse(str(error))
    # A box that is not ticked is not sent, so every flag is off unless it is there.
    flags = {flag: f"{FLAG}{flag}" in request.POST for flag in pipeline.flags or {}}
    try:
        submission.submit(
            name,
            target=target,
            products=form.get_selected_products(),
            parameters=flags,
            user=request.user,
            origin="page",
        )
    except SubmissionRefused as refused:
        status = 400 if permissions.may_submit(request.user) else 403
        return _refuse(str(refused), status)
    return JsonResponse({"ok": True})


def _refuse(text: str, status: int = 400) -> HttpResponse:
    """Answer in plain text: it may quote what was sent."""
    return HttpResponse(text, status=status, content_type="text/plain; charset=utf-8")
