"""Parameter values that somebody keeps under a name."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Preset(models.Model):
    """Values of a pipeline's parameters, saved by name."""

    pipeline_id = models.CharField(max_length=400)
    """Qualified id of the pipeline."""

    name = models.CharField(max_length=80)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="pipeline_presets"
    )
    shared = models.BooleanField(default=False)
    """Whether everyone on the site may use it."""

    parameters = models.JSONField(default=dict)
    modified = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "pipeline_id", "name"], name="tpc_one_preset_per_name"
            ),
        ]

    def __str__(self) -> str:
        return self.name
