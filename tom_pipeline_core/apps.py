"""What the TOM finds of us."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.urls import include, path


class TomPipelineCoreConfig(AppConfig):
    name = "tom_pipeline_core"
    verbose_name = "Pipelines"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from tom_pipeline_core import checks, hooks  # noqa: F401 - registers the checks
        from tom_pipeline_core.models.moves import process_moved

        process_moved.connect(hooks.tell_of_move, dispatch_uid="tom_pipeline_core.hooks")

    # The methods below are called by tomtoolkit, which swallows an AttributeError from them and
    # shows any other error on every page: they hold literals only.

    def include_url_paths(self) -> list[Any]:
        return [
            path("pipelines/", include("tom_pipeline_core.urls")),
            # In the place of the TOM's own pages, which come later in its URLconf.
            path("dataproducts/data/group/", include("tom_pipeline_core.web.groups")),
        ]

    def nav_items(self) -> list[dict[str, str]]:
        return [{"partial": "tom_pipeline_core/partials/nav_item.html"}]

    def target_detail_tabs(self) -> list[dict[str, str]]:
        return [
            {
                "partial": "tom_pipeline_core/partials/target_tab_placeholder.html",
                "label": "Pipelines",
            }
        ]
