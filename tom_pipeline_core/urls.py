"""
Where the pages are; mounted below ``pipelines/`` by the app's configuration.

The names are looked up by templates of the TOM's own pages, so a system check reverses them all.
"""

from django.urls import include, path
from tom_common.api_router import SharedAPIRootRouter

from tom_pipeline_core.rest_api import api_page, routes
from tom_pipeline_core.web import (
    health_page,
    light_curve,
    plugins_page,
    process_actions,
    process_files,
    process_follow,
    process_live,
    process_page,
    processes_page,
    table_preview,
)

# The TOM collects the endpoints of all apps by importing their ``urls``.
routes.register(SharedAPIRootRouter())

app_name = "tom_pipeline_core"

urlpatterns = [
    path("api/", api_page.api_page, name="api"),
    path("", processes_page.process_list, name="process-list"),
    path("", include("tom_pipeline_core.web.create.urls")),
    path("bulk/", processes_page.process_bulk, name="process-bulk"),
    path("plugins/", plugins_page.plugin_list, name="plugin-list"),
    path("health/", health_page.health, name="health"),
    path("health.json", health_page.health_json, name="health-json"),
    path("<int:pk>/", process_page.process_detail, name="process-detail"),
    path("<int:pk>/poll/", process_live.process_poll, name="process-poll"),
    path("<int:pk>/steps/", process_live.process_steps, name="process-steps"),
    path("<int:pk>/cancel/", process_actions.process_cancel, name="process-cancel"),
    path("<int:pk>/follow/", process_follow.process_follow, name="process-follow"),
    path("<int:pk>/again/", process_actions.process_run_again, name="process-run-again"),
    path("<int:pk>/log/", process_page.process_log, name="process-log"),
    path("<int:pk>/log.txt", process_page.process_log_text, name="process-log-text"),
    path("<int:pk>/outputs.zip", process_files.process_download_all, name="process-download-all"),
    path(
        "<int:pk>/outputs/<int:output_pk>/file/",
        process_files.process_output_file,
        name="process-output-file",
    ),
    path(
        "<int:pk>/outputs/<int:output_pk>/image/",
        process_files.process_output_image,
        name="process-output-image",
    ),
    path(
        "<int:pk>/outputs/<int:output_pk>/table/",
        table_preview.process_output_table,
        name="process-output-table",
    ),
    path(
        "<int:pk>/inputs/<int:input_pk>/file/",
        process_files.process_input_file,
        name="process-input-file",
    ),
    path("<int:pk>/light-curve/", light_curve.process_light_curve, name="process-light-curve"),
    path("plotly-<slug:version>.js", light_curve.plotly_js, name="plotly-js"),
]
