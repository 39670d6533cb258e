"""What the TOM finds of us."""

from __future__ import annotations

from django.apps import AppConfig


class TomPipelineCoreConfig(AppConfig):
    name = "tom_pipeline_core"
    verbose_name = "Pipelines"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from tom_pipeline_core import hooks
        from tom_pipeline_core.models.moves import process_moved

        process_moved.connect(hooks.tell_of_move, dispatch_uid="tom_pipeline_core.hooks")
