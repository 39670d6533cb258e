"""What users can call, set or read is in the documentation; a new thing without a line fails here."""

from __future__ import annotations

import argparse
import inspect
import re
from pathlib import Path

import pytest

from tom_pipeline_core import conf, hooks, hookspecs
from tom_pipeline_core.cli.main import COMMANDS
from tom_pipeline_core.management.commands import pipelines, run_pipelines
from tom_pipeline_core.models.authoring import Authoring

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "docs" / "reference"


def page(name: str) -> str:
    return (REFERENCE / f"{name}.md").read_text("utf-8")


def test_every_page_is_in_the_contents():
    contents = (ROOT / "docs" / "index.md").read_text("utf-8").splitlines()
    pages = {
        str(path.relative_to(ROOT / "docs").with_suffix(""))
        for path in (ROOT / "docs").rglob("*.md")
        if "_build" not in path.parts
    }
    assert sorted(pages - {"index", *contents}) == []


@pytest.mark.parametrize("name", hooks.hook_names())
def test_every_hook_is_documented_with_its_exact_arguments(name):
    arguments = ", ".join(inspect.signature(getattr(hookspecs, name)).parameters)
    assert f"\n## {name}({arguments})\n" in page("hooks")
    assert f"autofunction:: tom_pipeline_core.hookspecs.{name}\n" in page("hooks")


def test_no_hook_is_documented_that_does_not_exist():
    documented = re.findall(r"^## (\w+)\(", page("hooks"), re.MULTILINE)
    assert sorted(documented) == sorted(hooks.hook_names())


@pytest.mark.parametrize("key", conf.KEYS)
def test_every_setting_is_documented(key):
    assert f"\n| `{key}` |" in page("settings")


def test_every_environment_variable_is_documented():
    source = inspect.getsource(conf)
    for variable in set(re.findall(r'"(TOM_PIPELINES_\w+)"', source)):
        assert f"| `{variable}` |" in page("settings")


def check_ids() -> list[str]:
    found = set()
    for path in (ROOT / "tom_pipeline_core").rglob("*.py"):
        found |= set(re.findall(r'"([EWI]0\d\d)"', path.read_text("utf-8")))
    return sorted(found)


def test_the_checks_that_exist_are_the_checks_that_are_documented():
    assert check_ids() == sorted(re.findall(r"^\| ([EWI]\d{3}) \|", page("checks"), re.MULTILINE))


def options_of(parser: argparse.ArgumentParser) -> set[str]:
    found: set[str] = set()
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                found |= options_of(inner)
        found |= {option for option in action.option_strings if option.startswith("--")}
    return found - {"--help"}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_for_authors_is_documented_with_its_options(name):
    parser = argparse.ArgumentParser()
    COMMANDS[name].add_arguments(parser)
    text = page("commands")
    assert f"`tom-pipelines {name}" in text
    assert [option for option in options_of(parser) if f"`{option}" not in text] == []


@pytest.mark.parametrize("command", [pipelines.Command, run_pipelines.Command])
def test_every_option_of_the_management_commands_is_documented(command):
    ours = options_of(command().create_parser("manage.py", "x"))
    django_s = options_of(
        type("Bare", (command,), {"add_arguments": lambda *a: None})().create_parser("", "")
    )
    assert [option for option in ours - django_s if f"`{option}" not in page("commands")] == []


def test_everything_authors_may_use_has_a_docstring():
    silent = [
        name
        for name, member in vars(Authoring).items()
        if not name.startswith("_")
        and inspect.isroutine(getattr(Authoring, name))
        and not inspect.getdoc(member)
    ]
    assert silent == []
