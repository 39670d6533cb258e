from __future__ import annotations

import pytest

from tom_pipeline_core.command.arguments import When, fill, placeholders
from tom_pipeline_core.exceptions import AsyncError


def filled(*command, **values) -> list[str]:
    return list(fill(command, values))


def test_a_placeholder_is_replaced_within_an_argument_and_a_list_becomes_several():
    assert filled("tool", "--size={size}px", "{inputs}", size=3.5, inputs=["a b", "c"]) == [
        "tool", "--size=3.5px", "a b", "c",
    ]  # fmt: skip


def test_nothing_is_interpreted_by_a_shell():
    text = "x; rm -rf $HOME `id` *"
    assert filled("tool", "{text}", text=text) == ["tool", text]


def test_doubled_braces_are_braces():
    assert filled("awk", "{{print $1}}", "{{{name}}}", name="x") == ["awk", "{print $1}", "{x}"]


def test_arguments_may_depend_on_a_parameter():
    command = ("tool", When("verbose", ["-v"]), When("mask", ["--mask", "{mask}"]))
    assert filled(*command, verbose=True, mask="") == ["tool", "-v"]
    assert filled(*command, verbose=False, mask="m.fits") == ["tool", "--mask", "m.fits"]


@pytest.mark.parametrize("command", [("tool", "{text}"), ("tool", "{text}.fits")])
def test_a_text_that_would_be_an_option_is_refused(command):
    with pytest.raises(AsyncError, match="'text' may not begin with '-'"):
        filled(*command, text="--output=/etc/passwd")


def test_negative_numbers_and_texts_behind_an_equals_sign_are_fine():
    assert filled("tool", "{dec}", "--name={text}", dec=-3.5, text="-x") == [
        "tool", "-3.5", "--name=-x",
    ]  # fmt: skip


def test_the_names_of_placeholders_are_known():
    command = ("a", "{b}-{target.ra}", When("c", ["{d}"]), "{{e}}")
    assert placeholders(command) == {"b", "target.ra", "c", "d"}
