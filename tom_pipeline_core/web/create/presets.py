"""Values to start from: of the pipeline's author, saved by people, and of recent processes."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from tom_pipeline_core import registry
from tom_pipeline_core.models import PipelineProcess, Preset
from tom_pipeline_core.parameters import clean_parameters, defaults, to_json

logger = logging.getLogger(__name__)

RECENT = 5
LOOKED_AT = 30

DEFAULTS = "defaults"


@dataclass(frozen=True)
class Choice:
    """One set of values in the list."""

    group: str
    value: str
    label: str
    parameters: dict[str, Any]
    preset: Preset | None = None


class Presets:
    """What a user may start from for one pipeline."""

    def __init__(
        self,
        user: Any,
        processes: QuerySet[PipelineProcess],
        entry: registry.Entry,
        pipeline: type[PipelineProcess],
    ) -> None:
        self.processes = processes
        self.user, self.entry, self.pipeline = user, entry, pipeline
        self.defaults = defaults(pipeline)
        self.choices = [*self._of_pipeline(), *self._saved(), *self._recent()]

    def groups(self) -> dict[str, list[Choice]]:
        """Return the choices under their headings."""
        found: dict[str, list[Choice]] = {}
        for choice in self.choices:
            found.setdefault(choice.group, []).append(choice)
        return found

    def find(self, value: str) -> Choice | None:
        return next((choice for choice in self.choices if choice.value == value), None)

    def deletable(self, value: str) -> bool:
        """Whether the user may delete what is chosen."""
        choice = self.find(value)
        preset = choice.preset if choice is not None else None
        return preset is not None and (preset.user_id == self.user.pk or self.user.is_staff)

    def save(self, name: str, parameters: Mapping[str, Any], *, shared: bool) -> Preset:
        """Keep values under a name; the user's own of that name are replaced."""
        preset, _ = Preset.objects.update_or_create(
            user=self.user,
            pipeline_id=self.entry.qualified_id,
            name=name,
            defaults={"parameters": to_json(parameters), "shared": shared},
        )
        return preset

    def _of_pipeline(self) -> Iterator[Choice]:
        declared = getattr(self.pipeline, "presets", None) or {}
        if not isinstance(declared, Mapping):
            logger.error("%s.presets is no mapping", self.pipeline.__qualname__)
            return
        for name, values in declared.items():
            _, problems = clean_parameters(self.pipeline, values)
            if problems:
                logger.error("%s.presets[%r]: %s", self.pipeline.__qualname__, name, problems)
            else:
                yield Choice("Of the pipeline", f"pipeline:{name}", str(name), dict(values))

    def _saved(self) -> list[Choice]:
        rows = (
            Preset.objects.filter(pipeline_id=self.entry.qualified_id)
            .filter(Q(user=self.user.pk) | Q(shared=True))
            .select_related("user")
        )
        found = []
        for row in rows:
            mine = row.user_id == self.user.pk
            by = "" if mine else f" (by {row.user.username})"
            group = "Mine" if mine else "Everyone’s"
            found.append(Choice(group, f"preset:{row.pk}", f"{row.name}{by}", row.parameters, row))
        return sorted(found, key=lambda choice: (choice.group != "Mine", choice.label.lower()))

    def _recent(self) -> Iterator[Choice]:
        rows = (
            self.processes.filter(user=self.user.pk, pipeline_id=self.entry.qualified_id)
            .order_by("-pk")
            .values_list("pk", "created", "parameters")[:LOOKED_AT]
        )
        seen: list[Any] = []
        for pk, created, parameters in rows:
            if not parameters or parameters in seen or len(seen) == RECENT:
                continue
            seen.append(parameters)
            when = f"{timezone.localtime(created):%Y-%m-%d %H:%M}"
            label = f"{when}: {self._difference(parameters)}"
            yield Choice("Recent", f"recent:{pk}", label, parameters)

    def _difference(self, parameters: Mapping[str, Any]) -> str:
        parts = [
            f"{name}={value}"
            for name, value in parameters.items()
            if name in self.defaults and value != self.defaults[name]
        ]
        text = ", ".join(parts) or "defaults"
        return text if len(text) <= 60 else f"{text[:59]}…"
