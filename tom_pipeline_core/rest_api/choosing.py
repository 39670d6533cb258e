"""Choosing a target's data products by what they are, instead of by number."""

from __future__ import annotations

import re
from fnmatch import translate
from pathlib import Path
from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from tom_dataproducts.models import DataProduct

from tom_pipeline_core import permissions
from tom_pipeline_core.rest_api.strict_input import StrictSerializer, Text


class Conditions(StrictSerializer):
    """What files can be told apart by; all that are given have to hold."""

    name = Text(
        required=False,
        max_length=100,
        help_text="Of the file, with `*` and `?`; capital letters do not matter.",
    )
    type = Text(required=False, max_length=50, help_text="Data product type.")
    band = Text(required=False, max_length=80, help_text="As the file's header names the filter.")
    instrument = Text(required=False, max_length=80, help_text="As the file's header names it.")
    group = Text(required=False, max_length=200, help_text="Name of a data product group.")


class Match(Conditions):
    """Conditions, of which at least one is needed: a typo must not mean "all files"."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs:
            raise serializers.ValidationError(
                f"Say what has to match: {', '.join(self.fields)}. "
                'For all files write {"name": "*"}.'
            )
        return attrs


def file_name(product: DataProduct) -> str:
    """Return the name of a data product's file without its folder."""
    return Path(str(product.data.name)).name if product.data else ""


def candidates(user: Any, target: Any, match: dict[str, Any]) -> QuerySet[DataProduct]:
    """Return the visible data products of a target that match."""
    products = permissions.visible_data_products(user).filter(target_id=target.pk)
    if (kind := match.get("type")) is not None:
        products = products.filter(data_product_type=kind)
    if (band := match.get("band")) is not None:
        products = products.filter(pipeline_facts__band__iexact=band)
    if (instrument := match.get("instrument")) is not None:
        products = products.filter(pipeline_facts__instrument__iexact=instrument)
    if (group := match.get("group")) is not None:
        products = products.filter(group__name=group).distinct()
    if (pattern := match.get("name")) is not None:
        fits = re.compile(translate(pattern.lower())).match
        names = products.exclude(data="").values_list("pk", "data")
        products = products.filter(
            pk__in=[pk for pk, stored in names if fits(Path(str(stored)).name.lower())]
        )
    return products.exclude(data="").select_related("pipeline_facts").order_by("pk")


def matching(user: Any, target: Any, match: dict[str, Any]) -> list[DataProduct]:
    """Return the visible data products of a target that match, oldest first."""
    return list(candidates(user, target, match))
