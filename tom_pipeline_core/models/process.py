"""The record of one run, which is also the base class of every pipeline."""

from __future__ import annotations

import json
import re
import secrets
from typing import Any

import django
from django.conf import settings
from django.db import DJANGO_VERSION_PICKLE_KEY, models
from django.urls import reverse
from django.utils import timezone
from django.utils.module_loading import import_string

from tom_pipeline_core.models.authoring import Authoring
from tom_pipeline_core.models.legacy import ASYNC_STATUS_PENDING
from tom_pipeline_core.models.metaclass import PipelineBase, dotted_path, loaded_classes
from tom_pipeline_core.models.site_target import SiteTargetForeignKey
from tom_pipeline_core.states import ACTIVE, TERMINAL, FailureKind, State


def _choices(enum: type[State] | type[FailureKind]) -> list[tuple[str, str]]:
    return [(str(member.value), str(member.value)) for member in enum]


def _unpickle(path: str) -> models.Model:
    cls = import_string(path)
    return cls.__new__(cls)  # type: ignore[no-any-return]


class PipelineProcess(Authoring, models.Model, metaclass=PipelineBase):
    """
    One run of a pipeline on input files of a target.

    Subclass it, set ``short_name``, and write ``do_pipeline(self, tmpdir)``. The subclass is a
    proxy: it adds behaviour, never columns.
    """

    target = SiteTargetForeignKey(
        on_delete=models.CASCADE, null=True, blank=True, related_name="pipeline_processes"
    )
    input_files = models.ManyToManyField(
        "tom_dataproducts.DataProduct",
        through="tom_pipeline_core.InputFile",
        related_name="pipeline",
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="pipeline_processes",
    )
    parameters = models.JSONField(default=dict, blank=True)

    # Which code. Kept with the row, so that history stays readable when a plugin is gone.
    pipeline_name = models.CharField(max_length=200, blank=True, default="")
    pipeline_id = models.CharField(max_length=400, blank=True, default="")
    pipeline_version = models.CharField(max_length=100, blank=True, default="")
    process_type = models.CharField(max_length=200, blank=True, default="", editable=False)

    identifier = models.CharField(max_length=150, unique=True, blank=True)
    created = models.DateTimeField(auto_now_add=True)
    submission_key = models.CharField(max_length=100, null=True, blank=True)  # noqa: DJ001 - NULL is "none" to the constraint
    """What the submitter sends again when unsure, so that two requests make one process."""

    # How far it is.
    state = models.CharField(
        max_length=10, choices=_choices(State), default=State.QUEUED.value, db_index=True
    )
    status = models.TextField(default=ASYNC_STATUS_PENDING, blank=True)
    progress_done = models.FloatField(null=True, blank=True)
    progress_total = models.FloatField(null=True, blank=True)
    queued_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    terminal_timestamp = models.DateTimeField(null=True, blank=True)

    # How it ended.
    failure_kind = models.CharField(
        max_length=30, choices=_choices(FailureKind), blank=True, default=""
    )
    failure_message = models.TextField(blank=True, default="")
    failure_traceback = models.TextField(blank=True, default="")
    group = models.ForeignKey(
        "tom_dataproducts.DataProductGroup",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="pipeline_processes",
    )
    warning_count = models.PositiveIntegerField(default=0)
    exit_code = models.IntegerField(null=True, blank=True)
    peak_memory = models.BigIntegerField(null=True, blank=True)
    cpu_seconds = models.FloatField(null=True, blank=True)

    # Where it runs, and who may write to the row.
    executor_alias = models.CharField(max_length=50, default="default")
    queue_alias = models.CharField(max_length=50, default="default")
    worker = models.CharField(max_length=200, blank=True, default="")
    handle = models.CharField(max_length=300, blank=True, default="")
    attempt = models.PositiveIntegerField(default=0)
    losses = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "submission_key"], name="tpc_one_process_per_submission_key"
            ),
        ]
        indexes = [
            models.Index(fields=["state", "queue_alias", "user"], name="tpc_state_queue_user"),
            models.Index(fields=["state", "lease_until"], name="tpc_state_lease"),
            models.Index(fields=["target", "-id"], name="tpc_target_newest"),
        ]

    def __str__(self) -> str:
        return self.identifier or f"process {self.pk}"

    def __reduce__(self) -> Any:
        # Proxies have labels that are not installed, so Django's own way cannot find them.
        data = self.__getstate__()
        data[DJANGO_VERSION_PICKLE_KEY] = django.__version__
        return _unpickle, (dotted_path(type(self)),), data

    # -- saving -----------------------------------------------------------------------------

    def save(self, *args: Any, **kwargs: Any) -> None:
        """
        Save the row.

        Inside a run only ``status`` and the progress are reported: everything else belongs to the
        supervisor, and a pipeline's copy of it may be old.
        """
        if self._reporter is not None:
            self._report_status()
            return
        if not self.process_type and type(self) is not PipelineProcess:
            self.process_type = dotted_path(type(self))
        if not self.identifier:
            self.identifier = self.make_identifier(self.target_id)
        super().save(*args, **kwargs)

    def get_absolute_url(self) -> str:
        return reverse("tom_pipeline_core:process-detail", args=[self.pk])

    # -- a row is an object of the class that ran -------------------------------------------

    @classmethod
    def from_db(cls, *args: Any, **kwargs: Any) -> Any:
        process: Any = super().from_db(*args, **kwargs)
        if "process_type" in process.__dict__:  # not deferred
            process.__class__ = loaded_classes.get(process.process_type, type(process))
        return process

    # -- reading ----------------------------------------------------------------------------

    @property
    def is_terminal(self) -> bool:
        """Whether the process has ended."""
        return State(self.state) in TERMINAL

    @property
    def is_active(self) -> bool:
        """Whether a worker holds the process."""
        return State(self.state) in ACTIVE

    @property
    def logs(self) -> str | None:
        """All that the pipeline logged, as text; None when it logged nothing."""
        lines = list(
            self.log_lines.filter(stream="log").order_by("id").values_list("text", flat=True)
        )
        pending = self._pending_text
        return "".join(f"{line}\n" for line in lines) + pending if lines or pending else None

    @property
    def flags_json(self) -> str | None:
        """The parameters of a pipeline with ``flags``, as JSON; None without."""
        return json.dumps(self.parameters) if self.parameters else None

    @classmethod
    def make_identifier(cls, target_pk: Any) -> str:
        """Return a new name for a process: what ran, on which target, when, and a random end."""
        short = re.sub(r"[^A-Za-z0-9_-]", "_", cls.short_name)[:60] or "pipeline"
        stamp = timezone.now().strftime("%Y%m%d%H%M%S")
        return f"{short}_{target_pk or 'none'}_{stamp}_{secrets.token_hex(3)}"
