"""What the TOM finds of us."""

from __future__ import annotations

from django.apps import AppConfig


class TomPipelineCoreConfig(AppConfig):
    name = "tom_pipeline_core"
    verbose_name = "Pipelines"
    default_auto_field = "django.db.models.BigAutoField"
