"""Which files a process was given, and what became of each."""

from __future__ import annotations

from django.db import models


class InputFile(models.Model):
    """An input file of a process; the row outlives the DataProduct."""

    class Fate(models.TextChoices):
        GIVEN = "given", "given"
        SKIPPED = "skipped", "skipped"

    process = models.ForeignKey(
        "tom_pipeline_core.PipelineProcess", on_delete=models.CASCADE, related_name="inputs"
    )
    product = models.ForeignKey(
        "tom_dataproducts.DataProduct",
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    name = models.CharField(max_length=255, blank=True, default="")
    """Base name of the file when it was chosen."""

    size = models.BigIntegerField(null=True)
    """Bytes."""

    fate = models.CharField(max_length=8, choices=Fate.choices, default=Fate.GIVEN)
    reason = models.TextField(blank=True, default="")
    """Why it was skipped."""

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name
