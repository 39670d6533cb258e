"""Choose the command and turn its errors into one line and an exit code."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from importlib_metadata import entry_points

from tom_pipeline_core import __version__
from tom_pipeline_core.cli import check, listing, new, run
from tom_pipeline_core.cli.errors import UsageError

COMMANDS: dict[str, Any] = {"new": new, "run": run, "check": check, "list": listing}

GROUP = "tom_pipeline_core.cli"
"""Entry points of further commands: modules with ``HELP``, ``add_arguments`` and ``execute``."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``tom-pipelines`` and return its exit code."""
    parser = argparse.ArgumentParser(
        prog="tom-pipelines", description="Write, run and check pipelines for TOMs."
    )
    parser.add_argument("--version", action="version", version=f"tom-pipeline-core {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    found = sys.argv[1:] if arguments is None else list(arguments)
    modules = {**_commands_of_others(found), **COMMANDS}
    for name, module in modules.items():
        help_text = module.HELP
        command = commands.add_parser(name, help=help_text, description=help_text)
        module.add_arguments(command)
    options = parser.parse_args(_with_southern(found))
    try:
        code: int = modules[options.command].execute(options)
        return code
    except UsageError as error:
        sys.stderr.write(f"tom-pipelines {options.command}: error: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("\nInterrupted; nothing was kept.\n")
        return 130


class _Unloaded:
    """A command of another distribution that is only listed: it is imported when it is used."""

    def __init__(self, distribution: str) -> None:
        self.HELP = f"(of {distribution})"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        return None


def _commands_of_others(arguments: Sequence[str]) -> dict[str, Any]:
    chosen = next((text for text in arguments if not text.startswith("-")), "")
    return {
        entry.name: entry.load()
        if entry.name == chosen
        else _Unloaded(entry.dist.name if entry.dist is not None else entry.value)
        for entry in entry_points(group=GROUP)
    }


def _with_southern(arguments: Sequence[str]) -> list[str]:
    """Join ``--dec -46:41:24`` by an equals sign: argparse takes the declination for an option."""
    joined: list[str] = []
    for argument in arguments:
        if joined and joined[-1] in ("--ra", "--dec") and argument[:1] == "-":
            joined[-1] += f"={argument}"
        else:
            joined.append(argument)
    return joined
