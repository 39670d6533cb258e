"""
Where the pages are; mounted below ``pipelines/`` by the app's configuration.

The names are looked up by templates of the TOM's own pages, so a system check reverses them all.
"""

from django.urls import include, path

from tom_pipeline_core.web import process_actions, process_live, process_page, processes_page

app_name = "tom_pipeline_core"

urlpatterns = [
    path("", processes_page.process_list, name="process-list"),
    path("", include("tom_pipeline_core.web.create.urls")),
    path("<int:pk>/", process_page.process_detail, name="process-detail"),
    path("<int:pk>/poll/", process_live.process_poll, name="process-poll"),
    path("<int:pk>/cancel/", process_actions.process_cancel, name="process-cancel"),
]
