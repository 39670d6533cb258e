"""The pages of a new process and the target's tab."""

from django.urls import path

from tom_pipeline_core.web import target_tab
from tom_pipeline_core.web.create import page, thumbnail

urlpatterns = [
    path("new/", page.process_create, name="process-create"),
    path("new/thumbnail/<int:pk>/", thumbnail.create_thumbnail, name="create-thumbnail"),
    path("target/<int:pk>/tab/", target_tab.target_tab, name="target-tab"),
]
