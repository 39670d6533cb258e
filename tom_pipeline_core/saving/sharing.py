"""Who may see outputs where data products have permissions of their own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.conf import settings
from django.db import models
from guardian.shortcuts import assign_perm, get_groups_with_perms, get_users_with_perms
from tom_dataproducts.models import DataProduct

from tom_pipeline_core.models import PipelineProcess

VIEW_PRODUCT = "view_dataproduct"


def share(
    process: PipelineProcess, products: Sequence[DataProduct], datums: Iterable[models.Model]
) -> None:
    """
    Give outputs the permissions that all inputs have in common, and those of the submitter.

    Does nothing where the TOM decides by the target alone (``TARGET_PERMISSIONS_ONLY``).
    """
    if settings.TARGET_PERMISSIONS_ONLY:
        return
    holders = _common_holders(list(process.input_files.all()))
    if process.user is not None:
        holders.setdefault(process.user, set()).add(VIEW_PRODUCT)
    by_model: dict[type[models.Model], list[Any]] = {}
    for datum in datums:
        by_model.setdefault(type(datum), []).append(datum.pk)
    product_keys = [product.pk for product in products]
    for holder, permissions in holders.items():
        for permission in permissions:
            if product_keys:
                assign_perm(
                    f"tom_dataproducts.{permission}",
                    holder,
                    DataProduct.objects.filter(pk__in=product_keys),
                )
        if VIEW_PRODUCT in permissions:
            for model, keys in by_model.items():
                name = model._meta.model_name
                assign_perm(
                    f"tom_dataproducts.view_{name}",
                    holder,
                    model._default_manager.filter(pk__in=keys),
                )


def _common_holders(inputs: list[DataProduct]) -> dict[Any, set[str]]:
    """Return users and groups with the permissions that each has on every input."""
    common: dict[Any, set[str]] | None = None
    for product in inputs:
        users = get_users_with_perms(product, attach_perms=True, with_group_users=False)
        groups = get_groups_with_perms(product, attach_perms=True)
        held = {holder: set(names) for holder, names in [*users.items(), *groups.items()]}
        if common is None:
            common = held
        else:
            common = {
                holder: names & held[holder] for holder, names in common.items() if holder in held
            }
    return {holder: names for holder, names in (common or {}).items() if names}
