"""Make every pipeline class a proxy of the one table, so that authors need no Meta and no migration."""

from __future__ import annotations

import re
from typing import Any, cast

from django.core.exceptions import FieldError
from django.db import models
from django.db.models.base import ModelBase

from tom_pipeline_core.models.own_label import own_label

LABEL_MAX = 100  # ContentType.app_label, which the admin's log may write

loaded_classes: dict[str, type[models.Model]] = {}
"""Every pipeline class imported in this interpreter, by dotted path."""


def dotted_path(cls: type) -> str:
    """Return ``module.Class``, as ``PipelineProcess.process_type`` stores it."""
    return f"{cls.__module__}.{cls.__qualname__}"


class PipelineBase(ModelBase):
    """
    Fill in ``Meta`` of pipeline classes.

    A subclass becomes a proxy with a label that is not installed, so that ``makemigrations`` never
    sees it; an ``app_label`` that the author states is kept, and then migrations are the author's.
    So is the label of an app whose migrations already hold the class.
    """

    def __new__(
        mcs, name: str, bases: tuple[type, ...], attrs: dict[str, Any], **kwargs: Any
    ) -> PipelineBase:
        if not any(isinstance(base, PipelineBase) for base in bases):
            return cast(PipelineBase, super().__new__(mcs, name, bases, attrs, **kwargs))
        module = attrs["__module__"]
        fields = [key for key, value in attrs.items() if isinstance(value, models.Field)]
        if fields:
            raise FieldError(
                f"{module}.{name}: a pipeline cannot add database fields ({', '.join(fields)}). "
                "For what the user sets, write `class Parameters(forms.Form)`; "
                "for numbers to keep, call self.measure(...)."
            )
        meta = attrs.get("Meta")
        if getattr(meta, "abstract", False):
            raise TypeError(
                f"{module}.{name}: a pipeline cannot be abstract; share code in a plain mixin class"
            )
        options: dict[str, Any] = {
            "proxy": True,
            "__module__": module,
            "__qualname__": f"{attrs.get('__qualname__', name)}.Meta",
        }
        if getattr(meta, "app_label", None) is None:
            uninstalled = ("pipeline_" + re.sub(r"\W", "_", module))[:LABEL_MAX]
            options["app_label"] = own_label(module, name) or uninstalled
        attrs["Meta"] = type("Meta", (meta,) if meta else (), options)
        cls = cast(PipelineBase, super().__new__(mcs, name, bases, attrs, **kwargs))
        loaded_classes[dotted_path(cls)] = cls  # type: ignore[assignment]
        return cls
