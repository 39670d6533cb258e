"""The pipelines of this process's environment, by name and by qualified id."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from threading import RLock
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from django.core.signals import setting_changed

from tom_pipeline_core import conf, discovery, hooks
from tom_pipeline_core.exceptions import PipelineNotFound
from tom_pipeline_core.faults import Fault, check_id
from tom_pipeline_core.registry.precedence import SETTING, Entry, settle

if TYPE_CHECKING:
    from tom_pipeline_core.models import PipelineProcess


@dataclass(frozen=True, kw_only=True)
class Table:
    """Who got which name, settled once."""

    rows: tuple[Entry, ...]
    by_name: Mapping[str, Entry]
    by_id: Mapping[str, Entry]
    faults: tuple[Fault, ...]
    fingerprint: tuple[tuple[str, int], ...]
    """Of what was installed when it was made."""


lock = RLock()
_table: Table | None = None
_broken: dict[str, Fault] = {}
"""By qualified id: what failed to load in this process."""

classes: dict[str, type[PipelineProcess]] = {}
"""By target: what was loaded and found in order."""


def entries() -> Mapping[str, Entry]:
    """
    Return the pipelines that users may choose, by name as shown, sorted.

    Imports no pipeline. One that failed to load in this process is left out.
    """
    return MappingProxyType(
        {
            name: entry
            for name, entry in table().by_name.items()
            if entry.qualified_id not in _broken
        }
    )


def listing() -> list[Entry]:
    """Return every pipeline known, offered or not, each with its state and the reason."""
    return [
        replace(row, state="load error", reason=_broken[row.qualified_id].what)
        if row.qualified_id in _broken
        else row
        for row in table().rows
    ]


def find(name: str) -> Entry:
    """
    Return the pipeline of a name or qualified id.

    One that was installed since this process began is found too.

    Raises
    ------
    PipelineNotFound
        If there is none, or it may not be used; the text says which and what to do.
    """
    found = _look_up(table(), name)
    if found is None and table().fingerprint != discovery.fingerprint():
        _look_again()
        found = _look_up(table(), name)
    if found is None:
        raise PipelineNotFound(_why_not(table(), name))
    return found


def faults() -> list[Fault]:
    """Return what is wrong with the installed plugins, as far as this process knows."""
    return [*table().faults, *hooks.faults(), *_broken.values()]


def static_faults() -> list[Fault]:
    """Return what metadata and settings alone show to be wrong; imports nothing of any plugin."""
    return list(_build(with_hooks=False).faults)


def clear_cache() -> None:
    """Forget everything, also what failed to load; it is read again when needed."""
    with lock:
        _broken.clear()
        classes.clear()
        hooks.clear_cache()
        _look_again()


def _look_again() -> None:
    """See what is installed now; what was loaded stays, as Python keeps it too."""
    global _table  # noqa: PLW0603 - one table a process
    with lock:
        discovery.clear_cache()
        _table = None


def table() -> Table:
    """Return the settled table; made at the first call."""
    global _table  # noqa: PLW0603 - one table a process
    with lock:
        if _table is None:
            _table = _build(with_hooks=True)
        return _table


def fault_of(entry: Entry) -> Fault | None:
    """Return why a pipeline failed to load in this process."""
    return _broken.get(entry.qualified_id)


def mark_broken(entry: Entry, fault: Fault) -> None:
    """Remember that a pipeline failed to load, so that it is offered no more."""
    _broken[entry.qualified_id] = fault


def _forget(*, setting: str, **kwargs: Any) -> None:
    if setting in ("TOM_PIPELINES", SETTING):
        clear_cache()


setting_changed.connect(_forget, dispatch_uid="tom_pipeline_core.registry")


def _build(*, with_hooks: bool) -> Table:
    settings = conf.get()
    fingerprint = (
        discovery.fingerprint()
    )  # before looking: what comes meanwhile is looked for again
    found = discovery.discover()
    faults = list(found.faults)
    candidates = [_entry(line) for line in found.of(discovery.PIPELINES)]
    if with_hooks:
        candidates += _from_hooks(faults)
    rows = sorted(
        settle(candidates, settings.pipelines, settings.prefer, faults),
        key=lambda entry: (entry.name.lower(), entry.name, entry.qualified_id),
    )
    faults += _dead_settings(settings, found, candidates)
    return Table(
        rows=tuple(rows),
        by_name={row.name: row for row in rows if row.offered},
        by_id={row.qualified_id: row for row in rows},
        faults=tuple(faults),
        fingerprint=fingerprint,
    )


def _entry(line: discovery.Registration) -> Entry:
    return Entry(
        name=line.name,
        qualified_id=line.qualified_id,
        distribution=line.distribution,
        version=line.version,
        target=line.target,
        source="entry point",
        state=line.state,
        reason=line.reason,
    )


def _from_hooks(faults: list[Fault]) -> Iterator[Entry]:
    for plugin, name, target in hooks.registered_pipelines():
        malformed = discovery.malformed(discovery.PIPELINES, target)
        if malformed:
            faults.append(
                Fault(
                    id=check_id("W010"),
                    what=f"register_pipelines of {plugin.where} returns {name!r}, but {malformed}.",
                    where=plugin.where,
                    hint=f"Report it to the authors of {plugin.distribution}.",
                    subject=name,
                )
            )
        yield Entry(
            name=name,
            qualified_id=f"{conf.normalise(plugin.distribution)}:{name}",
            distribution=plugin.distribution,
            version=plugin.version,
            target=target,
            source="hook",
            state="load error" if malformed else "ok",
            reason=malformed,
        )


def _dead_settings(
    settings: conf.Settings, found: discovery.Discovery, candidates: list[Entry]
) -> Iterator[Fault]:
    """Yield what the settings name and nothing installed answers to."""
    owners = {entry.name: conf.normalise(entry.distribution) for entry in candidates}
    for key, names in (("ALLOW", settings.allow or frozenset()), ("DENY", settings.deny)):
        for name in sorted(set(names) - found.distributions - {discovery.CORE}):
            if name in owners:
                hint = f"{name!r} is a pipeline of {owners[name]!r}: write the distribution's name."
            else:
                near = conf.nearest(name, found.distributions).strip()
                hint = near or "Correct the name, or remove it from the list."
            yield Fault(
                id=check_id("W004"),
                what=f"TOM_PIPELINES[{key!r}] names {name!r}, and no such plugin is installed.",
                where=f"TOM_PIPELINES[{key!r}]",
                hint=hint,
                subject=name,
            )
    for name, distribution in sorted(settings.prefer.items()):
        claimants = sorted(
            conf.normalise(entry.distribution) for entry in candidates if entry.name == name
        )
        if distribution not in claimants:
            owners_of_it = ", ".join(claimants) or "no plugin"
            yield Fault(
                id=check_id("W004"),
                what=(
                    f"TOM_PIPELINES['PREFER'] gives {name!r} to {distribution!r}, which has no "
                    f"pipeline of that name; {owners_of_it} has."
                ),
                where=f"TOM_PIPELINES['PREFER'][{name!r}]",
                hint="Correct the name of the distribution, or remove the line.",
                subject=name,
            )


def _look_up(settled: Table, name: str) -> Entry | None:
    if name in settled.by_name:
        return settled.by_name[name]
    entry = settled.by_id.get(name)
    return entry if entry is not None and entry.usable else None


def _why_not(settled: Table, name: str) -> str:
    same = [row for row in settled.rows if name in (row.name, row.qualified_id)]
    conflicting = [row for row in settled.rows if row.qualified_id.partition(":")[2] == name]
    if same:
        reasons = "; ".join(f"{row.where}: {row.reason}" for row in same)
        return f"The pipeline {name!r} is not available ({same[0].state}). {reasons}."
    if conflicting:
        ids = " or ".join(repr(row.qualified_id) for row in conflicting)
        return f"Several plugins have a pipeline {name!r}. Say which one: {ids}."
    known = ", ".join(settled.by_name) or "none"
    return f"There is no pipeline {name!r}.{conf.nearest(name, settled.by_name)} Installed are: {known}."
