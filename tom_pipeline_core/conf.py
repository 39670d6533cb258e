"""
The settings ``TOM_PIPELINES`` and ``TOM_EDUCATION_PIPELINES``: read here and nowhere else.

:func:`get` gives them with defaults, checked, as one frozen object::

    from tom_pipeline_core import conf

    conf.get().lease

Three environment variables override them in an emergency, without touching a file:
``TOM_PIPELINES_NO_PLUGINS=1`` loads nothing of other distributions, ``TOM_PIPELINES_ALLOW=a,b``
replaces ``ALLOW`` (empty: none), ``TOM_PIPELINES_TRACE=1`` logs every call of a hook.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed


@dataclass(frozen=True, kw_only=True)
class ExecutorSettings:
    """One alias of ``EXECUTORS``."""

    backend: str
    """An entry-point name of the group ``tom_pipeline_core.executors``, or ``module:Class``."""

    options: Mapping[str, Any]
    """Keyword arguments of the executor's class, and limits that the supervisor keeps."""


@dataclass(frozen=True, kw_only=True)
class WebhookSettings:
    """One entry of ``WEBHOOKS``."""

    url: str
    secret: str
    """Signs each request."""

    states: frozenset[str]
    """The states that are told."""

    timeout: float
    """Seconds for one try."""

    allow_private: bool
    """Whether the address may be inside the own network."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """``TOM_PIPELINES``, with a value for every key; the names are the keys in lower case."""

    pipelines: Mapping[str, Any]
    """``TOM_EDUCATION_PIPELINES`` as written; the registry judges each entry by itself."""

    queues: Mapping[str, Mapping[str, Any]]
    """Per queue: ``huey_class`` and the keyword arguments of that class."""

    executors: Mapping[str, ExecutorSettings]

    autoload: bool
    """False: a distribution takes part only when ``allow`` names it."""

    allow: frozenset[str] | None
    """Normalised names of distributions; None: all of them."""

    allow_refusal: str
    """Why a distribution that ``allow`` does not name is left out, for messages."""

    deny: frozenset[str]
    prefer: Mapping[str, str]
    """Per pipeline name: the normalised name of the distribution that gets it."""

    strict: bool
    """Whatever would be a warning is an error: for images and continuous integration."""

    lease: float
    """Seconds a worker may be silent before its runs count as lost."""

    heartbeat: float
    """Seconds between two renewals of the lease."""

    max_worker_losses: int
    """How often a process is queued again because its worker was lost."""

    max_active_per_user: int | None
    """Processes of one user that run at the same time; None: no limit."""

    max_queued_per_user: int | None
    """Unfinished processes of one user; more are refused. None: no limit."""

    log_max_lines: int
    """Lines of log kept of one process."""

    shutdown_grace: float
    """Seconds that running processes get to end when a worker is asked to stop."""

    site_url: str
    """Of the TOM, such as ``https://tom.example.org``; e-mails and webhooks link to it."""

    webhooks: tuple[WebhookSettings, ...]
    """Programs that are told of processes."""

    trace: bool
    """Log every call of a hook. Set by ``TOM_PIPELINES_TRACE``, not by the settings."""


def get() -> Settings:
    """
    Return the settings of this site.

    Raises
    ------
    django.core.exceptions.ImproperlyConfigured
        If a key is unknown or a value of the wrong kind; the text names both.
    """
    return _read()


def clear_cache() -> None:
    """Read the settings and the environment again at the next :func:`get`."""
    _read.cache_clear()


