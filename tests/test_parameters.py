from __future__ import annotations

import datetime
from typing import Any

import pytest
from django import forms

from tests.sample_pipelines import Adjustable, Copy, Flagged
from tom_pipeline_core.exceptions import InvalidPipelineError
from tom_pipeline_core.parameters import clean_parameters, defaults, parameters_form, to_json


def test_absent_parameters_take_their_defaults():
    cleaned, errors = clean_parameters(Adjustable, {"radius": "7.5"})

    assert errors == {}
    assert cleaned == {"radius": 7.5, "method": "sum", "verbose": True, "since": None}


def test_a_boolean_can_be_switched_off():
    cleaned, _errors = clean_parameters(Adjustable, {"verbose": False})

    assert cleaned["verbose"] is False


@pytest.mark.parametrize(
    ("values", "name", "words"),
    [
        ({"radius": 500}, "radius", "less than or equal to 50"),
        ({"radius": "wide"}, "radius", "Enter a number"),
        ({"method": "guess"}, "method", "guess"),
        ({"radiu": 5}, "radiu", "did you mean 'radius'?"),
    ],
)
def test_a_wrong_value_is_named_with_its_parameter(values: Any, name: str, words: str):
    cleaned, errors = clean_parameters(Adjustable, values)

    assert cleaned == {}
    assert words in " ".join(errors[name])


def test_what_is_stored_is_cleaned_to_the_same_values_again():
    cleaned, _errors = clean_parameters(Adjustable, {"since": "2026-02-03", "radius": 3})

    again, errors = clean_parameters(Adjustable, to_json(cleaned))

    assert errors == {}
    assert again == cleaned
    assert again["since"] == datetime.date(2026, 2, 3)


def test_flags_are_checkboxes_with_their_defaults():
    assert defaults(Flagged) == {"plot": False, "quick": True}
    assert parameters_form(Flagged)().fields["plot"].label == "Make a plot"


def test_a_pipeline_without_parameters_takes_none():
    assert clean_parameters(Copy, {}) == ({}, {})
    assert "no parameters" in clean_parameters(Copy, {"x": 1})[1]["x"][0]


@pytest.mark.parametrize(
    "flags",
    [
        5,
        "plot",
        ["plot"],
        {"plot": {"long_name": "no default"}},
        {"plot": {"default": True}},
        {"white space": {"default": True, "long_name": "x"}},
        {"tmpdir": {"default": True, "long_name": "x"}},
    ],
)
def test_malformed_flags_are_refused(flags: Any):
    pipeline = type("Bad", (), {"flags": flags, "__module__": __name__})

    with pytest.raises(InvalidPipelineError, match="Bad"):
        parameters_form(pipeline)


def test_parameters_must_be_a_form():
    pipeline = type("Bad", (), {"Parameters": {"radius": 5}, "__module__": __name__})

    with pytest.raises(InvalidPipelineError, match=r"django\.forms\.Form"):
        parameters_form(pipeline)


def test_a_check_over_the_whole_form_is_reported():
    class Parameters(forms.Form):
        r_in = forms.FloatField(initial=8)
        r_out = forms.FloatField(initial=12)

        def clean(self) -> None:
            if self.cleaned_data["r_in"] >= self.cleaned_data["r_out"]:
                raise forms.ValidationError("The annulus is empty")

    pipeline = type("Ring", (), {"Parameters": Parameters, "__module__": __name__})

    _cleaned, errors = clean_parameters(pipeline, {"r_in": 20})

    assert errors == {"__all__": ["The annulus is empty"]}
