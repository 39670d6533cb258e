from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from tom_pipeline_core.executors import ExecutorPool, executor_class
from tom_pipeline_core.executors.immediate import ImmediateExecutor


def pool(settings: Any, **entry: Any) -> ExecutorPool:
    settings.TOM_PIPELINES = {**settings.TOM_PIPELINES, "EXECUTORS": {"default": entry}}
    return ExecutorPool()


def test_a_backend_is_an_entry_point_or_a_path():
    path = "tom_pipeline_core.executors.immediate"

    assert executor_class("immediate") is ImmediateExecutor
    assert executor_class(f"{path}:ImmediateExecutor") is ImmediateExecutor
    assert executor_class(f"{path}.ImmediateExecutor") is ImmediateExecutor


@pytest.mark.parametrize(
    ("backend", "words"),
    [
        ("warp", "warp"),
        ("no.such.module:Class", "cannot be imported"),
        ("pathlib:Path", "not a subclass of Executor"),
    ],
)
def test_a_backend_that_is_none_is_named(backend, words):
    with pytest.raises(ImproperlyConfigured, match=words):
        executor_class(backend)


@pytest.mark.parametrize("limit", [0, -5, "an hour", True])
def test_a_time_limit_that_is_none_is_refused_with_the_setting(settings, limit):
    executors = pool(settings, BACKEND="immediate", OPTIONS={"time_limit": limit})

    with pytest.raises(ImproperlyConfigured, match=r"'time_limit'\] must be a number of seconds"):
        executors.check()


def test_options_that_the_executor_does_not_know_are_refused(settings):
    executors = pool(settings, BACKEND="immediate", OPTIONS={"colour": "blue"})

    with pytest.raises(ImproperlyConfigured, match=r"\['OPTIONS'\].*colour"):
        executors.check()


def test_an_alias_that_is_not_in_the_settings_is_named(settings):
    with pytest.raises(ImproperlyConfigured, match=r"'moon'.*default"):
        pool(settings, BACKEND="immediate").get("moon")


def test_threads_share_one_executor(settings):
    executors = pool(settings, BACKEND="immediate")

    assert executors.get("default") is executors.get("default")
