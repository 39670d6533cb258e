"""Saved forms of observations; the former package's records are kept."""

from __future__ import annotations

from django.db import models

from tom_pipeline_core.models.site_target import SiteTargetForeignKey


class ObservationTemplate(models.Model):
    """A filled-in form of an observation of a target at a facility."""

    name = models.CharField(max_length=255)
    target = SiteTargetForeignKey(on_delete=models.CASCADE)
    facility = models.CharField(max_length=255)
    fields = models.TextField()
    """The form's fields as JSON."""

    class Meta:
        app_label = "tom_education"
        unique_together = ("name", "target", "facility")

    def __str__(self) -> str:
        return f"{self.name} at {self.facility}"
