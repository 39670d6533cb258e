"""What a command pipeline declares besides its command."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

OutputKind = Literal["file", "plot", "photometry"]


@dataclass(frozen=True, kw_only=True)
class InputRole:
    """Input files of one kind; ``{role}`` in the command stands for their paths."""

    role: str
    suffixes: Sequence[str]
    """Endings of file names; of several roles the first that fits takes a file."""

    least: int = 1
    most: int | None = None


@dataclass(frozen=True)
class OutputFile:
    """
    Files that the program writes.

    Parameters
    ----------
    glob : str
        Of paths inside the folder that the program runs in, such as ``*.csv``.
    kind : str
        ``file``, ``plot``, or ``photometry`` for a table whose rows become points of the target.
    data_product_type : str
        A key of the site's ``DATA_PRODUCT_TYPES``.
    required : bool
        Whether a run without such a file has failed.
    caption : str
        Of plots.
    columns : mapping
        Of photometry: our column (``mjd``, ``mag``, ``mag_err``, ``bandpass``, …) to the
        program's.
    bandpass : str
        Of photometry without a column for it.
    """

    glob: str
    kind: OutputKind = "file"
    data_product_type: str = ""
    required: bool = True
    caption: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    bandpass: str = ""

    def __post_init__(self) -> None:
        if self.kind not in ("file", "plot", "photometry"):
            raise ValueError(f"An output is a file, plot or photometry, not {self.kind!r}")


@dataclass(frozen=True, kw_only=True)
class Patterns:
    """
    Regular expressions that are searched in each line the program says.

    Parameters
    ----------
    progress : str
        With the groups ``done`` and ``total``, or ``percent``.
    status : str
        Its first group becomes the status.
    error : str
        Its first group, of the last line that matches, says why the program failed.
    """

    progress: str = ""
    status: str = ""
    error: str = ""

    def __post_init__(self) -> None:
        for name in ("progress", "status", "error"):
            try:
                pattern = re.compile(getattr(self, name))
            except re.error as problem:
                raise ValueError(
                    f"The pattern {name} is no regular expression: {problem}"
                ) from None
            groups = set(pattern.groupindex)
            if name == "progress" and self.progress and not groups & {"done", "percent"}:
                raise ValueError("The pattern progress needs a group 'done' or 'percent'")
            if name != "progress" and getattr(self, name) and not pattern.groups:
                raise ValueError(f"The pattern {name} needs a group")


@dataclass(frozen=True, kw_only=True)
class Environment:
    """
    Where the program runs.

    Parameters
    ----------
    interpreter : str
        A Python that exists on the workers; ``{python}`` in the command.
    requirements : sequence of str
        Make an environment of the program's own with these packages, at the first run.
    python : str
        Version of Python of that environment.
    variables : mapping
        Environment variables to set.
    passed : sequence of str
        Environment variables of the worker to hand on; besides a few such as ``PATH`` and
        ``LANG`` none is, so that no password reaches the program.
    """

    interpreter: str = ""
    requirements: Sequence[str] = ()
    python: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    passed: Sequence[str] = ()

    def __post_init__(self) -> None:
        if self.interpreter and self.requirements:
            raise ValueError("Give an interpreter or requirements, not both")
        if isinstance(self.requirements, str):
            raise ValueError("requirements is a list of texts")
