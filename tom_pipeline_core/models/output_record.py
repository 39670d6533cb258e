"""What a process saved."""

from __future__ import annotations

from django.db import models


class OutputRecord(models.Model):
    """One output of a process; the row outlives the DataProduct."""

    class Kind(models.TextChoices):
        FILE = "file", "file"
        PLOT = "plot", "plot"
        PHOTOMETRY = "photometry", "photometry"
        SPECTRUM = "spectrum", "spectrum"
        OTHER = "other", "other"

    process = models.ForeignKey(
        "tom_pipeline_core.PipelineProcess", on_delete=models.CASCADE, related_name="outputs"
    )
    kind = models.CharField(max_length=12, choices=Kind.choices)
    product = models.ForeignKey(
        "tom_dataproducts.DataProduct",
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    name = models.CharField(max_length=255, blank=True, default="")
    caption = models.TextField(blank=True, default="")
    size = models.BigIntegerField(null=True)
    """Bytes, of files and plots."""

    sha256 = models.CharField(max_length=64, blank=True, default="")
    points = models.PositiveIntegerField(null=True)
    """How many points of photometry, or of a spectrum."""

    reduction_version = models.CharField(max_length=50, blank=True, default="")
    """The mark by which the TOM's reduced data of this output are found."""

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name or self.get_kind_display()
