"""What Django finds of us."""

from __future__ import annotations

from django.apps import AppConfig
from django.core.exceptions import ImproperlyConfigured


class TomEducationConfig(AppConfig):
    name = "tom_education"
    verbose_name = "Pipelines (tom_education)"
    default_auto_field = "django.db.models.AutoField"  # as the tables of old have it

    def ready(self) -> None:
        from tom_education import conflict, reverse_names

        problem = conflict.conflict()
        if problem:
            raise ImproperlyConfigured(f"{problem} Run: {conflict.remedy()}")
        reverse_names.add()
