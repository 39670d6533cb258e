"""A command pipeline from a TOML file inside a package."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django import forms

from tom_pipeline_core import conf
from tom_pipeline_core.command.arguments import Argument, When
from tom_pipeline_core.command.declaration import Environment, InputRole, OutputFile, Patterns
from tom_pipeline_core.command.pipeline import CommandPipeline
from tom_pipeline_core.exceptions import InvalidPipelineError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

TEXTS = ("short_name", "verbose_name", "description", "citation", "documentation_url", "version")
KEYS = (
    *TEXTS, "command", "per_file", "executor", "queue",
    "inputs", "outputs", "parameters", "patterns", "environment",
)  # fmt: skip
FIELDS: dict[str, type[forms.Field]] = {
    "float": forms.FloatField,
    "integer": forms.IntegerField,
    "text": forms.CharField,
    "boolean": forms.BooleanField,
    "choice": forms.ChoiceField,
}
PARAMETER_KEYS = ("type", "default", "min", "max", "label", "help", "choices", "required")


def from_toml(package: str, name: str) -> type[CommandPipeline]:
    """
    Make a pipeline of a TOML file that a package contains.

    ::

        # my_package/__init__.py
        from tom_pipeline_core.command import from_toml

        Sources = from_toml(__name__, 'sources.toml')

    Parameters
    ----------
    package : str
        ``__name__`` of the package that holds the file.
    name : str
        Of the file.

    Raises
    ------
    InvalidPipelineError
        If the file cannot be read, or says something that is not understood; with file and key.
    """
    return _from(resources.files(package).joinpath(name), f"{package}/{name}", package)


def from_file(path: Path, module: str) -> type[CommandPipeline]:
    """
    Make a pipeline of a TOML file anywhere.

    Parameters
    ----------
    path : pathlib.Path
    module : str
        The module that the class is found in.

    Raises
    ------
    InvalidPipelineError
        As :func:`from_toml`.
    """
    return _from(path, str(path), module)


def _from(file: Traversable, where: str, module: str) -> type[CommandPipeline]:
    try:
        declared = tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidPipelineError(f"{where} cannot be read: {error}") from error
    try:
        return _pipeline(declared, module)
    except (TypeError, ValueError, InvalidPipelineError) as error:
        raise InvalidPipelineError(f"{where}: {error}") from error


def _pipeline(declared: dict[str, Any], package: str) -> type[CommandPipeline]:
    _only(declared, KEYS, "")
    for key in ("short_name", "command"):
        if key not in declared:
            raise ValueError(f"{key} is missing")
    attributes: dict[str, Any] = {
        key: declared[key] for key in (*TEXTS, "per_file", "executor", "queue") if key in declared
    }
    attributes["command"] = [_argument(item) for item in declared["command"]]
    attributes["Parameters"] = _form(declared.get("parameters", {}))
    attributes["input_roles"] = [InputRole(**role) for role in declared.get("inputs", ())]
    if "outputs" in declared:
        attributes["output_files"] = [OutputFile(**output) for output in declared["outputs"]]
    attributes["patterns"] = Patterns(**declared.get("patterns", {}))
    attributes["environment"] = Environment(**declared.get("environment", {}))
    class_name = "".join(part.capitalize() for part in declared["short_name"].split("_"))
    made: type[CommandPipeline] = type(
        class_name, (CommandPipeline,), {**attributes, "__module__": package}
    )
    return made


def _only(given: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    for key in given:
        if key not in known:
            raise ValueError(f"there is no key {where}{key}.{conf.nearest(key, known)}")


def _argument(item: Any) -> Argument:
    if isinstance(item, str):
        return item
    if isinstance(item, dict) and set(item) == {"when", "arguments"}:
        return When(item["when"], item["arguments"])
    raise ValueError(f"an argument of command is a text or {{when, arguments}}, not {item!r}")


def _form(parameters: dict[str, dict[str, Any]]) -> type[forms.Form]:
    fields = {name: _field(name, declared) for name, declared in parameters.items()}
    form: type[forms.Form] = type("Parameters", (forms.Form,), fields)
    return form


def _field(name: str, declared: dict[str, Any]) -> forms.Field:
    where = f"parameters.{name}."
    _only(declared, PARAMETER_KEYS, where)
    kind = declared.get("type", "text")
    if kind not in FIELDS:
        raise ValueError(f"{where}type is {kind!r}, not one of {', '.join(FIELDS)}")
    options: dict[str, Any] = {
        "initial": declared.get("default"),
        "label": declared.get("label"),
        "help_text": declared.get("help", ""),
        "required": declared.get("required", kind != "boolean"),
    }
    if kind in ("float", "integer"):
        options |= {"min_value": declared.get("min"), "max_value": declared.get("max")}
    elif "min" in declared or "max" in declared:
        raise ValueError(f"{where}min and max are for numbers")
    if kind == "choice":
        options["choices"] = [(str(choice), str(choice)) for choice in declared.get("choices", ())]
    return FIELDS[kind](**options)
