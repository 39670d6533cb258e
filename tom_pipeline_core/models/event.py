"""What happened to a process and when: moves of state, and the steps a pipeline names."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class ProcessEvent(models.Model):
    """A row in the history of a process; never changed."""

    class Kind(models.TextChoices):
        STATE = "state", "change of state"
        STATUS = "status", "step named by the pipeline"
        REQUEST = "request", "somebody asked for something"

    process = models.ForeignKey(
        "tom_pipeline_core.PipelineProcess", on_delete=models.CASCADE, related_name="events"
    )
    attempt = models.PositiveIntegerField(default=0)
    time = models.DateTimeField()
    kind = models.CharField(max_length=8, choices=Kind.choices)
    value = models.TextField()
    """The new state, the status' text, or what was asked for."""

    detail = models.TextField(blank=True, default="")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    origin = models.CharField(max_length=20, blank=True, default="")
    """Which door: ``page``, ``api``, ``shell``; empty for the machinery itself."""

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["process", "id"], name="tpc_event_process_id")]

    def __str__(self) -> str:
        return f"{self.kind} {self.value}"
