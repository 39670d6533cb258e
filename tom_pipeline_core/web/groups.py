"""
Groups of data products, as far as the reader may see what is in them.

Processes put their outputs into groups of the TOM. These pages stand at the addresses of the TOM's
own, so that every link leads here: a group is shown to those who may see something in it, and only
that.
"""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe
from tom_dataproducts.models import DataProductGroup
from tom_dataproducts.views import DataProductGroupDeleteView

from tom_pipeline_core import permissions
from tom_pipeline_core.web.log_view import number

PAGE_ROWS = 50


def _visible(request: HttpRequest) -> QuerySet[DataProductGroup]:
    """Return groups with something to see, and to people with an account also empty ones."""
    seen = Q(dataproduct__in=permissions.visible_data_products(request.user).values("pk"))
    if permissions.may_submit(request.user):
        seen |= Q(dataproduct__isnull=True)
    return DataProductGroup.objects.filter(
        pk__in=DataProductGroup.objects.filter(seen).order_by().values("pk")
    )


def _group_or_404(request: HttpRequest, pk: int) -> DataProductGroup:
    group = _visible(request).filter(pk=pk).first()
    if group is None:
        raise Http404("There is no such group.")
    return group


@never_cache
@require_safe
def group_list(request: HttpRequest) -> HttpResponse:
    """Show groups, newest first, and how many visible products each holds."""
    products = permissions.visible_data_products(request.user).values("pk")
    groups = (
        _visible(request)
        .annotate(visible_count=Count("dataproduct", filter=Q(dataproduct__in=products)))
        .order_by("-created", "-pk")
    )
    page = Paginator(groups, PAGE_ROWS).get_page(request.GET.get("page"))
    return render(
        request,
        "tom_pipeline_core/group_list.html",
        {"page": page, "may_change": permissions.may_submit(request.user)},
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def group_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the visible products of a group; with POST take some of them out of it."""
    group = _group_or_404(request, pk)
    products: Any = permissions.visible_data_products(request.user).filter(group=group)
    if request.method == "POST":
        if not permissions.may_submit(request.user):
            raise Http404("There is no such group.")
        keys = [key for text in request.POST.getlist("products") if (key := number(text))]
        group.dataproduct_set.remove(*products.filter(pk__in=keys))
        return redirect("tom_dataproducts:group-detail", pk=group.pk)
    page = Paginator(products.select_related("target").order_by("-pk"), PAGE_ROWS).get_page(
        request.GET.get("page")
    )
    process = (
        permissions.visible_processes(request.user).filter(group=group).only("pk", "identifier")
    ).first()
    return render(
        request,
        "tom_pipeline_core/group_detail.html",
        {
            "group": group,
            "page": page,
            "process": process,
            "may_change": permissions.may_submit(request.user),
        },
    )


def group_delete(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Delete a group of which one sees everything, by the TOM's own page."""
    group = _group_or_404(request, pk)
    seen = permissions.visible_data_products(request.user).filter(group=group).count()
    if seen != group.dataproduct_set.count():
        raise Http404("There is no such group.")
    return DataProductGroupDeleteView.as_view()(request, pk=pk)


# Links use the names of tom_dataproducts, which lead to the same addresses. The names here must be
# nobody else's: the TOM has a ``group-delete`` of its own, for groups of users.
urlpatterns = [
    path("list/", group_list, name="pipelines-group-list"),
    path("<int:pk>/", group_detail, name="pipelines-group-detail"),
    path("<int:pk>/delete/", group_delete, name="pipelines-group-delete"),
]
