"""
The addresses and names of old.

A site keeps its line ``path('', include('tom_education.urls'))``, before tomtoolkit's own.
"""

from collections.abc import Callable

from django.http.response import HttpResponseBase
from django.urls import path
from django.views.generic import RedirectView

from tom_education.web import api, photometry, target_data

app_name = "tom_education"


def _now_at(name: str) -> Callable[..., HttpResponseBase]:
    """Redirect to a page of the TOM's own, which has taken the place of an old one."""
    return RedirectView.as_view(pattern_name=name, query_string=True)


urlpatterns = [
    path("targets/<int:pk>/data/", target_data.target_data, name="target_data"),
    path(
        "targets/<int:pk>/data/download/",
        photometry.photometry_to_csv,
        name="photometry_download",
    ),
    path("pipeline/<int:pk>", _now_at("tom_pipeline_core:process-detail"), name="pipeline_detail"),
    path("api/async/status/<int:target>/", api.async_status, name="async_process_status_api"),
    path("api/pipeline/logs/<int:pk>/", api.pipeline_logs, name="pipeline_api"),
    path("api/target/<int:pk>/", api.target_detail, name="target_api"),
    # Pages that the TOM Toolkit has itself by now.
    path("gallery/", _now_at("tom_dataproducts:list"), name="gallery"),
    path("education/targets/<int:pk>/", _now_at("tom_targets:detail"), name="target_detail"),
    path("education/targets/create/", _now_at("tom_targets:create"), name="target_create"),
    path("education/targets/<int:pk>/update/", _now_at("tom_targets:update"), name="target_update"),
    path(
        "education/observations/<str:facility>/create/",
        _now_at("tom_observations:create"),
        name="create_obs",
    ),
]
