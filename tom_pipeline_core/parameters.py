"""
What a pipeline lets the user set: declared once as a Django form, checked everywhere.

The same form serves the page, the API, the command line and the run itself; old ``flags`` become
its checkboxes. A process stores JSON; the run cleans it again, so that the pipeline gets Python
values and a process queued before an upgrade cannot smuggle in what is no longer allowed.
"""

from __future__ import annotations

import difflib
import json
import logging
from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.serializers.json import DjangoJSONEncoder

from tom_pipeline_core.exceptions import InvalidPipelineError

logger = logging.getLogger(__name__)

_SINGLE = (
    forms.CharField,
    forms.IntegerField,
    forms.BooleanField,
    forms.ChoiceField,
    forms.fields.BaseTemporalField,
    forms.DurationField,
)
"""Fields that take one value; their subclasses FloatField, EmailField and so on do too."""

FORBIDDEN_NAMES = frozenset({"self", "tmpdir"})


def parameters_form(pipeline: type[Any]) -> type[forms.Form]:
    """
    Return the form class of a pipeline's parameters.

    Raises
    ------
    InvalidPipelineError
        If ``Parameters`` is not a form, ``flags`` are malformed, or a name cannot be a keyword.
    """
    declared = getattr(pipeline, "Parameters", None)
    flags = getattr(pipeline, "flags", None)
    if declared is not None and not (
        isinstance(declared, type) and issubclass(declared, forms.BaseForm)
    ):
        raise InvalidPipelineError(
            f"{pipeline.__qualname__}.Parameters must be a subclass of django.forms.Form, "
            f"not {declared!r}"
        )
    fields = _flag_fields(pipeline, flags) if flags else {}
    form: type[forms.Form] = type(
        f"{pipeline.__name__}Parameters",
        (declared or forms.Form,),
        {**fields, "__module__": pipeline.__module__},
    )
    for name in form.base_fields:
        if not name.isidentifier() or name in FORBIDDEN_NAMES:
            raise InvalidPipelineError(
                f"{pipeline.__qualname__}: a parameter cannot be called {name!r}; "
                "its value is passed to do_pipeline as a keyword"
            )
    return form


def _flag_fields(pipeline: type[Any], flags: Any) -> dict[str, forms.Field]:
    where = f"{pipeline.__qualname__}.flags"
    if not isinstance(flags, Mapping):
        raise InvalidPipelineError(f"{where} must be a mapping, not {type(flags).__name__}")
    fields: dict[str, forms.Field] = {}
    for name, facts in flags.items():
        if not isinstance(name, str) or len(name.split()) != 1:
            raise InvalidPipelineError(f"{where}: {name!r} must be a word without white space")
        if not isinstance(facts, Mapping) or not {"default", "long_name"} <= facts.keys():
            raise InvalidPipelineError(
                f"{where}[{name!r}] needs 'default' and 'long_name', and has {facts!r}"
            )
        fields[name] = forms.BooleanField(
            required=False, initial=bool(facts["default"]), label=str(facts["long_name"])
        )
    return fields


def defaults(pipeline: type[Any]) -> dict[str, Any]:
    """Return the declared initial value of every parameter, JSON-able."""
    form = parameters_form(pipeline)()
    return to_json({name: form.get_initial_for_field(f, name) for name, f in form.fields.items()})


def clean_parameters(
    pipeline: type[Any], values: Mapping[str, Any] | None
) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """
    Check values and return them as Python objects.

    Parameters
    ----------
    pipeline : type
        A pipeline class.
    values : mapping
        By name; a parameter that is absent takes its default.

    Returns
    -------
    cleaned : dict
        What ``do_pipeline`` gets as keywords; empty if there are errors.
    errors : dict
        Messages by parameter name, ``__all__`` for the form as a whole.
    """
    values = dict(values or {})
    form_class = parameters_form(pipeline)
    unknown = [name for name in values if name not in form_class.base_fields]
    if unknown:
        return {}, {str(name): [_unknown(str(name), form_class)] for name in unknown}
    misfits = {
        name: [text]
        for name, value in values.items()
        if (text := _misfit(form_class.base_fields[name], value))
    }
    if misfits:
        return {}, misfits
    form = form_class(
        {**defaults(pipeline), **{name: _as_typed(value) for name, value in values.items()}}
    )
    try:
        valid = form.is_valid()
    except Exception as error:
        # A form is the plugin's code, and forms are written for text that people type.
        logger.exception("The parameters of %s could not be checked", pipeline.__qualname__)
        return {}, {
            "__all__": [
                f"The pipeline could not check its parameters ({type(error).__name__}: {error})."
            ]
        }
    if not valid:
        return {}, {
            name: [str(message) for message in messages] for name, messages in form.errors.items()
        }
    return dict(form.cleaned_data), {}


def _misfit(field: forms.Field, value: Any) -> str:
    """Return why a value of JSON cannot be what a field of a form reads, or ``''``."""
    if isinstance(
        field, forms.JSONField | forms.MultipleChoiceField | forms.ModelMultipleChoiceField
    ):
        return ""
    if isinstance(field, forms.IntegerField) and isinstance(value, bool):
        return "Enter a number."  # to Python, True is one
    if isinstance(field, _SINGLE) and isinstance(value, list | tuple | dict):
        return "Give one value, not a list or an object."
    return ""


def _as_typed(value: Any) -> Any:
    """Return a number as the text that a person would type; fields of forms expect text."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _unknown(name: str, form_class: type[forms.Form]) -> str:
    known = list(form_class.base_fields)
    if not known:
        return f"This pipeline has no parameters, so {name!r} cannot be set."
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return f"There is no parameter {name!r}; did you mean {near[0]!r}?"
    return f"There is no parameter {name!r}; known are {', '.join(known)}."


def to_json(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values as JSON stores them (dates, decimals and durations become strings)."""
    result: dict[str, Any] = json.loads(json.dumps(dict(values), cls=DjangoJSONEncoder))
    return result
