"""Who hears of an observation; the former package's records are kept."""

from __future__ import annotations

from django.db import models
from tom_observations.models import ObservationRecord


class ObservationAlert(models.Model):
    """Somebody to be told when the status of an observation changes."""

    observation = models.ForeignKey(ObservationRecord, on_delete=models.CASCADE)
    email = models.EmailField()

    class Meta:
        app_label = "tom_education"

    def __str__(self) -> str:
        return f"{self.email} hears of {self.observation}"
