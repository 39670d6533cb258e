"""
Who gets a name that several claim. Nothing is imported and no order of files matters.

``TOM_EDUCATION_PIPELINES[name]`` > ``TOM_PIPELINES['PREFER'][name]`` > the only candidate >
conflict: the bare name is withdrawn, and each claimant goes by its qualified id.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tom_pipeline_core import conf
from tom_pipeline_core.faults import Fault, check_id

SETTING = "TOM_EDUCATION_PIPELINES"
_DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+|[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_][\w.]*")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A pipeline that is installed or named in the settings."""

    name: str
    """As shown and stored; in a conflict the qualified id."""

    qualified_id: str
    """``distribution:name``; ``settings:name`` for one from the settings."""

    distribution: str
    """As the distribution writes its name; empty for one from the settings."""

    version: str
    """Of the distribution; empty for one from the settings."""

    target: str
    """``module:Class``."""

    source: str
    """``entry point``, ``setting`` or ``hook``."""

    state: str = "ok"
    """``ok``, ``hidden``, ``blocked``, ``conflict``, ``incompatible`` or ``load error``."""

    reason: str = ""
    """Why it is not ``ok``."""

    @property
    def where(self) -> str:
        """Who is responsible for it, for messages."""
        if self.source == "setting":
            return f"{SETTING}[{self.name!r}]"
        return f"{self.distribution} {self.version}"

    @property
    def offered(self) -> bool:
        """Whether users may choose it."""
        return self.state in ("ok", "conflict")

    @property
    def usable(self) -> bool:
        """Whether it may run, be it only by its qualified id."""
        return self.offered or (self.state == "hidden" and not self.withdrawn)

    withdrawn: bool = False
    """The site hides it altogether."""


def settle(
    candidates: Iterable[Entry],
    pipelines: Mapping[str, Any],
    prefer: Mapping[str, str],
    faults: list[Fault],
) -> Iterator[Entry]:
    """
    Give each name to at most one candidate.

    Parameters
    ----------
    candidates : iterable of Entry
        From entry points and hooks.
    pipelines : mapping
        ``TOM_EDUCATION_PIPELINES``.
    prefer : mapping
        Name to normalised distribution.
    faults : list of Fault
        What is found wrong is appended.
    """
    by_name: dict[str, list[Entry]] = {name: [] for name in pipelines}
    for candidate in candidates:
        by_name.setdefault(candidate.name, []).append(candidate)
    for name, claimants in by_name.items():
        claimants.sort(key=lambda entry: (entry.qualified_id, entry.source))
        able = [entry for entry in claimants if entry.state == "ok"]
        yield from (entry for entry in claimants if entry.state != "ok")
        if name in pipelines:
            yield from _from_setting(name, pipelines[name], able, claimants, faults)
        else:
            yield from _among_plugins(name, able, prefer, faults)


def _from_setting(
    name: str, value: Any, able: list[Entry], claimants: list[Entry], faults: list[Fault]
) -> Iterator[Entry]:
    where = f"{SETTING}[{name!r}]"
    if value is None:
        yield from (
            replace(entry, state="hidden", reason=f"{where} is None", withdrawn=True)
            for entry in able
        )
        if not claimants:
            faults.append(
                Fault(
                    id=check_id("W004"),
                    what=f"{where} is None, which hides a pipeline, but none has that name.",
                    where=where,
                    hint="Write the name as 'manage.py pipelines list' shows it, or remove the line.",
                    subject=name,
                )
            )
        return
    if not isinstance(value, str) or not _DOTTED.fullmatch(value):
        reason = f"its value {value!r} is neither 'module.Class' nor 'module:Class' nor None"
        faults.append(
            Fault(
                id=check_id("E002"),
                what=f"{where} cannot be used: {reason}.",
                where=where,
                hint=f"Write for example {SETTING} = {{{name!r}: 'my_project.pipelines.MyPipeline'}}",
                subject=name,
            )
        )
        yield _setting_entry(name, str(value), state="load error", reason=reason)
        # Offering another pipeline under a name the site meant for its own would mislead.
        yield from (
            replace(entry, state="hidden", reason=f"{where} is meant to replace it")
            for entry in able
        )
        return
    target = value if ":" in value else ":".join(value.rsplit(".", 1))
    yield _setting_entry(name, target)
    for entry in able:
        same = entry.target == target
        yield replace(
            entry, state="hidden", reason=f"{where} {'says the same' if same else 'replaces it'}"
        )
        if not same:
            faults.append(
                Fault(
                    id=check_id("W003"),
                    what=(
                        f"{where} ({value}) replaces the pipeline {name!r} of {entry.where} "
                        f"({entry.target})."
                    ),
                    where=where,
                    hint=(
                        "If that is meant, add the id of this check to SILENCED_SYSTEM_CHECKS; "
                        "otherwise give one of them another name."
                    ),
                    subject=name,
                )
            )


def _setting_entry(name: str, target: str, state: str = "ok", reason: str = "") -> Entry:
    return Entry(
        name=name,
        qualified_id=f"settings:{name}",
        distribution="",
        version="",
        target=target,
        source="setting",
        state=state,
        reason=reason,
    )


def _among_plugins(
    name: str, able: list[Entry], prefer: Mapping[str, str], faults: list[Fault]
) -> Iterator[Entry]:
    preferred = prefer.get(name)
    first: dict[str, Entry] = {}  # of each target: two names for one class are no conflict
    for entry in able:
        by_choice = conf.normalise(entry.distribution) == preferred
        if entry.target not in first or by_choice:
            first[entry.target] = entry
    winners = list(first.values())
    for entry in able:
        if entry not in winners:
            yield replace(
                entry, state="hidden", reason=f"{first[entry.target].where} registers the same"
            )
    chosen = [w for w in winners if conf.normalise(w.distribution) == preferred]
    if len(winners) > 1 and len(chosen) == 1:
        yield chosen[0]
        for entry in winners:
            if entry is not chosen[0]:
                yield replace(
                    entry,
                    state="hidden",
                    reason=f"TOM_PIPELINES['PREFER'] gives the name to {chosen[0].where}",
                )
    elif len(winners) > 1:
        claims = ", ".join(f"{entry.where} ({entry.target})" for entry in winners)
        example = conf.normalise(winners[0].distribution)
        faults.append(
            Fault(
                id=check_id("W012"),
                what=(
                    f"The name {name!r} is claimed by {claims}; nobody gets it, and they go by "
                    f"{' and '.join(repr(entry.qualified_id) for entry in winners)}."
                ),
                where=", ".join(entry.where for entry in winners),
                hint=(
                    "Choose one in the settings, "
                    f"TOM_PIPELINES = {{'PREFER': {{{name!r}: {example!r}}}}}, "
                    "or uninstall the others."
                ),
                subject=name,
            )
        )
        yield from (
            replace(
                entry,
                name=entry.qualified_id,
                state="conflict",
                reason=f"{name!r} is also claimed by "
                + ", ".join(other.where for other in winners if other is not entry),
            )
            for entry in winners
        )
    else:
        yield from winners
