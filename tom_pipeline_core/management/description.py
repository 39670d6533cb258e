"""All that is known of one pipeline, JSON-able."""

from __future__ import annotations

from typing import Any

import importlib_metadata
from django.db import DatabaseError
from django.db.models import Count, Max

from tom_pipeline_core import registry
from tom_pipeline_core.exceptions import PipelineError
from tom_pipeline_core.models import PipelineProcess
from tom_pipeline_core.parameters import defaults, parameters_form
from tom_pipeline_core.registry import Entry


def summary(entry: Entry) -> dict[str, str]:
    """Return a row of the listing."""
    return {
        "name": entry.name,
        "qualified_id": entry.qualified_id,
        "distribution": entry.distribution,
        "version": entry.version,
        "source": entry.source,
        "target": entry.target,
        "state": entry.state,
        "reason": entry.reason,
    }


def describe(entry: Entry) -> dict[str, Any]:
    """Return what metadata, the class and the history of processes say."""
    facts: dict[str, Any] = dict(summary(entry))
    facts["metadata"] = _metadata(entry.distribution)
    if entry.usable:
        try:
            facts["class"] = _of_class(registry.load(entry.qualified_id))
        except PipelineError as error:
            facts.update(state="load error", reason=str(error))
    facts["processes"] = _processes(entry)
    return facts


def _metadata(distribution: str) -> dict[str, Any]:
    if not distribution:
        return {}
    metadata: Any = importlib_metadata.metadata(distribution)
    return {
        "summary": metadata.get("Summary", ""),
        "license": metadata.get("License-Expression") or metadata.get("License") or "",
        "urls": metadata.get_all("Project-URL") or [],
        "requires": importlib_metadata.requires(distribution) or [],
    }


def _of_class(pipeline: type[PipelineProcess]) -> dict[str, Any]:
    initial = defaults(pipeline)
    fields = parameters_form(pipeline)().fields
    return {
        "verbose_name": pipeline.verbose_name,
        "description": pipeline.get_description(),
        "documentation_url": pipeline.documentation_url,
        "citation": pipeline.citation,
        "allowed_suffixes": list(pipeline.allowed_suffixes or ()),
        "min_inputs": pipeline.min_inputs,
        "max_inputs": pipeline.max_inputs,
        "executor": pipeline.executor,
        "queue": pipeline.queue,
        "parameters": [
            {
                "name": name,
                "type": type(field).__name__,
                "label": str(field.label or name),
                "help": str(field.help_text),
                "required": field.required,
                "default": initial.get(name),
            }
            for name, field in fields.items()
        ],
    }


def _processes(entry: Entry) -> dict[str, Any]:
    try:
        rows = (
            PipelineProcess.objects.filter(pipeline_id=entry.qualified_id)
            .values("state")
            .annotate(count=Count("pk"), last=Max("created"))
            .order_by("state")
        )
        return {
            row["state"]: {"count": row["count"], "last": row["last"].isoformat()} for row in rows
        }
    except DatabaseError:
        return {}  # not migrated yet; the doctor says so
