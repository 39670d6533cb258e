"""
All processes that the reader may see.

Pages are cut by primary key, not by number, and nothing is counted: the thousandth page of a
hundred thousand processes costs what the first one costs.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import django_filters
from crispy_forms.helper import FormHelper
from crispy_forms.layout import HTML, Div, Field, Layout, Submit
from django import forms
from django.contrib import messages
from django.db.models import Count, F, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django_filters.filterset import FilterSet

from tom_pipeline_core import permissions, registry, submission
from tom_pipeline_core.exceptions import SubmissionRefused
from tom_pipeline_core.models import InputFile, PipelineProcess
from tom_pipeline_core.states import TERMINAL, UNFINISHED, State
from tom_pipeline_core.web import lookup
from tom_pipeline_core.web.log_view import number
from tom_pipeline_core.web.process_actions import refusals
from tom_pipeline_core.web.process_head import worker_missing

PAGE_ROWS = 25
BULK_MAX = 100
STATES = [
    ("unfinished", "Not ended"),
    *((state.value, state.value.capitalize()) for state in State),
]


class ProcessFilter(FilterSet):
    """What the reader looks for."""

    q = django_filters.CharFilter(
        method="search", label="Search", max_length=100, widget=forms.TextInput
    )
    state = django_filters.ChoiceFilter(
        choices=STATES, method="in_state", label="State", empty_label="Any state"
    )
    pipeline = django_filters.ChoiceFilter(
        field_name="pipeline_name", label="Pipeline", empty_label="Any pipeline"
    )
    whose = django_filters.ChoiceFilter(
        choices=[("mine", "Mine"), ("all", "Everyone’s")],
        method="of_whom",
        label="Whose",
        empty_label=None,
    )

    class Meta:
        model = PipelineProcess
        fields: list[str] = []

    def __init__(self, data: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(data, *args, **kwargs)  # type: ignore[no-untyped-call]
        asked = str(data.get("pipeline", ""))[:200]
        names = sorted({*registry.entries(), *([asked] if asked else [])}, key=str.lower)
        self.filters["pipeline"].extra["choices"] = [(name, name) for name in names]
        if not self.request.user.is_authenticated:
            del self.filters["whose"]

    @property
    def form(self) -> forms.Form:
        form: forms.Form = super().form
        form.helper = FormHelper()  # type: ignore[attr-defined]
        form.helper.form_method = "get"  # type: ignore[attr-defined]
        form.helper.form_class = "tpc-filter"  # type: ignore[attr-defined]
        form.helper.layout = Layout(  # type: ignore[attr-defined]
            Div(
                *(Field(name, wrapper_class="tpc-filter-field") for name in form.fields),
                Div(
                    Submit("", "Show", css_class="btn btn-primary"),
                    HTML('<a class="btn btn-secondary" href="?">Reset</a>'),
                    css_class="tpc-filter-buttons",
                ),
                css_class="tpc-filter-row",
            )
        )
        return form

    def search(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """Look for text in what names a process."""
        return rows.filter(
            Q(identifier__icontains=value)
            | Q(pipeline_name__icontains=value)
            | Q(target__name__icontains=value)
            | Q(user__username__icontains=value)
        )

    def in_state(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        if value == "unfinished":
            return rows.filter(state__in=[state.value for state in UNFINISHED])
        return rows.filter(state=value)

    def of_whom(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return rows.filter(user=self.request.user) if value == "mine" else rows


@dataclass
class Page:
    """Some rows, newest first, and the way on from them."""

    rows: list[PipelineProcess]
    newer: int | None
    """Rows above this primary key come before."""

    older: int | None


def page_of(rows: QuerySet[PipelineProcess], before: int | None, after: int | None) -> Page:
    """
    Return the page that ends before, or begins after, a primary key; one query.

    Without either it is the newest page.
    """
    if after is not None:
        found = list(rows.filter(pk__gt=after).order_by("pk")[: PAGE_ROWS + 1])
        more = len(found) > PAGE_ROWS
        shown = found[:PAGE_ROWS][::-1]
        return Page(
            rows=shown,
            newer=shown[0].pk if more else None,
            older=shown[-1].pk if shown else None,
        )
    if before is not None:
        rows = rows.filter(pk__lt=before)
    found = list(rows.order_by("-pk")[: PAGE_ROWS + 1])
    shown = found[:PAGE_ROWS]
    return Page(
        rows=shown,
        newer=shown[0].pk if shown and before is not None else None,
        older=shown[-1].pk if len(found) > PAGE_ROWS else None,
    )


@never_cache
@require_safe
def process_list(request: HttpRequest) -> HttpResponse:
    """Show processes, newest first: one's own, and to staff everyone's, unless asked otherwise."""
    query = request.GET.copy()
    if "whose" not in query:
        query["whose"] = "all" if request.user.is_staff else "mine"
    chosen = ProcessFilter(query, queryset=_rows(request), request=request)
    valid = chosen.is_valid()  # type: ignore[no-untyped-call]
    page = page_of(
        chosen.qs if valid else chosen.queryset.none(),
        number(request.GET.get("before")),
        number(request.GET.get("after")),
    )
    for process in page.rows:
        process.may_cancel = (  # type: ignore[attr-defined]
            not process.is_terminal and permissions.may_manage(request.user, process)
        )
    kept = {
        name: value
        for name, value in request.GET.items()
        if name in chosen.filters and value and len(value) <= 200
    }
    return render(
        request,
        "tom_pipeline_core/process_list.html",
        {
            "filter": chosen,
            "page": page,
            "query": urlencode(kept),
            "filtered": bool(kept),
            "here": request.get_full_path(),
            "may_run": permissions.may_submit(request.user),
            "bulk_key": secrets.token_urlsafe(12),
            "no_worker": worker_missing(request),
            "is_staff": bool(request.user.is_staff),
        },
    )


def _rows(request: HttpRequest) -> QuerySet[PipelineProcess]:
    inputs = (
        InputFile.objects.filter(process=OuterRef("pk"))
        .order_by()
        .values("process")
        .annotate(n=Count("pk"))
        .values("n")
    )
    return (
        lookup.processes(request)
        .select_related("user", "target")
        .defer("failure_traceback", "failure_message", "parameters")
        .annotate(
            input_count=Coalesce(Subquery(inputs, output_field=IntegerField()), 0),
            took=F("terminal_timestamp") - F("started_at"),
        )
    )


@require_POST
def process_bulk(request: HttpRequest) -> HttpResponse:
    """Cancel, or run again, the processes that were ticked."""
    if not permissions.may_submit(request.user):
        raise Http404("There is no such page.")
    keys = [key for text in request.POST.getlist("process") if (key := number(text)) is not None]
    action = request.POST.get("action")
    processes = list(lookup.processes(request).filter(pk__in=keys[:BULK_MAX]).order_by("pk"))
    if len(keys) > BULK_MAX:
        messages.warning(request, f"Only the first {BULK_MAX} were taken; tick fewer at once.")
    if not processes:
        messages.info(request, "Tick at least one process.")
    elif action == "cancel":
        _cancel_all(request, processes)
    elif action == "again":
        _run_all_again(request, processes)
    back = request.POST.get("back", "")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts=None):
        back = reverse("tom_pipeline_core:process-list")
    return redirect(back)


def _cancel_all(request: HttpRequest, processes: list[PipelineProcess]) -> None:
    ended = {state.value for state in TERMINAL}
    open_ones = [process for process in processes if process.state not in ended]
    mine = [process for process in open_ones if permissions.may_manage(request.user, process)]
    done = sum(submission.cancel(process, request.user, origin="page") for process in mine)
    messages.success(request, f"{done} of {len(processes)} cancelled.")
    if len(open_ones) > len(mine):
        messages.warning(
            request, f"{len(open_ones) - len(mine)} belong to others, who can cancel them."
        )


def _run_all_again(request: HttpRequest, processes: list[PipelineProcess]) -> None:
    key = request.POST.get("key", "")[:50]
    done, problems = 0, []
    for process in processes:
        try:
            submission.run_again(
                process,
                request.user,
                key=f"{key}.{process.pk}" if key else None,
                origin="page",
            )
            done += 1
        except SubmissionRefused as refused:
            problems += [f"{process}: {text}" for text in refusals(refused)]
    if done:
        messages.success(request, f"{done} of {len(processes)} submitted again.")
    for text in problems[:5]:
        messages.error(request, text)
    if len(problems) > 5:
        messages.error(request, f"{len(problems) - 5} more were refused.")
