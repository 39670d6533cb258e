"""What the header of a data product's file says, read once and kept."""

from __future__ import annotations

from django.db import models


class FileFacts(models.Model):
    """
    Facts of one file, valid while its name, size and time in the storage stay the same.

    Pages filter and check by them, so that no page has to open thousands of files.
    """

    class Kind(models.TextChoices):
        IMAGE = "image", "FITS with an image"
        NO_IMAGE = "no image", "FITS without an image"
        OTHER = "other", "not FITS"
        BROKEN = "broken", "not readable"
        MISSING = "missing", "no file"

    product = models.OneToOneField(
        "tom_dataproducts.DataProduct", on_delete=models.CASCADE, related_name="pipeline_facts"
    )

    # Which file they are of.
    storage_name = models.CharField(max_length=500, blank=True, default="")
    size = models.BigIntegerField(null=True)
    """Bytes."""

    modified = models.DateTimeField(null=True)
    read_at = models.DateTimeField(auto_now=True)

    kind = models.CharField(max_length=10, choices=Kind.choices)
    problem = models.TextField(blank=True, default="")
    """Why it is not readable, or not what its name says."""

    band = models.CharField(max_length=80, blank=True, default="")
    instrument = models.CharField(max_length=80, blank=True, default="")
    telescope = models.CharField(max_length=80, blank=True, default="")
    observed_at = models.DateTimeField(null=True)
    """Start of the exposure, as the header writes it."""

    exposure = models.FloatField(null=True)
    """Seconds."""

    reduced = models.BooleanField(null=True)
    """Whether the header says that the frame is reduced; None if it says nothing."""

    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)
    wcs = models.JSONField(null=True)
    """The cards of the world coordinate system, as text; None without one."""

    saturation = models.FloatField(null=True)
    """Level at which pixels saturate, in the units of the image."""

    # Where the target is on the frame, for the coordinates it had then.
    target_ra = models.FloatField(null=True)
    target_dec = models.FloatField(null=True)
    target_x = models.FloatField(null=True)
    target_y = models.FloatField(null=True)
    """Pixels, from 0."""

    peak = models.FloatField(null=True)
    """Highest value close to the target, where it could be read cheaply."""

    class Meta:
        verbose_name_plural = "file facts"

    def __str__(self) -> str:
        return f"facts of {self.storage_name}"


class Thumbnail(models.Model):
    """A small picture of a file; it goes when the facts of the file change."""

    facts = models.OneToOneField(FileFacts, on_delete=models.CASCADE, related_name="thumbnail")
    image = models.BinaryField()
    """PNG; empty when the file gives no picture."""

    problem = models.CharField(max_length=200, blank=True, default="")

    def __str__(self) -> str:
        return f"thumbnail of {self.facts_id}"
