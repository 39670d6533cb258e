"""What a run said, one row a line, only ever appended."""

from __future__ import annotations

import logging

from django.db import models


class LogLine(models.Model):
    """A line of a process's log."""

    class Stream(models.TextChoices):
        LOG = "log", "log"
        OUTPUT = "out", "standard output and error"
        SUPERVISOR = "sys", "supervisor"

    process = models.ForeignKey(
        "tom_pipeline_core.PipelineProcess", on_delete=models.CASCADE, related_name="log_lines"
    )
    attempt = models.PositiveIntegerField(default=0)
    time = models.DateTimeField()
    stream = models.CharField(max_length=3, choices=Stream.choices, default=Stream.LOG)
    level = models.PositiveSmallIntegerField(default=logging.INFO)
    text = models.TextField()

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["process", "id"], name="tpc_log_process_id")]

    def __str__(self) -> str:
        return self.text
