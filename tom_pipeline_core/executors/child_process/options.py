"""``OPTIONS`` of the executor in the settings, checked."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

_UNITS = {"b": 1, "": 1}
for _power, _letter in enumerate("kmgt", start=1):
    _UNITS[f"{_letter}b"] = 1000**_power
    _UNITS[f"{_letter}ib"] = 1024**_power
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*")

LEAST_MEMORY = 32 << 20


@dataclass(frozen=True, kw_only=True)
class Options:
    """
    What a site may say about its child processes.

    Each is a key of ``TOM_PIPELINES['EXECUTORS'][alias]['OPTIONS']``.

    Raises
    ------
    ValueError
        If a value is of no use; the text names the option, the value and the accepted form.
    """

    start: str = "fork" if sys.platform == "linux" else "exec"
    """``fork`` from a preloaded parent, or ``exec`` a fresh interpreter for each run."""

    preload: tuple[str, ...] = ()
    """Further modules that the preloaded parent imports, such as a slow library."""

    time_limit: float | None = None
    """Seconds a run may take; the supervisor keeps it."""

    memory_limit: int | None = None
    """Bytes of a run with all its programs, or text such as ``'8 GiB'``."""

    grace: float | None = None
    """Seconds between asking a run to stop and killing it (5)."""

    nice: int = 0
    """Added to the run's nice level: 19 gives way to everything else."""

    threads: int = 1
    """Threads that numerical libraries may use in one run."""

    env: Mapping[str, str] = field(default_factory=dict)
    """Environment variables set for runs."""

    pass_env: tuple[str, ...] = ()
    """Names of the worker's environment variables that runs get; ``AWS_*`` names several."""

    entry: str = "tom_pipeline_core.runner:execute"
    """What a run calls with the primary key, the attempt and a reporter."""

    @classmethod
    def read(cls, **given: Any) -> Options:
        """Return the options with every value checked and in its final form."""
        readers: dict[str, Callable[[str, Any], Any]] = {
            "start": _start,
            "preload": _names,
            "time_limit": _seconds,
            "memory_limit": memory_size,
            "grace": _seconds,
            "nice": _nice,
            "threads": _count,
            "env": _variables,
            "pass_env": _names,
            "entry": _entry,
        }
        for name in given:
            if name not in readers:
                raise ValueError(f"there is no option {name!r}; there are {', '.join(readers)}")
        return cls(
            **{
                name: readers[name](name, value)
                for name, value in given.items()
                if value is not None
            }
        )


def memory_size(name: str, value: Any) -> int:
    """
    Return bytes from a number of bytes or a text with a unit.

    >>> memory_size('memory_limit', '1.5 GiB')
    1610612736

    Parameters
    ----------
    name : str
        The option, for messages.
    value : int or str
        Units are B, kB, MB, GB, TB (powers of 1000) and KiB, MiB, GiB, TiB (of 1024).
    """
    size: float | None = None
    if isinstance(value, str):
        match = _SIZE.fullmatch(value)
        if match and match[2].lower() in _UNITS:
            size = float(match[1]) * _UNITS[match[2].lower()]
    elif isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        size = value
    if size is None:
        raise ValueError(
            f"{name} must be a size such as '8 GiB', '500 MB' or a number of bytes, not {value!r}"
        )
    if size < LEAST_MEMORY:
        raise ValueError(f"{name} must be at least {LEAST_MEMORY >> 20} MiB, not {value!r}")
    return int(size)


def _wrong(name: str, wanted: str, value: object) -> ValueError:
    return ValueError(f"{name} must be {wanted}, not {value!r}")


def _start(name: str, value: Any) -> str:
    if value not in ("fork", "exec"):
        raise _wrong(name, "'fork' or 'exec'", value)
    return str(value)


def _seconds(name: str, value: Any) -> float:
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float))
        or not math.isfinite(value)
        or value <= 0
    ):
        raise _wrong(name, "a number of seconds above 0", value)
    return float(value)


def _nice(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 19:
        raise _wrong(name, "a whole number from 0 to 19", value)
    return value


def _count(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise _wrong(name, "a whole number of at least 1", value)
    return value


def _names(name: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise _wrong(name, "a list of names", value)
    names = tuple(value)
    if not all(isinstance(one, str) and one for one in names):
        raise _wrong(name, "a list of names", value)
    return names


def _variables(name: str, value: Any) -> Mapping[str, str]:
    if not isinstance(value, Mapping) or not all(
        isinstance(part, str) and "\x00" not in part for item in value.items() for part in item
    ):
        raise _wrong(name, "a dictionary with text as keys and values", value)
    return dict(value)


def _entry(name: str, value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[\w.]+[:.]\w+", value):
        raise _wrong(name, "'module:function'", value)
    return value
