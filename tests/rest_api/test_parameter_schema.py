from __future__ import annotations

import jsonschema
import pytest
from django import forms

from tests import sample_pipelines
from tom_pipeline_core.rest_api.parameter_schema import schema_of


def test_types_bounds_choices_help_and_defaults_come_from_the_form():
    schema = schema_of(sample_pipelines.Adjustable)

    assert schema["additionalProperties"] is False
    assert schema["required"] == []
    assert schema["properties"]["radius"] == {
        "title": "Radius",
        "description": "pixels",
        "type": "number",
        "minimum": 1,
        "maximum": 50,
        "default": 6,
    }
    assert schema["properties"]["method"]["enum"] == ["sum", "fit"]
    assert schema["properties"]["since"]["type"] == ["string", "null"]
    assert schema["properties"]["since"]["format"] == "date"
    assert schema["properties"]["verbose"]["default"] is True


def test_flags_are_booleans_with_their_long_names():
    properties = schema_of(sample_pipelines.Flagged)["properties"]

    assert properties["plot"]["title"] == "Make a plot"
    assert (properties["plot"]["default"], properties["quick"]["default"]) == (False, True)


def test_what_has_no_default_is_required():
    assert schema_of(sample_pipelines.SlowToEnd)["required"] == ["gate"]


class Everything:
    """A form with every kind of field."""

    class Parameters(forms.Form):
        count = forms.IntegerField(min_value=0, label="Count (frames)")
        ratio = forms.DecimalField(max_value=2)
        name = forms.CharField(max_length=5)
        kinds = forms.MultipleChoiceField(
            choices=[("group", [("a", "A"), ("b", "B")]), ("c", "C")], initial=["a"]
        )
        moment = forms.DateTimeField(required=False)
        maybe = forms.NullBooleanField(required=False)
        number = forms.TypedChoiceField(choices=[(1, "one"), (2, "two")], coerce=int, initial=1)
        extra = forms.JSONField(required=False)
        units = {"ratio": "mag"}
        advanced = ("ratio",)


def test_every_kind_of_field_gives_a_valid_schema():
    schema = schema_of(Everything)

    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["properties"]["count"]["x-unit"] == "frames"
    assert schema["properties"]["ratio"]["x-unit"] == "mag"
    assert schema["properties"]["ratio"]["x-advanced"] is True
    assert schema["properties"]["kinds"]["items"]["enum"] == ["a", "b", "c"]
    assert schema["required"] == ["count", "ratio", "name"]


@pytest.mark.parametrize(
    ("values", "fits"),
    [
        ({"radius": 4}, True),
        ({"radius": 0}, False),
        ({"radius": "4"}, False),
        ({"method": "fit", "since": None}, True),
        ({"method": "other"}, False),
        ({"unknown": 1}, False),
    ],
)
def test_the_schema_and_the_form_agree(values, fits):
    from tom_pipeline_core.parameters import clean_parameters

    validator = jsonschema.Draft202012Validator(schema_of(sample_pipelines.Adjustable))
    _, errors = clean_parameters(sample_pipelines.Adjustable, values)

    assert validator.is_valid(values) is fits
    if fits or values != {"radius": "4"}:  # forms also read numbers from text
        assert (not errors) is fits
