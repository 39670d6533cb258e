"""What is to be told to people and programs, until it was told."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Delivery(models.Model):
    """A notice on its way out; the row is the queue, so that none gets lost."""

    class Channel(models.TextChoices):
        EMAIL = "email", "e-mail"
        WEBHOOK = "webhook", "webhook"

    class Fate(models.TextChoices):
        WAITING = "waiting", "waiting"
        SENT = "sent", "sent"
        GIVEN_UP = "given up", "given up"

    process = models.ForeignKey(
        "tom_pipeline_core.PipelineProcess", on_delete=models.CASCADE, related_name="deliveries"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+"
    )
    """Who gets the e-mail."""

    channel = models.CharField(max_length=8, choices=Channel.choices)
    address = models.CharField(max_length=500, blank=True, default="")
    """URL of a webhook."""

    payload = models.JSONField(default=dict)
    created = models.DateTimeField(auto_now_add=True)
    due = models.DateTimeField()
    claimed_until = models.DateTimeField(null=True)
    """A worker is at it; if it dies, another one tries after this moment."""

    tries = models.PositiveSmallIntegerField(default=0)
    fate = models.CharField(max_length=8, choices=Fate.choices, default=Fate.WAITING)
    last_error = models.TextField(blank=True, default="")

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["fate", "due"], name="tpc_delivery_fate_due")]

    def __str__(self) -> str:
        return f"{self.channel} {self.fate}"


class ProcessFollower(models.Model):
    """Somebody asked to be told when one process ends."""

    process = models.ForeignKey(
        "tom_pipeline_core.PipelineProcess", on_delete=models.CASCADE, related_name="followers"
    )
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["process", "user"], name="tpc_follower_once"),
        ]

    def __str__(self) -> str:
        return str(self.user)


class NotificationPreference(models.Model):
    """When somebody wants e-mail about processes of their own; without a row never."""

    class When(models.TextChoices):
        NEVER = "never", "never"
        FAILED = "failed", "when it failed"
        ALWAYS = "always", "when it ends"

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="pipeline_notifications"
    )
    when = models.CharField(max_length=8, choices=When.choices, default=When.NEVER)

    class Meta:
        verbose_name = "notification preference"

    def __str__(self) -> str:
        return f"{self.user}: {self.when}"
