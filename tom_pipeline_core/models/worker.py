"""Workers that have been seen, so that pages can say when nobody works."""

from __future__ import annotations

from django.db import models


class Worker(models.Model):
    """A running ``manage.py run_pipelines``."""

    name = models.CharField(max_length=200, unique=True)
    """Host, process id and a random part: a restarted worker is another one."""

    host = models.CharField(max_length=150)
    pid = models.PositiveIntegerField()
    queue = models.CharField(max_length=50)
    threads = models.PositiveSmallIntegerField()
    version = models.CharField(max_length=50, blank=True, default="")
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    """By the database's clock, as leases are."""

    class Meta:
        ordering = ["queue", "name"]

    def __str__(self) -> str:
        return self.name
