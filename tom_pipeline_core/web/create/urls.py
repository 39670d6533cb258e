"""The pages of a new process and the target's tab."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
