"""Fill in a command: a list in, a list out. No shell ever sees it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from tom_pipeline_core.exceptions import AsyncError

PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([A-Za-z_][\w.]*)\}")


@dataclass(frozen=True)
class When:
    """Arguments that are given only when a parameter is set to something true."""

    parameter: str
    arguments: Sequence[str]


Argument = str | When


def placeholders(command: Iterable[Argument]) -> set[str]:
    """Return the names that a command uses."""
    names = set()
    for argument in command:
        if isinstance(argument, When):
            names |= {argument.parameter} | placeholders(argument.arguments)
        else:
            names |= {match[1] for match in PLACEHOLDER.finditer(argument) if match[1]}
    return names


def fill(command: Iterable[Argument], values: Mapping[str, Any]) -> Iterator[str]:
    """
    Yield the arguments with their placeholders replaced.

    An argument that is nothing but the placeholder of a list becomes one argument per item.

    Raises
    ------
    AsyncError
        If a text that users gave would be taken for an option.
    """
    for argument in command:
        if isinstance(argument, When):
            if values[argument.parameter] not in (None, "", False, [], ()):
                yield from fill(argument.arguments, values)
            continue
        alone = PLACEHOLDER.fullmatch(argument)
        if alone and alone[1] and isinstance(values[alone[1]], list | tuple):
            for item in values[alone[1]]:
                _refuse_option(alone[1], item)
                yield str(item)
            continue
        yield PLACEHOLDER.sub(partial(_text, values), argument)


def _text(values: Mapping[str, Any], match: re.Match[str]) -> str:
    if not match[1]:
        return match[0][0]
    value = values[match[1]]
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return ",".join(str(item) for item in value)
    if match.start() == 0:
        _refuse_option(match[1], value)
    return str(value)


def _refuse_option(name: str, value: Any) -> None:
    if isinstance(value, str) and value.startswith("-"):
        raise AsyncError(
            f"The parameter {name!r} may not begin with '-' ({value!r}): the program would take it "
            f"for an option."
        )
