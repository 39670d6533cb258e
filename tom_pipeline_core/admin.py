"""
Processes in the admin: to be looked at, not to be changed.

A state set by hand would contradict the worker that holds the process, so nothing here writes.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from tom_pipeline_core.models import InputFile, OutputRecord, PipelineProcess, ProcessEvent, Worker


class ReadOnly:
    """No adding, changing or deleting."""

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False


class InputInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]
    model = InputFile
    extra = 0
    fields = ("name", "product", "size", "fate", "reason")


class OutputInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]
    model = OutputRecord
    extra = 0
    fields = ("kind", "name", "product", "size", "points", "reduction_version")


class EventInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]
    model = ProcessEvent
    extra = 0
    fields = ("time", "attempt", "kind", "value", "detail", "user", "origin")


@admin.register(PipelineProcess)
class PipelineProcessAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """The list finds a process; its own page shows it better."""

    list_display = ("identifier", "state", "pipeline_name", "target", "user", "created", "worker")
    list_filter = (
        "state",
        "failure_kind",
        "pipeline_name",
        "queue_alias",
        "executor_alias",
        "created",
    )
    list_select_related = ("target", "user")
    list_per_page = 50
    show_full_result_count = False
    search_fields = ("identifier", "pipeline_name", "target__name", "user__username")
    inlines = (InputInline, OutputInline, EventInline)
    view_on_site = True


@admin.register(Worker)
class WorkerAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("name", "queue", "threads", "version", "started_at", "seen_at")
    list_filter = ("queue",)
