"""
Editable installs whose ``pyproject.toml`` has moved on.

Entry points are copied when a package is installed; whoever adds a pipeline to the file of an
editable install does not see it until it is installed again.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from importlib_metadata import Distribution

from tom_pipeline_core import discovery
from tom_pipeline_core.faults import Fault, check_id

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def outdated_editables() -> Iterator[Fault]:
    """Yield a fault for each editable install that lacks, or has too many, of our entry points."""
    for distribution in discovery.installed():
        checkout = _checkout(distribution.read_text("direct_url.json"))
        if checkout is None:
            continue
        project = read_project(checkout / "pyproject.toml")
        declared = declared_entry_points(project) if project is not None else None
        if declared is None:
            continue
        text = distribution.read_text("entry_points.txt") or ""
        present = {(group, name): target for group, name, target in discovery.entry_points(text)}
        if present != declared:
            yield _fault(distribution, checkout, present, declared)


def _checkout(direct_url: str | None) -> Path | None:
    try:
        facts = json.loads(direct_url or "{}")
    except json.JSONDecodeError:
        return None
    url = urlsplit(facts.get("url", ""))
    if url.scheme != "file" or not facts.get("dir_info", {}).get("editable"):
        return None
    return Path(unquote(url.path))


def read_project(path: Path) -> dict[str, Any] | None:
    """Return the table ``project`` of a ``pyproject.toml``; None if it cannot be had."""
    try:
        project: dict[str, Any] = tomllib.loads(path.read_text("utf-8")).get("project", {})
    except (OSError, ValueError):
        return None
    return project or None


def declared_entry_points(project: dict[str, Any]) -> dict[tuple[str, str], str] | None:
    """Return our entry points by group and name; None if the table does not tell."""
    if "entry-points" in project.get("dynamic", ()):
        return None
    groups = project.get("entry-points", {})
    return {
        (group, name): str(target)
        for group in discovery.GROUPS
        for name, target in groups.get(group, {}).items()
    }


def _fault(
    distribution: Distribution,
    checkout: Path,
    present: dict[tuple[str, str], str],
    declared: dict[tuple[str, str], str],
) -> Fault:
    differing = sorted(
        name
        for group, name in {*present, *declared}
        if present.get((group, name)) != declared.get((group, name))
    )
    where = f"{distribution.metadata['Name']} {distribution.version}"
    return Fault(
        id=check_id("W015"),
        what=(
            f"{where} is an editable install, and its entry points have changed since: "
            f"{', '.join(differing)}."
        ),
        where=where,
        hint=f"Install it again: pip install -e {checkout}",
    )
