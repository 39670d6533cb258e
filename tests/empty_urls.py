"""The URLs of a site that has forgotten to include the TOM's."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
