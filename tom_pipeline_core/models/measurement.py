"""Quality numbers of a process."""

from __future__ import annotations

from django.db import models


class Measurement(models.Model):
    """A number that a pipeline measured, with its unit, of one input file or of the whole run."""

    process = models.ForeignKey(
        "tom_pipeline_core.PipelineProcess", on_delete=models.CASCADE, related_name="measurements"
    )
    product = models.ForeignKey(
        "tom_dataproducts.DataProduct", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    name = models.CharField(max_length=100)
    value = models.FloatField()
    unit = models.CharField(max_length=50, blank=True, default="")

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.name} = {self.value} {self.unit}".strip()
