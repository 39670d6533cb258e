"""A pipeline's parameters as JSON Schema, read from the form that checks them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from django import forms

from tom_pipeline_core.parameters import defaults, parameters_form

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_UNIT = re.compile(r"[(\[]([^()\[\]]{1,30})[)\]]\s*$")


def schema_of(pipeline: type[Any]) -> dict[str, Any]:
    """
    Return the JSON Schema of what a process's ``parameters`` may be.

    Types, bounds, choices, labels, help and initial values come from the form's fields. ``x-unit``
    is what ``units`` says, or a unit at the end of a label as in ``Radius (pixel)``; ``x-advanced``
    marks what ``advanced`` names. Rules that a form states in code are not in it: the server always
    checks with the form itself.
    """
    form = parameters_form(pipeline)()
    initial = defaults(pipeline)
    return {
        "$schema": DIALECT,
        "type": "object",
        "additionalProperties": False,
        "properties": {
            name: _field(name, field, initial.get(name)) | _marks(form, name, field)
            for name, field in form.fields.items()
        },
        "required": [
            name
            for name, field in form.fields.items()
            if field.required and initial.get(name) is None
            # A required checkbox must be sent as true; everything with a default may be left out.
        ],
    }


def _field(name: str, field: forms.Field, initial: Any) -> dict[str, Any]:
    label = str(field.label) if field.label else name.replace("_", " ").capitalize()
    schema: dict[str, Any] = {"title": label}
    if field.help_text:
        schema["description"] = str(field.help_text)
    schema.update(_type(field))
    if not field.required and "type" in schema:
        schema["type"] = [schema["type"], "null"]
        if "enum" in schema:
            schema["enum"] = [*schema["enum"], None]
    if initial is not None:
        schema["default"] = initial
    if field.disabled:
        schema["readOnly"] = True
    return schema


def _marks(form: forms.Form, name: str, field: forms.Field) -> dict[str, Any]:
    """Return what forms of pipelines say beyond Django's: units, and what is for experts."""
    marks: dict[str, Any] = {}
    at_the_end = _UNIT.search(str(field.label or ""))
    unit = getattr(field, "unit", "") or (getattr(form, "units", None) or {}).get(name, "")
    if unit or at_the_end:
        marks["x-unit"] = str(unit or (at_the_end and at_the_end[1]))
    if getattr(field, "advanced", False) or name in (getattr(form, "advanced", None) or ()):
        marks["x-advanced"] = True
    return marks


def _type(field: forms.Field) -> dict[str, Any]:
    for kind, describe in _KINDS:
        if isinstance(field, kind):
            return describe(field)
    return {}  # a field of the plugin's own: anything, which its own code judges


def _number(kind: str) -> Callable[[Any], dict[str, Any]]:
    def describe(field: Any) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": kind}
        if field.min_value is not None:
            schema["minimum"] = _plain(field.min_value)
        if field.max_value is not None:
            schema["maximum"] = _plain(field.max_value)
        return schema

    return describe


def _plain(bound: Any) -> Any:
    bound = bound() if callable(bound) else bound
    return bound if isinstance(bound, int | float) else float(bound)


def _text(field: Any) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    if field.min_length is not None:
        schema["minLength"] = field.min_length
    if field.max_length is not None:
        schema["maxLength"] = field.max_length
    return schema


def _choice(field: Any) -> dict[str, Any]:
    pairs = _pairs(field.choices)
    return {
        "type": "string",
        "enum": [value for value, _ in pairs],
        "x-labels": dict(pairs),
    }


def _choices(field: Any) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "array", "items": _choice(field), "uniqueItems": True}
    if field.required:
        schema["minItems"] = 1
    return schema


def _pairs(choices: Any) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for value, label in choices:
        if isinstance(label, list | tuple):
            found += _pairs(label)
        else:
            found.append((str(value), str(label)))
    return found


def _format(name: str) -> Callable[[Any], dict[str, Any]]:
    return lambda field: {"type": "string", "format": name}


# The first that fits: subclasses stand before what they inherit from.
_KINDS: tuple[tuple[type[forms.Field], Callable[[Any], dict[str, Any]]], ...] = (
    (forms.NullBooleanField, lambda field: {"type": "boolean"}),
    (forms.BooleanField, lambda field: {"type": "boolean"}),
    (forms.MultipleChoiceField, _choices),
    (forms.TypedMultipleChoiceField, _choices),
    (forms.ModelChoiceField, lambda field: {"type": "integer"}),
    (forms.ChoiceField, _choice),
    (forms.FloatField, _number("number")),
    (forms.DecimalField, _number("number")),
    (forms.IntegerField, _number("integer")),
    (forms.DateTimeField, _format("date-time")),
    (forms.DateField, _format("date")),
    (forms.TimeField, _format("time")),
    (forms.DurationField, _format("duration")),
    (forms.EmailField, _format("email")),
    (forms.URLField, _format("uri")),
    (forms.UUIDField, _format("uuid")),
    (forms.JSONField, lambda field: {}),
    (forms.CharField, _text),
)
