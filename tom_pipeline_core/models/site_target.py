"""A foreign key to the TOM's targets that returns objects of the site's own Target class."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models.fields.related_descriptors import ForwardManyToOneDescriptor


class SiteTargetDescriptor(ForwardManyToOneDescriptor):  # type: ignore[type-arg]
    """Look targets up in the site's Target model, which may extend ``BaseTarget``."""

    def get_queryset(self, **hints: Any) -> models.QuerySet[Any]:
        from tom_targets.models import Target

        queryset: models.QuerySet[Any] = Target._base_manager.db_manager(hints=hints).all()
        return queryset


class SiteTargetForeignKey(models.ForeignKey):  # type: ignore[type-arg]
    """
    A foreign key to ``tom_targets.BaseTarget``, the table that every TOM has.

    A key to the site's own class would write the site's app into our migrations.
    """

    forward_related_accessor_class = SiteTargetDescriptor

    def __init__(self, **kwargs: Any) -> None:
        kwargs["to"] = "tom_targets.BaseTarget"
        super().__init__(**kwargs)

    def deconstruct(self) -> Any:
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.ForeignKey", args, kwargs
