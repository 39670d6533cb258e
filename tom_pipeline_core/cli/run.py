"""``tom-pipelines run``: one pipeline on files, from the shell."""

from __future__ import annotations

import argparse
import importlib
import re
import shutil
import sys
from pathlib import Path
from typing import Any

from tom_pipeline_core import standalone
from tom_pipeline_core.cli.errors import UsageError
from tom_pipeline_core.cli.terminal import Terminal
from tom_pipeline_core.exceptions import InvalidPipelineError, PipelineNotFound, SubmissionRefused

HELP = "run a pipeline on files, with no server and no settings"

CLASS_PATH = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("pipeline", help="name, qualified id, or module:Class")
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="input files")
    parser.add_argument("--ra", help="of the target: ICRS degrees, or hours as 2:04:10")
    parser.add_argument("--dec", help="of the target: ICRS degrees, or 46:41:24")
    parser.add_argument(
        "-p", "--parameter", action="append", default=[], metavar="NAME=VALUE",
        help="set a parameter; may be repeated, for a list of values too",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("out"), metavar="FOLDER",
        help="where outputs and the table of photometry go (out)",
    )  # fmt: skip
    parser.add_argument("--overwrite", action="store_true", help="write into a folder in use")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress, only warnings")
    parser.add_argument("--traceback", action="store_true", help="show where a pipeline failed")


def execute(options: argparse.Namespace) -> int:
    """Run the command."""
    for path in options.files:
        if not path.is_file():
            raise UsageError(f"there is no file {path}")
    folder: Path = options.output
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; choose a folder with -o")
    if not options.overwrite and folder.is_dir() and any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty; choose another with -o, or say --overwrite")
    values = parameters_of(options.parameter)
    ra, dec = _coordinates(options.ra, options.dec)
    sys.path.insert(0, str(Path.cwd()))  # console scripts do not see modules in the folder
    with standalone.start():
        terminal = Terminal(quiet=options.quiet)
        try:
            name = _known(options.pipeline)
            result = standalone.run(
                name,
                options.files,
                ra=ra,
                dec=dec,
                parameters=typed(name, values),
                listener=terminal,
            )
        except (SubmissionRefused, PipelineNotFound, InvalidPipelineError) as error:
            raise UsageError(str(error)) from error
        finally:
            terminal.end()
        if not result.ok:
            sys.stderr.write(f"{options.pipeline} failed: {result.message}\n")
            if options.traceback:
                sys.stderr.write(result.traceback)
            return 1
        _keep(result, folder)
    return 0


def parameters_of(pairs: list[str]) -> dict[str, list[str]]:
    """Return what stands in ``NAME=VALUE`` arguments, all values of a name together."""
    values: dict[str, list[str]] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise UsageError(f"-p {pair}: write NAME=VALUE")
        values.setdefault(name, []).append(value)
    return values


def _coordinates(ra: str | None, dec: str | None) -> tuple[float | None, float | None]:
    if (ra is None) != (dec is None):
        raise UsageError("give both --ra and --dec, or none")
    if ra is None:
        return None, None
    from astropy import units as u
    from astropy.coordinates import SkyCoord

    hours = re.search(r"[:hm ]", ra) is not None
    try:
        position = SkyCoord(ra, dec, unit=(u.hourangle if hours else u.deg, u.deg))
    except ValueError as error:
        raise UsageError(f"--ra {ra} --dec {dec} are no coordinates: {error}") from error
    return float(position.ra.deg), float(position.dec.deg)


def _known(pipeline: str) -> str:
    """Return the name under which the registry knows what was asked for."""
    from tom_pipeline_core import registry

    try:
        return registry.find(pipeline).qualified_id
    except PipelineNotFound:
        if not CLASS_PATH.fullmatch(pipeline):
            raise
    module = pipeline.partition(":")[0]
    try:
        importlib.import_module(module)
    except Exception as error:
        raise UsageError(
            f"{pipeline} cannot be imported: {type(error).__name__}: {error}"
        ) from error
    return standalone.register(pipeline)


def typed(name: str, values: dict[str, list[str]]) -> dict[str, Any]:
    """Return values as the form takes them: lists for lists, and what people write for booleans."""
    from django import forms

    from tom_pipeline_core import registry
    from tom_pipeline_core.parameters import parameters_form

    fields = parameters_form(registry.load(name)).base_fields
    typed: dict[str, Any] = {}
    for key, given in values.items():
        field = fields.get(key)
        several = isinstance(field, forms.MultipleChoiceField | forms.ModelMultipleChoiceField)
        if several:
            typed[key] = given
        elif len(given) > 1:
            raise UsageError(f"the parameter {key} takes one value, not {len(given)}")
        elif isinstance(field, forms.BooleanField):
            typed[key] = _truth(key, given[0])
        else:
            typed[key] = given[0]
    return typed


def _truth(key: str, text: str) -> bool:
    for answer, words in ((True, ("true", "yes", "on", "1")), (False, ("false", "no", "off", "0"))):
        if text.lower() in words:
            return answer
    raise UsageError(f"the parameter {key} is yes or no, not {text!r}")


def _keep(result: standalone.Result, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, path in result.outputs.items():
        shutil.copyfile(path, folder / name)
        sys.stdout.write(f"{folder / name}\n")
    if result.photometry is not None:
        table = folder / f"{result.process.short_name}_points.ecsv"
        result.photometry.write(table, format="ascii.ecsv", overwrite=True)
        sys.stdout.write(f"{table}\n\n")
        sys.stdout.write("\n".join(result.photometry.pformat(max_width=-1)) + "\n")
    for name, values in result.measurements.items():
        numbers = ", ".join(f"{value:.4g}" for value in values[:10])
        sys.stdout.write(f"{name}: {numbers}{' …' if len(values) > 10 else ''}\n")
    for name, reason in result.skipped.items():
        sys.stdout.write(f"skipped {name}: {reason}\n")
    if not result.outputs and result.photometry is None:
        sys.stdout.write("The pipeline succeeded and gave no output.\n")
