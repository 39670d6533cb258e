"""
Which distributions plug in, from their metadata alone: nothing is imported here.

An own reader over :mod:`importlib_metadata`: ``entry_points()`` hides duplicates and leftovers,
and one malformed line of one distribution would take down all the others.
"""

from __future__ import annotations

import configparser
import os
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import importlib_metadata
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from importlib_metadata import Distribution
from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import InvalidVersion, Version

import tom_pipeline_core
from tom_pipeline_core import conf
from tom_pipeline_core.faults import Fault, check_id

CORE = "tom-pipeline-core"
PIPELINES = "tom_pipeline_core.pipelines"
HOOKS = "tom_pipeline_core.hooks"
EXECUTORS = "tom_pipeline_core.executors"
GROUPS = (PIPELINES, HOOKS, EXECUTORS)

_CLASS = re.compile(r"[A-Za-z_][\w.]*\s*:\s*[A-Za-z_][\w.]*")
_MODULE = re.compile(r"[A-Za-z_][\w.]*")


@dataclass(frozen=True, kw_only=True)
class Registration:
    """One line of a distribution's entry points, and whether it may take part."""

    group: str
    name: str
    target: str
    """``module:Class``, for hooks ``module``."""

    distribution: str
    """As the distribution writes its name."""

    version: str
    state: str = "ok"
    """``ok``, ``blocked``, ``incompatible`` or ``load error``."""

    reason: str = ""
    """Why it is not ``ok``."""

    @property
    def qualified_id(self) -> str:
        """``distribution:name``, with the distribution's name normalised."""
        return f"{conf.normalise(self.distribution)}:{self.name}"

    @property
    def where(self) -> str:
        """The distribution and its version, for messages."""
        return f"{self.distribution} {self.version}"


@dataclass(frozen=True, kw_only=True)
class Discovery:
    """All registrations, sorted by group, name and distribution, and what is wrong with them."""

    registrations: tuple[Registration, ...]
    faults: tuple[Fault, ...]
    distributions: frozenset[str]
    """Normalised names of the distributions that register anything."""

    def of(self, group: str) -> list[Registration]:
        """Return the registrations of a group."""
        return [entry for entry in self.registrations if entry.group == group]


def discover() -> Discovery:
    """Read the metadata of what is installed; once, until :func:`clear_cache`."""
    return _discover()


def clear_cache() -> None:
    """Look again at the next call."""
    _discover.cache_clear()


def fingerprint() -> tuple[tuple[str, int], ...]:
    """Return what changes whenever something is installed or removed."""
    marks = []
    for path in sys.path:
        with suppress(OSError):
            marks.append((path, Path(path or ".").stat().st_mtime_ns))
    return tuple(marks)


def _forget(*, setting: str, **kwargs: Any) -> None:
    if setting == "TOM_PIPELINES":
        clear_cache()


setting_changed.connect(_forget, dispatch_uid="tom_pipeline_core.discovery")


@cache
def _discover() -> Discovery:
    registrations: list[Registration] = []
    faults: list[Fault] = []
    names = _names_that_plug_in(faults)
    for name in sorted(names):
        distribution = _chosen_copy(name, faults)
        if distribution is not None:
            registrations += _registrations(distribution, faults)
    registrations.sort(key=lambda entry: (entry.group, entry.name, entry.qualified_id))
    faults.sort(key=lambda fault: (fault.where, fault.id, fault.subject))
    return Discovery(
        registrations=tuple(registrations),
        faults=tuple(dict.fromkeys(faults)),
        distributions=frozenset(names),
    )


def _names_that_plug_in(faults: list[Fault]) -> set[str]:
    names = set()
    for distribution in installed():
        text = distribution.read_text("entry_points.txt")
        if not text or not any(group in text for group in GROUPS):
            continue  # the usual case: one file was read, and its METADATA was not parsed
        if _is_leftover(distribution):
            faults.append(_leftover(distribution))
        else:
            names.add(conf.normalise(distribution.metadata["Name"]))
    return names


