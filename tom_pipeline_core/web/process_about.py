"""With which parameters a process ran, and where, and on what."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from tom_pipeline_core import parameters, registry
from tom_pipeline_core.exceptions import PipelineError
from tom_pipeline_core.models import PipelineProcess
from tom_pipeline_core.web.failure_help import exit_in_words


@dataclass(frozen=True)
class Parameter:
    """A value that was set, beside the default."""

    name: str
    label: str
    value: str
    default: str
    changed: bool


def parameters_tab(request: HttpRequest, process: PipelineProcess) -> dict[str, Any]:
    """Return the parameters, those that differ from the pipeline's defaults marked."""
    stored = process.parameters if isinstance(process.parameters, dict) else {}
    labels: dict[str, str] = {}
    defaults: dict[str, Any] = {}
    known = True
    try:
        pipeline = registry.load(process.pipeline_id or process.pipeline_name)
        labels = {
            name: str(field.label or name.replace("_", " ").capitalize())
            for name, field in parameters.parameters_form(pipeline)().fields.items()
        }
        defaults = parameters.defaults(pipeline)
    except PipelineError:
        known = False
    return {
        "parameters": [
            Parameter(
                name=name,
                label=labels.get(name) or name,
                value=written(value),
                default=written(defaults[name]) if name in defaults else "–",
                changed=name in defaults and not same(value, defaults[name]),
            )
            for name, value in stored.items()
        ],
        "defaults_known": known,
        "as_json": json.dumps(stored, indent=2, ensure_ascii=False),
    }


def written(value: Any) -> str:
    """Return a parameter's value as people write it."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str | int | float):
        return str(value)
    return json.dumps(value, ensure_ascii=False)


def same(value: Any, default: Any) -> bool:
    """Whether a value is the default: JSON keeps decimals as text, and 5 is 5.0."""
    if value == default or (value in (None, "") and default in (None, "")):
        return True
    try:
        return not isinstance(value, bool) and float(value) == float(default)
    except (TypeError, ValueError):
        return False


def about_tab(request: HttpRequest, process: PipelineProcess) -> dict[str, Any]:
    """Return what is known of the code and of the place where it ran."""
    return {"exit": exit_in_words(process.exit_code)}
