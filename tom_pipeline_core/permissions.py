"""
Who may see and do what; every page, endpoint and command goes through here.

The rule follows the TOM's target page (``targets_for_user``), because that is where people look.
What a user may not see does not exist for them: callers answer 404.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from guardian.shortcuts import get_objects_for_user
from tom_dataproducts.models import DataProduct, DataProductGroup, PhotometryReducedDatum
from tom_targets.models import Target
from tom_targets.permissions import targets_for_user

from tom_pipeline_core.models import InputFile, PipelineProcess


def visible_targets(user: Any) -> models.QuerySet[Any]:
    """Return the targets that the user may see."""
    queryset: models.QuerySet[Any] = targets_for_user(user, Target.objects.all(), "view_target")
    return queryset


def _visible_target_ids(user: Any) -> models.QuerySet[Any]:
    return visible_targets(user).values("pk")


def visible_data_products(user: Any) -> models.QuerySet[DataProduct]:
    """Return the data products that the user may see."""
    products = DataProduct.objects.all()
    if user.is_authenticated and user.is_superuser:
        return products
    products = products.filter(target__in=_visible_target_ids(user))
    if settings.TARGET_PERMISSIONS_ONLY:
        return products
    allowed: models.QuerySet[DataProduct] = get_objects_for_user(
        user, "tom_dataproducts.view_dataproduct", klass=products
    )
    return allowed


def visible_processes(user: Any) -> models.QuerySet[PipelineProcess]:
    """
    Return the processes that the user may see.

    Where data products have permissions of their own, a process with an input that the user may
    not see is hidden as a whole: its log quotes the file.
    """
    processes = PipelineProcess.objects.all()
    if user.is_authenticated and user.is_superuser:
        return processes
    processes = processes.filter(target__in=_visible_target_ids(user))
    if settings.TARGET_PERMISSIONS_ONLY:
        return processes
    hidden = InputFile.objects.filter(process=models.OuterRef("pk"), product__isnull=False).exclude(
        product__in=visible_data_products(user).values("pk")
    )
    return processes.filter(~models.Exists(hidden))


def openly_visible_processes(user: Any) -> models.QuerySet[PipelineProcess]:
    """
    Return those of ``visible_processes`` that need no look-up of permissions on objects.

    Processes on targets that are not private, where targets alone decide. A page that asks every
    second looks here first.
    """
    if not (user.is_authenticated and settings.TARGET_PERMISSIONS_ONLY):
        return PipelineProcess.objects.none()
    return PipelineProcess.objects.exclude(target__permissions=Target.Permissions.PRIVATE).filter(
        target__isnull=False
    )


def visible_groups(user: Any) -> models.QuerySet[DataProductGroup]:
    """Return the groups that hold something the user may see, and the user's view of them."""
    return DataProductGroup.objects.filter(
        dataproduct__in=visible_data_products(user).values("pk")
    ).distinct()


def may_submit(user: Any) -> bool:
    """Whether the user may run pipelines at all; anonymous visitors may not."""
    return bool(user.is_authenticated and user.is_active)


def may_manage(user: Any, process: PipelineProcess) -> bool:
    """Whether the user may cancel the process: who submitted it, and staff who can see it."""
    if not may_submit(user):
        return False
    return bool(user.is_superuser or user.is_staff or process.user_id == user.pk)


def visible_photometry(user: Any) -> models.QuerySet[PhotometryReducedDatum]:
    """Return the points of photometry that the user may see, as the target's page shows them."""
    points = PhotometryReducedDatum.objects.all()
    if user.is_authenticated and user.is_superuser:
        return points
    points = points.filter(target__in=_visible_target_ids(user))
    if settings.TARGET_PERMISSIONS_ONLY:
        return points
    allowed: models.QuerySet[PhotometryReducedDatum] = get_objects_for_user(
        user, "tom_dataproducts.view_photometryreduceddatum", klass=points
    )
    return allowed
