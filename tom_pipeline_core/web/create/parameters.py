"""The form of a pipeline's parameters as the page shows it: units, bounds, basic and advanced."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString

from tom_pipeline_core.models import PipelineProcess
from tom_pipeline_core.parameters import clean_parameters, defaults, parameters_form, to_json
from tom_pipeline_core.web.create.draft import PREFIX


@dataclass
class Parameter:
    """One field, and whether it is at its default."""

    field: forms.BoundField
    default: Any
    changed: bool

    @property
    def default_text(self) -> str:
        """The default as the browser compares it; empty where it cannot."""
        if isinstance(self.default, bool):
            return "true" if self.default else "false"
        return "" if self.default is None else str(self.default)


class ParametersSection:
    """
    A pipeline's form, bound to what was sent or to values to start from.

    A field counts as advanced if it has a true attribute ``advanced`` or if its name is in
    ``Parameters.advanced``; its unit is its attribute ``unit`` or what ``Parameters.units`` says.
    """

    def __init__(
        self,
        pipeline: type[PipelineProcess],
        sent: QueryDict | None = None,
        values: Mapping[str, Any] | None = None,
    ) -> None:
        self.pipeline = pipeline
        self.form_class = parameters_form(pipeline)
        self.defaults = defaults(pipeline)
        if sent is not None:
            self.form = self.form_class(sent, prefix=PREFIX)
        else:
            known = {name: value for name, value in (values or {}).items() if name in self.defaults}
            self.form = self.form_class(initial={**self.defaults, **known}, prefix=PREFIX)
        self.form.use_required_attribute = False  # the browser must not stop "filter" or "page 2"
        for name, field in self.form.fields.items():
            field.help_text = self._help(name, field)

    def _help(self, name: str, field: forms.Field) -> SafeString:
        parts = [
            part
            for part in (conditional_escape(field.help_text), *self._facts(name, field))
            if part
        ]
        return format_html_join(" · ", "{}", ((part,) for part in parts))

    def _facts(self, name: str, field: forms.Field) -> Iterator[SafeString]:
        units = getattr(self.form_class, "units", None) or {}
        unit = getattr(field, "unit", "") or units.get(name, "")
        least, most = getattr(field, "min_value", None), getattr(field, "max_value", None)
        texts = []
        if least is not None and most is not None:
            texts.append(f"{least} to {most}")
        elif least is not None:
            texts.append(f"at least {least}")
        elif most is not None:
            texts.append(f"at most {most}")
        if unit:
            texts.append(str(unit) if texts else f"in {unit}")
        default = self.defaults.get(name)
        if default not in (None, "", [], {}) and not isinstance(default, bool):
            labels = {str(value): label for value, label in getattr(field, "choices", [])}
            texts.append(f"(default {labels.get(str(default), default)})")
        if texts:
            yield format_html('<span class="tpc-bounds">{}</span>', " ".join(texts))

    def _is_advanced(self, name: str) -> bool:
        return bool(
            getattr(self.form.fields[name], "advanced", False)
            or name in (getattr(self.form_class, "advanced", None) or ())
        )

    def _shown(self, name: str) -> Parameter:
        field = self.form[name]
        default = self.defaults.get(name)
        return Parameter(field, default, _differs(self.form.fields[name], default, field.value()))

    @property
    def basic(self) -> list[Parameter]:
        return [self._shown(name) for name in self.form.fields if not self._is_advanced(name)]

    @property
    def advanced(self) -> list[Parameter]:
        return [self._shown(name) for name in self.form.fields if self._is_advanced(name)]

    @property
    def advanced_open(self) -> bool:
        """Whether the reader must see the advanced ones: changed, or wrong."""
        return any(p.changed or (self.form.is_bound and p.field.errors) for p in self.advanced)

    @property
    def changed(self) -> int:
        """How many differ from the default."""
        return sum(parameter.changed for parameter in self.all)

    @property
    def all(self) -> list[Parameter]:
        return [*self.basic, *self.advanced]

    def values_or_none(self) -> dict[str, Any] | None:
        """Return cleaned values, or None if some are wrong."""
        if not self.form.is_bound:
            cleaned, problems = clean_parameters(self.pipeline, self.form.initial)
            return None if problems else cleaned
        return self.values() if self.form.is_valid() else None

    def values(self) -> dict[str, Any]:
        """Return what was sent and is in order, by name."""
        if not self.form.is_bound:
            return dict(self.form.initial)
        self.form.is_valid()
        return dict(self.form.cleaned_data)


def _differs(field: forms.Field, default: Any, value: Any) -> bool:
    try:
        stored = to_json({"value": field.to_python(value)})["value"]
    except ValidationError:
        return True
    empty: tuple[Any, ...] = (None, "")
    return bool(stored != default and not (stored in empty and default in empty))
