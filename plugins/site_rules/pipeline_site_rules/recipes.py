"""Pipelines made of the site's TOML files; each is an attribute of this module, by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline_site_rules import rules
from tom_pipeline_core.command import from_file

if TYPE_CHECKING:
    from tom_pipeline_core.command import CommandPipeline

_made: dict[str, type[CommandPipeline]] = {}


def __getattr__(name: str) -> type[CommandPipeline]:
    folder = rules.get().recipes
    path = folder / f"{name}.toml" if folder is not None else None
    if path is None or not path.is_file():
        raise AttributeError(f"There is no recipe {name}")
    if name not in _made:
        _made[name] = from_file(path, __name__)
    return _made[name]