def installed(**query: str) -> Iterator[Distribution]:
    """Yield what is installed, in the order of ``sys.path``; several copies come several times."""
    found: Any = importlib_metadata.distributions(**query)
    yield from found


def folder(distribution: Distribution) -> Path:
    """Return the dist-info or egg-info folder of a distribution."""
    path = getattr(distribution, "_path", None)  # there is no public name for it
    return Path(str(path)) if path is not None else Path(str(distribution.locate_file("")))


def _is_leftover(distribution: Distribution) -> bool:
    if folder(distribution).name.startswith("~"):
        return True  # pip renames what it is about to remove, and may have been stopped
    return not (distribution.read_text("METADATA") or distribution.read_text("PKG-INFO"))


def _leftover(distribution: Distribution) -> Fault:
    path = folder(distribution)
    return Fault(
        id=check_id("W014"),
        what=f"{path} is what an interrupted installation left behind; it is ignored.",
        where=path.name,
        hint=f"Delete the folder: rm -r {path}",
    )


def _chosen_copy(name: str, faults: list[Fault]) -> Distribution | None:
    """
    Return the copy that counts, whatever order the file system lists them in.

    The first folder on ``sys.path`` decides, as for ``import``; within one folder the newest.
    """
    copies: dict[str, Distribution] = {}
    for distribution in installed(name=name):
        if _is_leftover(distribution):
            faults.append(_leftover(distribution))
        else:
            # lib64 may be a link to lib: one folder, found twice
            copies.setdefault(os.path.realpath(folder(distribution)), distribution)
    if not copies:
        return None
    parents = list(dict.fromkeys(folder(copy).parent for copy in copies.values()))
    ordered = sorted(copies.values(), key=lambda copy: folder(copy).name)
    ordered.sort(key=_release, reverse=True)
    ordered.sort(key=lambda copy: parents.index(folder(copy).parent))
    first, *others = ordered
    # a checkout's egg-info beside its own dist-info says the same thing twice
    others = [copy for copy in others if copy.version != first.version]
    if others:
        faults.append(
            Fault(
                id=check_id("W013"),
                what=(
                    f"{first.metadata['Name']} is installed more than once: {first.version} in "
                    f"{folder(first)}, which is used, and "
                    + ", ".join(f"{copy.version} in {folder(copy)}" for copy in others)
                    + "."
                ),
                where=f"{first.metadata['Name']} {first.version}",
                hint=(
                    f"Remove all copies and install again: pip uninstall {name} "
                    f"(repeat until none is left), then pip install {name}"
                ),
            )
        )
    # the dist-info of an editable install knows more than the checkout's egg-info
    same = [copy for copy in ordered if copy.version == first.version]
    return next((copy for copy in same if folder(copy).suffix == ".dist-info"), first)


def _release(distribution: Distribution) -> Version:
    try:
        return Version(distribution.version)
    except InvalidVersion:
        return Version("0")


def _registrations(distribution: Distribution, faults: list[Fault]) -> Iterator[Registration]:
    facts = {"distribution": distribution.metadata["Name"], "version": distribution.version}
    where = f"{facts['distribution']} {facts['version']}"
    state, reason = _standing(distribution, faults)
    try:
        lines = list(entry_points(distribution.read_text("entry_points.txt") or ""))
    except configparser.Error as error:
        faults.append(
            Fault(
                id=check_id("W010"),
                what=f"The entry points of {where} cannot be read: {error}",
                where=where,
                hint=f"Install it again: pip install --force-reinstall {facts['distribution']}",
            )
        )
        return
    for group, name, target in lines:
        if state == "ok" and (problem := malformed(group, target)):
            faults.append(
                Fault(
                    id=check_id("W010"),
                    what=f"The entry point {name!r} in the group {group} is malformed: {problem}.",
                    where=where,
                    hint="Correct it in its pyproject.toml, then install it again.",
                    subject=name,
                )
            )
            yield Registration(
                group=group, name=name, target=target, state="load error", reason=problem, **facts
            )
            continue
        yield Registration(
            group=group,
            name=name,
            target=re.sub(r"\s*:\s*", ":", target),
            state=state,
            reason=reason,
            **facts,
        )


