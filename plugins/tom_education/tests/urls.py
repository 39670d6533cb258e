"""As a site of old has it: the package's addresses at the root, before tomtoolkit's."""

from django.urls import include, path

urlpatterns = [path("", include("tom_education.urls")), path("", include("tom_common.urls"))]
