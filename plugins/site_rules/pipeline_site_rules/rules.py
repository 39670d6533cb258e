"""The setting ``TOM_PIPELINE_RULES``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

KEYS = ("RECIPES", "MAX_FILES", "LARGE", "NEXT")


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What the site rules."""

    recipes: Path | None = None
    """Folder of TOML files."""

    max_files: Mapping[str, int] = field(default_factory=dict)
    """By name of a group; the empty name is everybody."""

    large_files: int | None = None
    """More files than this are a large process."""

    large_executor: str = ""
    next: Mapping[str, str] = field(default_factory=dict)
    """Name of a pipeline to that of the one to submit afterwards."""


def get() -> Rules:
    """
    Return the rules of this site.

    Raises
    ------
    django.core.exceptions.ImproperlyConfigured
        If a key is unknown or a large process has no executor.
    """
    given = getattr(settings, "TOM_PIPELINE_RULES", {})
    for key in given:
        if key not in KEYS:
            raise ImproperlyConfigured(
                f"TOM_PIPELINE_RULES has no key {key!r}; its keys are {', '.join(KEYS)}."
            )
    large = given.get("LARGE")
    if large is not None and set(large) != {"FILES", "EXECUTOR"}:
        raise ImproperlyConfigured("TOM_PIPELINE_RULES['LARGE'] needs 'FILES' and 'EXECUTOR'.")
    return Rules(
        recipes=Path(given["RECIPES"]) if given.get("RECIPES") else None,
        max_files=given.get("MAX_FILES", {}),
        large_files=large["FILES"] if large else None,
        large_executor=large["EXECUTOR"] if large else "",
        next=given.get("NEXT", {}),
    )
