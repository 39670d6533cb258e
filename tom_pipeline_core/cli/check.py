"""``tom-pipelines check``: is this package ready for others?"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import importlib_metadata
from packaging.requirements import InvalidRequirement, Requirement

from tom_pipeline_core import conf, discovery, standalone
from tom_pipeline_core.cli.errors import UsageError
from tom_pipeline_core.cli.run import parameters_of, typed
from tom_pipeline_core.exceptions import PipelineError
from tom_pipeline_core.registry.editable import declared_entry_points, read_project

HELP = "check a package: metadata, entry points, class, and runs on synthetic frames"

OK, NOTE, WRONG = "ok", "note", "WRONG"
Finding = tuple[str, str]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument(
        "folder", nargs="?", type=Path, default=Path(), help="with the pyproject.toml (.)"
    )
    parser.add_argument("--no-run", action="store_true", help="look only, run nothing")
    parser.add_argument(
        "--file", action="append", type=Path, default=[], metavar="FILE",
        help="run on this file instead of synthetic frames; may be repeated",
    )  # fmt: skip
    parser.add_argument("--ra", type=float, help="of the target on those files, ICRS degrees")
    parser.add_argument("--dec", type=float, help="of the target on those files, ICRS degrees")
    parser.add_argument(
        "-p", "--parameter", action="append", default=[], metavar="NAME=VALUE",
        help="set a parameter of the runs; may be repeated",
    )  # fmt: skip


def execute(options: argparse.Namespace) -> int:
    """Run the command."""
    path = options.folder / "pyproject.toml"
    project = read_project(path)
    if project is None:
        raise UsageError(f"there is no {path} with a table [project]")
    for given in options.file:
        if not given.is_file():
            raise UsageError(f"there is no file {given}")
    wrong = 0
    for level, text in _findings(project, options):
        wrong += level == WRONG
        sys.stdout.write(f"{level:>5}  {text}\n")
        sys.stdout.flush()
    if wrong:
        sys.stdout.write(f"\n{wrong} {'thing is' if wrong == 1 else 'things are'} to be mended.\n")
    return 1 if wrong else 0


def _findings(project: dict[str, Any], options: argparse.Namespace) -> Iterator[Finding]:
    yield from _metadata(project)
    declared = declared_entry_points(project)
    if declared is None:
        yield NOTE, "The entry points are dynamic; they are taken as installed."
    elif not declared:
        yield WRONG, f'No entry point: add [project.entry-points."{discovery.PIPELINES}"].'
        return
    installed = list(_installation(project, declared))
    yield from installed
    if any(level == WRONG for level, _ in installed):
        yield NOTE, "Nothing was imported or run; that needs the installed package."
        return
    yield from _pipelines(project["name"], options)


def _metadata(project: dict[str, Any]) -> Iterator[Finding]:
    name = str(project.get("name", ""))
    if not name:
        yield WRONG, "[project] has no name."
        return
    if "version" not in project and "version" not in project.get("dynamic", ()):
        yield WRONG, "[project] has no version."
    yield OK, f"The distribution is {name} {project.get('version', '(dynamic version)')}."
    if not conf.normalise(name).startswith("tom-pipeline"):
        yield NOTE, "A name that begins with tom-pipeline- is found more easily."
    if "tom-pipeline" not in project.get("keywords", ()):
        yield NOTE, 'The keyword "tom-pipeline" lets others find it.'
    if not project.get("license") and "license" not in project.get("dynamic", ()):
        yield NOTE, "No license is stated: nobody may use it."
    yield from _requirement(project)


def _requirement(project: dict[str, Any]) -> Iterator[Finding]:
    if "dependencies" in project.get("dynamic", ()):
        return
    for line in project.get("dependencies", ()):
        try:
            requirement = Requirement(line)
        except InvalidRequirement as error:
            yield WRONG, f"The dependency {line!r} cannot be read: {error}"
            continue
        if conf.normalise(requirement.name) == discovery.CORE:
            if requirement.specifier:
                yield OK, f"It requires {requirement}."
            else:
                yield NOTE, f"It requires any {requirement}; name the version it was made for."
            return
    yield WRONG, f"It does not require {discovery.CORE}: add it to dependencies."


def _installation(
    project: dict[str, Any], declared: dict[tuple[str, str], str] | None
) -> Iterator[Finding]:
    name = project["name"]
    try:
        distribution = importlib_metadata.distribution(name)
    except importlib_metadata.PackageNotFoundError:
        yield WRONG, f"{name} is not installed here: pip install -e ."
        return
    text = distribution.read_text("entry_points.txt") or ""
    present = {(group, key): value for group, key, value in discovery.entry_points(text)}
    if declared is not None and present != declared:
        changed = sorted(
            key
            for group, key in {*present, *declared}
            if present.get((group, key)) != declared.get((group, key))
        )
        yield WRONG, f"What is installed is out of date ({', '.join(changed)}): pip install -e ."
    else:
        yield OK, f"{name} {distribution.version} is installed and up to date."


def _pipelines(name: str, options: argparse.Namespace) -> Iterator[Finding]:
    with standalone.start():
        from tom_pipeline_core import hooks, registry

        mine = [
            entry
            for entry in registry.listing()
            if conf.normalise(entry.distribution) == conf.normalise(name)
        ]
        for fault in hooks.faults():
            if fault.where.startswith(f"{name} "):
                yield WRONG, f"{fault.what} {fault.hint}"
        for entry in mine:
            if not entry.usable:
                yield WRONG, f"{entry.name!r} cannot be used ({entry.state}): {entry.reason}"
                continue
            try:
                registry.load(entry.qualified_id)
            except PipelineError as error:
                yield WRONG, str(error)
                continue
            yield OK, f"{entry.name!r} is {entry.target}."
            if not options.no_run:
                yield from _runs(entry, options)


def _runs(entry: Any, options: argparse.Namespace) -> Iterator[Finding]:
    from tom_pipeline_core.testing.conditions import CONDITIONS, Broken, Case, NotTried
    from tom_pipeline_core.testing.frames import make_series

    folder = Path(tempfile.mkdtemp(prefix="tom-pipelines-check-"))
    try:
        files, ra, dec = options.file, options.ra, options.dec
        if not files:
            series = make_series(folder, n_frames=3)
            files, ra, dec = series.paths, series.target_ra, series.target_dec
        case = Case(
            pipeline=entry.qualified_id,
            files=files,
            ra=ra,
            dec=dec,
            parameters=typed(entry.qualified_id, parameters_of(options.parameter)),
        )
        for condition in CONDITIONS:
            sentence = (condition.__doc__ or "").strip()
            try:
                condition(case)
            except NotTried as reason:
                yield NOTE, f"Not tried: {sentence} ({reason})"
            except Broken as broken:
                yield WRONG, f"{sentence} {broken}"
            except PipelineError as error:
                yield WRONG, f"{sentence} It refused its input: {error} Name files by --file."
            else:
                yield OK, sentence
    finally:
        shutil.rmtree(folder, ignore_errors=True)