def normalise(distribution: str) -> str:
    """Return the name of a distribution as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", distribution.strip()).lower()


def nearest(word: str, choices: Iterable[str]) -> str:
    """Return `` Did you mean …?`` with the most similar choice, or an empty string."""
    by_lower = {choice.lower(): choice for choice in choices}
    found = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return f" Did you mean {by_lower[found[0]]!r}?" if found else ""


def _forget(*, setting: str, **kwargs: Any) -> None:
    if setting in ("TOM_PIPELINES", "TOM_EDUCATION_PIPELINES", "BASE_DIR"):
        clear_cache()


setting_changed.connect(_forget, dispatch_uid="tom_pipeline_core.conf")


# Each reader takes the key, as it is named in messages, and the value, which may be of any kind.


def _wrong(key: str, wanted: str, value: object) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"{key} must be {wanted}, not {value!r}.")


def _boolean(key: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _wrong(key, "True or False", value)
    return value


def _seconds(key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1e9:
        raise _wrong(key, "a number of seconds above 0", value)
    return float(value)


def _count(key: str, value: Any, *, least: int = 0) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise _wrong(key, f"a whole number of at least {least}", value)
    return value


def _limit(key: str, value: Any) -> int | None:
    return None if value is None else _count(key, value, least=1)


def _lines(key: str, value: Any) -> int:
    return _count(key, value, least=1)


def _mapping(key: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise _wrong(key, "a dictionary with text as keys", value)
    return value


def _distributions(key: str, value: Any) -> frozenset[str]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise _wrong(key, "a list of names of distributions", value)
    names = list(value)
    if not all(isinstance(name, str) for name in names):
        raise _wrong(key, "a list of names of distributions", value)
    return frozenset(normalise(name) for name in names)


def _allow(key: str, value: Any) -> frozenset[str] | None:
    return None if value is None else _distributions(key, value)


def _prefer(key: str, value: Any) -> Mapping[str, str]:
    for name, distribution in _mapping(key, value).items():
        if not isinstance(distribution, str):
            raise _wrong(f"{key}[{name!r}]", "the name of a distribution", distribution)
    return MappingProxyType({name: normalise(distribution) for name, distribution in value.items()})


def _queues(key: str, value: Any) -> Mapping[str, Mapping[str, Any]]:
    queues = {"default": _default_queue(), **_mapping(key, value)}
    for name, queue in queues.items():
        label = f"{key}[{name!r}]"
        options = _mapping(label, queue)
        if not isinstance(options.get("huey_class"), str):
            raise ImproperlyConfigured(
                f"{label} needs 'huey_class', the dotted path of a Huey class such as "
                f"'huey.SqliteHuey'; found {options.get('huey_class')!r}."
            )
        queues[name] = MappingProxyType(dict(options))
    return MappingProxyType(queues)


def _default_queue() -> dict[str, Any]:
    folder = Path(getattr(settings, "BASE_DIR", None) or Path.cwd())
    return {"huey_class": "huey.SqliteHuey", "filename": folder / "pipelines-queue.sqlite3"}


def _executors(key: str, value: Any) -> Mapping[str, ExecutorSettings]:
    executors = {}
    for alias, entry in {"default": {"BACKEND": "child_process"}, **_mapping(key, value)}.items():
        label = f"{key}[{alias!r}]"
        for name in _mapping(label, entry):
            if name not in ("BACKEND", "OPTIONS"):
                raise ImproperlyConfigured(
                    f"{label} has no key {name!r}.{nearest(name, ('BACKEND', 'OPTIONS'))} "
                    f"Its keys are 'BACKEND' and 'OPTIONS'."
                )
        backend = entry.get("BACKEND")
        if not isinstance(backend, str) or not backend:
            raise _wrong(
                f"{label}['BACKEND']", "the name of an executor or 'module:Class'", backend
            )
        options = _mapping(f"{label}['OPTIONS']", entry.get("OPTIONS", {}))
        executors[alias] = ExecutorSettings(
            backend=backend, options=MappingProxyType(dict(options))
        )
    return MappingProxyType(executors)


def _site_url(key: str, value: Any) -> str:
    if not isinstance(value, str) or (value and not re.match(r"https?://[^/]+", value)):
        raise _wrong(key, "an address such as 'https://tom.example.org'", value)
    return value.rstrip("/")


_WEBHOOK_KEYS = ("URL", "SECRET", "STATES", "TIMEOUT", "ALLOW_PRIVATE")
_STATES = ("queued", "running", "cancelling", "succeeded", "failed", "cancelled")


def _webhooks(key: str, value: Any) -> tuple[WebhookSettings, ...]:
    if isinstance(value, (str, Mapping)) or not isinstance(value, Iterable):
        raise _wrong(key, "a list of dictionaries", value)
    return tuple(_webhook(f"{key}[{number}]", entry) for number, entry in enumerate(value))


def _webhook(label: str, value: Any) -> WebhookSettings:
    given = _mapping(label, value)
    for name in given:
        if name not in _WEBHOOK_KEYS:
            raise ImproperlyConfigured(
                f"{label} has no key {name!r}.{nearest(name, _WEBHOOK_KEYS)} "
                f"Its keys are {', '.join(_WEBHOOK_KEYS)}."
            )
    url, secret = given.get("URL"), given.get("SECRET")
    if not isinstance(url, str) or not re.match(r"https?://[^/@]+(/|$)", url):
        raise _wrong(f"{label}['URL']", "an address without a password in it", url)
    if not isinstance(secret, str) or len(secret) < 16:
        raise ImproperlyConfigured(f"{label}['SECRET'] must be a text of at least 16 characters.")
    states = given.get("STATES", ("succeeded", "failed", "cancelled"))
    unknown = [state for state in states if state not in _STATES]
    if isinstance(states, str) or unknown:
        raise _wrong(f"{label}['STATES']", f"a list of {', '.join(_STATES)}", states)
    return WebhookSettings(
        url=url,
        secret=secret,
        states=frozenset(states),
        timeout=_seconds(f"{label}['TIMEOUT']", given.get("TIMEOUT", 10)),
        allow_private=_boolean(f"{label}['ALLOW_PRIVATE']", given.get("ALLOW_PRIVATE", False)),
    )


KEYS: dict[str, tuple[Callable[[str, Any], Any], Any]] = {
    "QUEUES": (_queues, {}),
    "EXECUTORS": (_executors, {}),
    "AUTOLOAD": (_boolean, True),
    "ALLOW": (_allow, None),
    "DENY": (_distributions, ()),
    "PREFER": (_prefer, {}),
    "STRICT": (_boolean, False),
    "LEASE": (_seconds, 60),
    "HEARTBEAT": (_seconds, 10),
    "MAX_WORKER_LOSSES": (_count, 1),
    "MAX_ACTIVE_PER_USER": (_limit, None),
    "MAX_QUEUED_PER_USER": (_limit, None),
    "LOG_MAX_LINES": (_lines, 100_000),
    "SHUTDOWN_GRACE": (_seconds, 30),
    "SITE_URL": (_site_url, ""),
    "WEBHOOKS": (_webhooks, ()),
}


@cache
def _read() -> Settings:
    given = _mapping("TOM_PIPELINES", getattr(settings, "TOM_PIPELINES", {}))
    for key in given:
        if key not in KEYS:
            raise ImproperlyConfigured(
                f"TOM_PIPELINES has no key {key!r}.{nearest(key, KEYS)} "
                f"Its keys are {', '.join(KEYS)}."
            )
    values = {
        key.lower(): reader(f"TOM_PIPELINES[{key!r}]", given.get(key, default))
        for key, (reader, default) in KEYS.items()
    }
    if values["heartbeat"] * 2 > values["lease"]:
        raise ImproperlyConfigured(
            f"TOM_PIPELINES['HEARTBEAT'] ({values['heartbeat']:g} s) must be at most half of "
            f"'LEASE' ({values['lease']:g} s), or one late beat loses a healthy worker."
        )
    pipelines = _mapping(
        "TOM_EDUCATION_PIPELINES", getattr(settings, "TOM_EDUCATION_PIPELINES", None) or {}
    )
    refusal = "TOM_PIPELINES['ALLOW'] does not name it"
    if (allow := os.environ.get("TOM_PIPELINES_ALLOW")) is not None:
        values["allow"] = frozenset(normalise(name) for name in allow.split(",") if name.strip())
        refusal = "the environment variable TOM_PIPELINES_ALLOW does not name it"
    if _switched_on("TOM_PIPELINES_NO_PLUGINS"):
        values["allow"] = frozenset()
        refusal = "the environment variable TOM_PIPELINES_NO_PLUGINS is set"
    return Settings(
        allow_refusal=refusal,
        pipelines=MappingProxyType(dict(pipelines)),
        trace=_switched_on("TOM_PIPELINES_TRACE"),
        **values,
    )


def _switched_on(variable: str) -> bool:
    return os.environ.get(variable, "").strip().lower() not in ("", "0", "false", "no", "off")
