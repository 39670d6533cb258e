"""
What ``manage.py check`` says of pipelines.

Metadata and settings are always looked at, and nothing of a plugin is imported; with ``--deploy``
every plugin is imported too, in a child process. What is wrong with a plugin is a warning, because
an error would keep ``migrate`` and ``runserver`` from running; ``TOM_PIPELINES['STRICT']`` makes it
one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core import checks
from django.core.exceptions import ImproperlyConfigured

from tom_pipeline_core import conf, discovery, registry, sqlite
from tom_pipeline_core.faults import CHECK_PREFIX, Fault, check_id
from tom_pipeline_core.registry.editable import outdated_editables
from tom_pipeline_core.registry.examination import examine

LEVELS = {"error": checks.ERROR, "warning": checks.WARNING, "info": checks.INFO}


def as_messages(faults: Iterable[Fault], *, strict: bool = False) -> list[checks.CheckMessage]:
    """Return faults as messages of Django's check framework."""
    messages = []
    for fault in faults:
        level = LEVELS[fault.severity]
        if strict and level == checks.WARNING:
            level = checks.ERROR
        messages.append(
            checks.CheckMessage(level, fault.what, hint=fault.hint, obj=fault.where, id=fault.id)
        )
    return messages


@checks.register(CHECK_PREFIX)
def check_settings(**kwargs: Any) -> list[checks.CheckMessage]:
    """Say what is wrong with ``TOM_PIPELINES``, or what names a missing executor."""
    try:
        settings = conf.get()
    except ImproperlyConfigured as error:
        hint = "Correct the setting; docs/reference/settings lists all keys."
        return [checks.Error(str(error), hint=hint, id=check_id("E001"))]
    messages: list[checks.CheckMessage] = []
    for alias, executor in settings.executors.items():
        try:
            discovery.executor_target(executor.backend)
        except ImproperlyConfigured as error:
            messages.append(
                checks.Error(
                    str(error),
                    hint="Install the executor's distribution, or correct BACKEND.",
                    obj=f"TOM_PIPELINES['EXECUTORS'][{alias!r}]",
                    id=check_id("E005"),
                )
            )
    return messages


@checks.register(CHECK_PREFIX)
def check_plugins(**kwargs: Any) -> list[checks.CheckMessage]:
    """Say what metadata and settings show to be wrong with plugins."""
    try:
        strict = conf.get().strict
    except ImproperlyConfigured:
        return []  # check_settings says it
    return as_messages([*registry.static_faults(), *outdated_editables()], strict=strict)


@checks.register(CHECK_PREFIX, deploy=True)
def check_imports(**kwargs: Any) -> list[checks.CheckMessage]:
    """Import every plugin in a child process and say what fails."""
    try:
        strict = conf.get().strict
    except ImproperlyConfigured:
        return []
    return as_messages(examine(), strict=strict)


@checks.register(CHECK_PREFIX)
def check_sqlite(**kwargs: Any) -> list[checks.CheckMessage]:
    """Say how SQLite is to be set so that pages and workers can write at the same time."""
    return as_messages(sqlite.faults())
