"""The table of a target's files: filtered, sorted and paged by the database."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django import forms
from django.conf import settings
from django.core.paginator import Page, Paginator
from django.db.models import F, QuerySet
from django.db.models.functions import Coalesce
from django.http import QueryDict
from django_filters.filters import CharFilter, ChoiceFilter, DateFilter
from django_filters.filterset import FilterSet
from tom_dataproducts.models import DataProduct

from tom_pipeline_core import permissions
from tom_pipeline_core.preflight.checks import name_of
from tom_pipeline_core.preflight.facts import facts_of

PAGE_ROWS = 50

LEVELS = [("reduced", "reduced"), ("raw", "raw")]
SORTS = {
    "new": ("newest first", (F("observed").desc(), F("pk").desc())),
    "old": ("oldest first", (F("observed").asc(), F("pk").asc())),
    "name": ("name", (F("data").asc(), F("pk").asc())),
}


class FileFilter(FilterSet):
    """What the table can be narrowed by; choices are what the target's files have."""

    q = CharFilter(label="Name contains", method="by_name")
    type = ChoiceFilter(
        label="Type", field_name="data_product_type", empty_label="any", null_label=None
    )
    band = ChoiceFilter(label="Band", field_name="pipeline_facts__band", empty_label="any")
    instrument = ChoiceFilter(
        label="Instrument", field_name="pipeline_facts__instrument", empty_label="any"
    )
    level = ChoiceFilter(label="Level", choices=LEVELS, method="by_level", empty_label="any")
    group = ChoiceFilter(label="Group", field_name="group", empty_label="any")
    since = DateFilter(
        label="Observed from",
        field_name="observed",
        lookup_expr="date__gte",
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    until = DateFilter(
        label="Observed until",
        field_name="observed",
        lookup_expr="date__lte",
        widget=forms.DateInput(attrs={"type": "date"}),
    )

    class Meta:
        model = DataProduct
        fields: list[str] = []

    def __init__(self, *args: Any, choices: dict[str, list[tuple[Any, str]]], **kwargs: Any):
        super().__init__(*args, **kwargs)  # type: ignore[no-untyped-call]
        for name, values in choices.items():
            self.filters[name].extra["choices"] = values

    def by_name(self, rows: QuerySet[DataProduct], name: str, value: str) -> QuerySet[DataProduct]:
        """Keep files whose name, without its folders, has every word."""
        for word in value.replace("\x00", "").split():
            rows = rows.filter(data__iregex=f"{re.escape(word)}[^/]*$")
        return rows

    def by_level(self, rows: QuerySet[DataProduct], name: str, value: str) -> QuerySet[DataProduct]:
        """Keep what its header calls reduced, or raw."""
        return rows.filter(pipeline_facts__reduced=value == "reduced")


@dataclass
class Files:
    """The files of one target that a user may choose from."""

    user: Any
    target: Any
    data: QueryDict
    number: int = 1

    @cached_property
    def visible(self) -> QuerySet[DataProduct]:
        """What the user may see, of every target; asked for once, as it costs queries."""
        return permissions.visible_data_products(self.user)

    @cached_property
    def all(self) -> QuerySet[DataProduct]:
        """Every file, with ``observed``: when it was exposed or else uploaded."""
        return self.visible.filter(target=self.target.pk).annotate(
            observed=Coalesce("pipeline_facts__observed_at", "created")
        )

    @cached_property
    def facets(self) -> dict[str, list[tuple[Any, str]]]:
        """The values that the filters offer."""
        seen = set(
            self.all.order_by()
            .values_list(
                "data_product_type",
                "pipeline_facts__band",
                "pipeline_facts__instrument",
                "group",
                "group__name",
                "pipeline_facts__kind",
            )
            .distinct()
        )
        self.has_unread = any(row[5] is None for row in seen)
        groups = {(row[3], row[4]) for row in seen if row[3]}
        return {
            "type": [(kind, type_label(kind)) for kind in sorted({row[0] for row in seen} - {""})],
            "band": _choices(row[1] for row in seen),
            "instrument": _choices(row[2] for row in seen),
            "group": sorted(groups, key=lambda group: (group[1], group[0])),
        }

    def forget(self) -> None:
        """Ask the database again: headers were read meanwhile."""
        for name in ("facets", "unread", "filter", "matching", "page"):
            self.__dict__.pop(name, None)

    @cached_property
    def unread(self) -> int:
        """How many files have headers that were not read yet."""
        self.facets  # noqa: B018 - tells whether it is worth asking
        return self.unread_rows.count() if self.has_unread else 0

    @property
    def unread_rows(self) -> QuerySet[DataProduct]:
        return self.all.filter(pipeline_facts__isnull=True)

    @cached_property
    def filter(self) -> FileFilter:
        return FileFilter(self.data, queryset=self.all, choices=self.facets)

    @cached_property
    def matching(self) -> QuerySet[DataProduct]:
        """The files that match the filters, in order."""
        rows: QuerySet[DataProduct] = self.filter.qs
        return rows.order_by(*SORTS[self.sort][1])

    @property
    def sort(self) -> str:
        asked = self.data.get("sort", "")
        return asked if asked in SORTS else "new"

    @property
    def sorts(self) -> list[tuple[str, str]]:
        return [(name, words) for name, (words, _) in SORTS.items()]

    @cached_property
    def page(self) -> Page[DataProduct]:
        """The rows to show, each with ``base_name`` and ``facts``."""
        page = Paginator(self.matching.select_related("pipeline_facts"), PAGE_ROWS).get_page(
            self.number
        )
        page.object_list = list(page.object_list)
        for product in page.object_list:
            describe(product)
        return page

    def chosen(self, ids: set[int]) -> list[DataProduct]:
        """Return the data products among the ids that exist for the user, of whatever target."""
        if not ids:
            return []
        rows = self.visible.filter(pk__in=ids).select_related("pipeline_facts").order_by("pk")
        return [describe(product) for product in rows]

    @property
    def is_narrowed(self) -> bool:
        """Whether any filter is set."""
        return any(self.data.get(name) for name in self.filter.filters)


def describe(product: DataProduct) -> DataProduct:
    """Add to a product what pages show of it."""
    shown: Any = product
    shown.base_name = name_of(product)
    shown.facts = facts_of(product)
    shown.type_label = type_label(product.data_product_type)
    return product


def type_label(kind: str) -> str:
    """Return how the site calls a type of data product, also one it has no more."""
    labels = dict(getattr(settings, "DATA_PRODUCT_TYPES", {}).values())
    return str(labels.get(kind, kind or "–"))


def _choices(values: Any) -> list[tuple[str, str]]:
    return [(value, value) for value in sorted({value for value in values if value})]
