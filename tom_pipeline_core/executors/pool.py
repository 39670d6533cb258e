"""The executors of the settings."""

from __future__ import annotations

import inspect
import threading

from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from tom_pipeline_core import conf, discovery
from tom_pipeline_core.executors.base import Executor


def executor_class(backend: str) -> type[Executor]:
    """
    Return the class that ``BACKEND`` names: an entry point of the group, or a dotted path.

    Raises
    ------
    ImproperlyConfigured
        If there is none; the message lists the installed names.
    """
    target = discovery.executor_target(backend)
    try:
        cls = import_string(target.replace(":", "."))
    except ImportError as error:
        raise ImproperlyConfigured(
            f"The executor backend {backend!r} cannot be imported: {error}"
        ) from error
    if not (isinstance(cls, type) and issubclass(cls, Executor)):
        raise ImproperlyConfigured(f"{backend!r} is not a subclass of {Executor.__qualname__}")
    return cls


class ExecutorPool:
    """The executors of one worker, made when first asked for, shared by its threads."""

    def __init__(self) -> None:
        self._executors: dict[str, Executor] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, alias: str) -> Executor:
        """Return the executor of an alias; a slow constructor holds up only its own alias."""
        with self._lock:
            lock = self._locks.setdefault(alias, threading.Lock())
        with lock:
            if alias not in self._executors:
                self._executors[alias] = self._make(alias)
            return self._executors[alias]

    def _make(self, alias: str) -> Executor:
        settings = self._settings(alias)
        cls = executor_class(settings.backend)
        try:
            inspect.signature(cls).bind(**settings.options)  # names the option that is wrong
            return cls(**settings.options)
        except (TypeError, ValueError) as error:
            raise ImproperlyConfigured(
                f"TOM_PIPELINES['EXECUTORS'][{alias!r}]['OPTIONS']: {error}"
            ) from error

    def _settings(self, alias: str) -> conf.ExecutorSettings:
        executors = conf.get().executors
        if alias not in executors:
            raise ImproperlyConfigured(
                f"TOM_PIPELINES['EXECUTORS'] has no {alias!r}; it has {', '.join(executors)}"
            )
        return executors[alias]

    def time_limit(self, alias: str) -> float | None:
        """Return the seconds a run may take, which the supervisor enforces for every executor."""
        limit = self._settings(alias).options.get("time_limit")
        if limit is None:
            return None
        if isinstance(limit, bool) or not isinstance(limit, int | float) or limit <= 0:
            raise ImproperlyConfigured(
                f"TOM_PIPELINES['EXECUTORS'][{alias!r}]['OPTIONS']['time_limit'] must be a number "
                f"of seconds above 0, or None for no limit, not {limit!r}"
            )
        return float(limit)

    def check(self) -> None:
        """
        Make every executor of the settings, so that a mistake is seen at start.

        Raises
        ------
        ImproperlyConfigured
            With the setting's name and what it may be.
        """
        for alias in conf.get().executors:
            self.time_limit(alias)
            self.get(alias)

    def close(self) -> None:
        """Close all executors that were made."""
        for executor in self._executors.values():
            executor.close()
        self._executors.clear()
