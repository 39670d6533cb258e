"""
Huey as the queue: a message is only a wake-up that carries a primary key.

Huey takes a message away before its task runs, so whatever dies in between loses it; the row is the
truth, and workers look at rows too. ``huey.contrib.djhuey`` is not used: it cannot be imported
next to the django-tasks release that tomtoolkit pins, and it knows one queue only.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import close_old_connections
from django.utils.crypto import salted_hmac
from django.utils.module_loading import import_string
from huey.api import Huey

from tom_pipeline_core import conf
from tom_pipeline_core.queues.serializer import SignedJSONSerializer

logger = logging.getLogger(__name__)

SALT = "tom_pipeline_core.queues"
REDIS_TIMEOUTS = {"socket_connect_timeout": "1", "socket_timeout": "3"}  # above Huey's read of 1 s

_queues: dict[str, Queue] = {}
_lock = threading.Lock()


class Queue:
    """
    One named queue of the settings.

    Parameters
    ----------
    alias : str
        A key of ``TOM_PIPELINES['QUEUES']``.
    """

    def __init__(self, alias: str) -> None:
        queues = conf.get().queues
        if alias not in queues:
            raise ImproperlyConfigured(
                f"TOM_PIPELINES['QUEUES'] has no {alias!r}; it has {', '.join(queues)}"
            )
        options = dict(queues[alias])
        path = options.pop("huey_class")
        huey_class: type[Huey] = import_string(path)
        if "filename" in options:
            options["filename"] = str(options["filename"])
        if str(options.get("url", "")).startswith(("redis://", "rediss://")):
            options["url"] = _with_timeouts(options["url"])
        self.alias = alias
        self.huey = huey_class(
            options.pop("name", f"tom-pipelines-{alias}"),
            results=False,
            immediate=False,
            serializer=SignedJSONSerializer(_key()),
            **options,
        )
        self._handler: Callable[[int], Any] | None = None
        self._task = self._register()

    def _register(self) -> Any:
        def run(pk: int) -> None:
            if self._handler is None:
                raise RuntimeError("This queue has no worker")
            close_old_connections()
            try:
                self._handler(pk)
            finally:
                close_old_connections()

        # A name of its own, so that moving this function does not orphan messages under way.
        run.__module__ = "tom_pipeline_core"
        return self.huey.task(name="run_process")(run)

    def serve(self, handler: Callable[[int], Any]) -> None:
        """Say what a worker does with a primary key."""
        self._handler = handler

    def push(self, pk: int) -> bool:
        """
        Wake a worker; False if the queue cannot be reached.

        Never raises: the row is committed, and workers look for rows without a message.
        """
        try:
            self._task(pk)
        except Exception as error:  # noqa: BLE001 - every broker has exceptions of its own
            logger.warning(
                "Queue %s cannot be reached, process %s waits for a worker's look: %s",
                self.alias,
                pk,
                error,
            )
            return False
        return True

    def waiting(self) -> set[int]:
        """Return the primary keys of the messages under way."""
        return {task.args[0] for task in self.huey.pending() if task.args}


def get_queue(alias: str) -> Queue:
    """Return the queue of an alias, one per interpreter."""
    with _lock:
        if alias not in _queues:
            _queues[alias] = Queue(alias)
        return _queues[alias]


def forget_queues() -> None:
    """Make queues anew at the next use, after settings have changed."""
    with _lock:
        for queue in _queues.values():
            queue.huey.storage.close()
        _queues.clear()


def _with_timeouts(url: str) -> str:
    """Bound the wait for a broker that accepts and never answers: pages push in their requests."""
    parts = urlsplit(url)
    query = {**REDIS_TIMEOUTS, **dict(parse_qsl(parts.query))}
    return urlunsplit(parts._replace(query=urlencode(query)))


def _key() -> bytes:
    return salted_hmac(SALT, "messages", secret=settings.SECRET_KEY, algorithm="sha256").digest()
