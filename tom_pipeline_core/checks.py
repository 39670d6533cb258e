"""
What ``manage.py check`` says of pipelines.

Metadata and settings are always looked at, and nothing of a plugin is imported; with ``--deploy``
every plugin is imported too, in a child process. What is wrong with a plugin is a warning, because
an error would keep ``migrate`` and ``runserver`` from running; ``TOM_PIPELINES['STRICT']`` makes it
one.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import traceback
from collections.abc import Iterable
from typing import Any

from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.urls import NoReverseMatch, get_resolver

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
def check_former(**kwargs: Any) -> list[checks.CheckMessage]:
    """
    Say that the former ``tom_education`` is installed.

    Installed after its replacement it has overwritten that one's files, so only we can tell.
    """
    try:
        version = importlib.metadata.version("tom_education")
    except importlib.metadata.PackageNotFoundError:
        return []
    what = (
        f"The distribution tom_education {version} is installed. It does not work with this TOM "
        "Toolkit, and it overwrites files of tom-pipeline-core-education, which replaces it."
    )
    hint = (
        "pip uninstall --yes tom_education; "
        "pip install --force-reinstall --no-deps tom-pipeline-core-education"
    )
    return [checks.Error(what, hint=hint, obj="tom_education", id=check_id("E006"))]


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


@checks.register(checks.Tags.urls)
def check_urls(**kwargs: Any) -> list[checks.CheckMessage]:
    """
    Say why our pages are not there: tomtoolkit swallows some errors of an app's URLconf.

    Among the checks of URLs, so that a worker, which needs none, does not load them all.
    """
    try:
        urls = importlib.import_module("tom_pipeline_core.urls")
        for name in names_of_urls(urls.urlpatterns):
            _reverse(name)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what is to be said
        return [
            checks.Error(
                f"The pages of pipelines are not available: {type(error).__name__}: {error}",
                hint=(
                    "The site's ROOT_URLCONF must include 'tom_common.urls'. The error came from:\n"
                    + "".join(traceback.format_tb(error.__traceback__)[-3:])
                ),
                obj="tom_pipeline_core.urls",
                id=check_id("E070"),
            )
        ]
    return []


def names_of_urls(patterns: Iterable[Any]) -> list[str]:
    """Return the names of URL patterns, those of included ones too."""
    names: list[str] = []
    for pattern in patterns:
        if hasattr(pattern, "url_patterns"):
            names += names_of_urls(pattern.url_patterns)
        else:
            names.append(pattern.name)
    return names


def _reverse(name: str) -> None:
    """Raise NoReverseMatch unless the site knows the name, with whatever arguments."""
    found = get_resolver().namespace_dict.get("tom_pipeline_core")
    if found is None:
        raise NoReverseMatch("the site's URLs have no namespace 'tom_pipeline_core'")
    _prefix, resolver = found
    if name not in resolver.reverse_dict:
        raise NoReverseMatch(f"the site's URLs have no name 'tom_pipeline_core:{name}'")