def malformed(group: str, target: str) -> str:
    """Return what is wrong with the form of a target, or an empty string."""
    pattern, form = (_MODULE, "module") if group == HOOKS else (_CLASS, "module:Class")
    return "" if pattern.fullmatch(target) else f"its value {target!r} is not of the form '{form}'"


def entry_points(text: str) -> Iterator[tuple[str, str, str]]:
    """
    Yield group, name and target of our entry points in an ``entry_points.txt``.

    Raises
    ------
    configparser.Error
        If the file cannot be read.
    """
    parser = configparser.ConfigParser(delimiters=("=",), strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[method-assign,assignment]
    parser.read_string(text)
    for group in GROUPS:
        if parser.has_section(group):
            for name, value in parser.items(group):
                yield group, name, re.sub(r"\s*\[.*\]$", "", value.strip())


def _standing(distribution: Distribution, faults: list[Fault]) -> tuple[str, str]:
    """Return state and reason for all that a distribution registers."""
    written, version = distribution.metadata["Name"], distribution.version
    name = conf.normalise(written)
    if name == CORE:
        return "ok", ""
    if reason := blocked(name):
        faults.append(
            Fault(
                id=check_id("I016"),
                what=f"{written} {version} is installed and does not take part: {reason}.",
                where=f"{written} {version}",
                hint="Nothing to do if that is meant; otherwise change the setting.",
            )
        )
        return "blocked", reason
    if wanted := _unmet_requirement(distribution):
        reason = f"it requires {wanted}, and {CORE} {tom_pipeline_core.__version__} is installed"
        faults.append(
            Fault(
                id=check_id("W011"),
                what=f"{written} {version} was not made for this version of the core: {reason}.",
                where=f"{written} {version}",
                hint=f"Install a version that fits: pip install --upgrade {name} {CORE}",
            )
        )
        return "incompatible", reason
    return "ok", ""


def executor_target(backend: str) -> str:
    """
    Return ``module:Class`` of an executor, from its entry-point name or a dotted path.

    Raises
    ------
    django.core.exceptions.ImproperlyConfigured
        If no entry point has the name, several have, or its distribution may not take part.
    """
    if "." in backend or ":" in backend:
        return backend if ":" in backend else ":".join(backend.rsplit(".", 1))
    lines = discover().of(EXECUTORS)
    named = [line for line in lines if line.name == backend]
    able = [line for line in named if line.state == "ok"]
    targets = {line.target for line in able}
    if len(targets) == 1:
        return targets.pop()
    if able:
        claims = ", ".join(f"{line.where} ({line.target})" for line in able)
        raise ImproperlyConfigured(
            f"The executor {backend!r} is claimed by {claims}; write one as 'module:Class'."
        )
    if named:
        reasons = "; ".join(f"{line.where}: {line.reason}" for line in named)
        raise ImproperlyConfigured(f"The executor {backend!r} cannot be used. {reasons}.")
    known = sorted({line.name for line in lines})
    raise ImproperlyConfigured(
        f"There is no executor {backend!r}.{conf.nearest(backend, known)} Installed: "
        f"{', '.join(known)}; or write 'module:Class'."
    )


def blocked(distribution: str) -> str:
    """Return why a distribution may not take part, or an empty string."""
    settings = conf.get()
    name = conf.normalise(distribution)
    if name in settings.deny:
        return "TOM_PIPELINES['DENY'] names it"
    if settings.allow is None:
        return "" if settings.autoload else "TOM_PIPELINES['AUTOLOAD'] is False"
    return "" if name in settings.allow else settings.allow_refusal


def _unmet_requirement(distribution: Distribution) -> str:
    for line in distribution.requires or ():
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue
        if conf.normalise(requirement.name) != CORE:
            continue
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        if not requirement.specifier.contains(tom_pipeline_core.__version__, prereleases=True):
            return f"{CORE}{requirement.specifier}"
    return ""
