"""Import one pipeline's class; whatever goes wrong stays with that pipeline."""

from __future__ import annotations

import importlib
import inspect
import traceback
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError

from tom_pipeline_core.exceptions import InvalidPipelineError
from tom_pipeline_core.faults import Fault, check_id
from tom_pipeline_core.registry import table
from tom_pipeline_core.registry.precedence import Entry

if TYPE_CHECKING:
    from tom_pipeline_core.models import PipelineProcess


def load(name: str) -> type[PipelineProcess]:
    """
    Import the class of a pipeline.

    Parameters
    ----------
    name : str
        Its name or qualified id.

    Raises
    ------
    PipelineNotFound
        If there is no such pipeline.
    InvalidPipelineError
        If it cannot be imported or is not a pipeline. The failure is remembered: a module that
        takes a minute to fail does so once in a process.
    """
    entry = table.find(name)
    with table.lock:
        if entry.target in table.classes:
            return table.classes[entry.target]
        fault = table.fault_of(entry)
        if fault is None:
            loaded = _load(entry)
            if not isinstance(loaded, Fault):
                table.classes[entry.target] = loaded
                return loaded
            fault = loaded
            table.mark_broken(entry, fault)
    raise InvalidPipelineError(f"{fault.what} {fault.hint}")


def _load(entry: Entry) -> type[PipelineProcess] | Fault:
    importlib.invalidate_caches()  # it may have been installed a moment ago
    module, _, path = entry.target.partition(":")
    try:
        loaded: Any = importlib.import_module(module)
        for attribute in path.split("."):
            loaded = getattr(loaded, attribute)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - a module may call sys.exit() or worse
        return Fault(
            id=check_id("E020"),
            what=(
                f"The pipeline {entry.name!r} of {entry.where} cannot be loaded: importing "
                f"{entry.target} ended with {type(error).__name__}: {str(error).rstrip('.')}."
            ),
            where=entry.where,
            hint=_how_to_mend(entry, error),
            subject=entry.name,
            traceback=traceback.format_exc(),
        )
    return _examined(entry, loaded)


def _how_to_mend(entry: Entry, error: BaseException) -> str:
    if entry.source == "setting":
        return "Correct the path in the settings."
    if isinstance(error, ModuleNotFoundError):
        return f"Install it with what it needs: pip install --force-reinstall {entry.distribution}"
    return f"Report it to the authors of {entry.distribution}, or install another version."


def _examined(entry: Entry, loaded: Any) -> type[PipelineProcess] | Fault:
    from tom_pipeline_core.models import PipelineProcess
    from tom_pipeline_core.parameters import parameters_form

    code, problem = "E021", ""
    if not inspect.isclass(loaded):
        problem = f"it is {loaded!r}, not a class"
    elif not issubclass(loaded, PipelineProcess) or loaded is PipelineProcess:
        problem = "it is not a subclass of tom_pipeline_core.models.PipelineProcess"
    elif loaded.do_pipeline is PipelineProcess.do_pipeline:
        problem = "it does not write do_pipeline"
    else:
        code = "E022"
        try:
            form = parameters_form(loaded)
            form()
            # Old pipelines may declare flags and take none: the runner leaves them out.
            names = list(form.base_fields) if loaded.Parameters is not None else []
            if unknown := _not_taken(loaded.do_pipeline, names):
                problem = f"do_pipeline does not take its parameters {', '.join(unknown)}"
        except DatabaseError:
            pass  # it asks the database for choices, which is away just now: not the plugin's fault
        except Exception as error:  # noqa: BLE001 - the form is the plugin's code
            problem = f"its parameters are not in order: {str(error).rstrip('.')}"
    if not problem:
        checked: type[PipelineProcess] = loaded
        return checked
    return Fault(
        id=check_id(code),
        what=(
            f"The pipeline {entry.name!r} of {entry.where} ({entry.target}) cannot be used: "
            f"{problem}."
        ),
        where=entry.where,
        hint=(
            "Name a class that inherits from PipelineProcess and writes do_pipeline."
            if code == "E021"
            else "Its Parameters or flags and the arguments of do_pipeline must fit each other."
        ),
        subject=entry.name,
    )


def _not_taken(function: Any, names: list[str]) -> list[str]:
    """Return the names that cannot be passed to a function as keywords."""
    parameters = inspect.signature(function).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return []
    taken = {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    return [name for name in names if name not in taken]
