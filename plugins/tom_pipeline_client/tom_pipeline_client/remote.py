"""
The commands: ``submit``, ``follow``, ``cancel``, ``outputs`` and what helps to use them.

``tom-pipelines remote …`` where the core is installed, ``tom-pipelines-remote …`` anywhere.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tom_pipeline_client.client import Client, Process
from tom_pipeline_client.errors import ApiError, DownloadError, ProcessFailed, Unreachable

HELP = "submit, follow and fetch processes of a TOM elsewhere"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the commands on a parser, which may be one of a larger program."""
    parser.add_argument("--url", default=os.environ.get("TOM_URL", ""), help="of the TOM (TOM_URL)")
    # A token on the command line can be read by everybody on the machine.
    parser.add_argument(
        "--token-file", type=Path, help="file that holds the token; else the variable TOM_TOKEN"
    )
    commands = parser.add_subparsers(dest="remote_command", required=True, metavar="COMMAND")

    command = commands.add_parser("pipelines", help="list the pipelines")
    command.add_argument("name", nargs="?", help="show the parameters of this one")

    command = commands.add_parser("submit", help="submit a process")
    command.add_argument("pipeline")
    command.add_argument("--target", required=True, help="name or number")
    command.add_argument(
        "--product", type=int, action="append", metavar="NUMBER", help="a file; may be repeated"
    )
    command.add_argument(
        "--filter",
        action="append",
        metavar="NAME=VALUE",
        help="all files with this name (*, ?), type, band, instrument or group; may be repeated",
    )
    command.add_argument(
        "-p", "--parameter", action="append", default=[], metavar="NAME=VALUE",
        help="VALUE is JSON, or else text; may be repeated",
    )  # fmt: skip
    command.add_argument("--follow", action="store_true", help="show the log until the end")
    command.add_argument("--check", action="store_true", help="only say whether it would be taken")

    for name, text in (
        ("status", "show a process"),
        ("follow", "show the log of a process until it ends"),
        ("cancel", "cancel a process"),
        ("outputs", "list or download what a process saved"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("process", type=int)
        if name == "outputs":
            command.add_argument(
                "--download", type=Path, metavar="FOLDER", help="download all files into a folder"
            )


def execute(options: argparse.Namespace) -> int:
    """Do what was asked; returns 0 for success, 1 if a process failed or the site refused, 2 for misuse."""
    try:
        with Client(options.url, _token(options)) as client:
            return _COMMANDS[options.remote_command](client, options)
    except (ValueError, OSError) as error:
        if isinstance(error, TimeoutError):
            raise
        _say(f"error: {error}")
        return 2
    except (ApiError, DownloadError, ProcessFailed, Unreachable) as error:
        _say(f"error: {error}")
        return 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``tom-pipelines-remote`` and return its exit code."""
    parser = argparse.ArgumentParser(prog="tom-pipelines-remote", description=HELP)
    add_arguments(parser)
    try:
        return execute(parser.parse_args(arguments))
    except KeyboardInterrupt:
        _say("\nInterrupted; the process goes on.")
        return 130


def _token(options: argparse.Namespace) -> str:
    if not options.url:
        raise ValueError("Say which TOM: --url https://…, or the variable TOM_URL.")
    if options.token_file is not None:
        return str(options.token_file.read_text().strip())
    token = os.environ.get("TOM_TOKEN", "")
    if not token:
        raise ValueError(
            "Put the token of your profile page into the variable TOM_TOKEN, or into a file and "
            "name it with --token-file."
        )
    return token


def _pairs(texts: Sequence[str] | None) -> dict[str, str]:
    found = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise ValueError(f"{text!r} is not NAME=VALUE.")
        found[name] = value
    return found


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _pipelines(client: Client, options: argparse.Namespace) -> int:
    if options.name:
        pipeline = client.pipeline(options.name)
        _print(pipeline.description)
        _print(json.dumps(pipeline.parameters, indent=2, ensure_ascii=False))
    else:
        for pipeline in client.pipelines():
            _print(f"{pipeline.name}\t{pipeline.distribution} {pipeline.version}")
    return 0


def _submit(client: Client, options: argparse.Namespace) -> int:
    target = int(options.target) if options.target.isdigit() else client.target(options.target)
    asked: dict[str, Any] = {
        "target": target,
        "products": options.product,
        "match": _pairs(options.filter) or None,
        "parameters": {name: _value(text) for name, text in _pairs(options.parameter).items()},
    }
    if options.check:
        answer = client.check(options.pipeline, **asked)
        for name, messages in answer["errors"].items():
            for message in messages:
                _say(message if name == "__all__" else f"{name}: {message}")
        if answer["accepted"]:
            _print(f"would run on {answer['products']} files")
        return 0 if answer["accepted"] else 1
    process = client.submit(options.pipeline, **asked)
    _print(f"{process.id}\t{process.page}")
    return _until_the_end(process) if options.follow else 0


def _until_the_end(process: Process) -> int:
    for line in process.follow():
        _print(f"{line.time:%H:%M:%S} {line.text}")
    _say(f"{process.state}{': ' if process.failure_message else ''}{process.failure_message}")
    return 0 if process.state == "succeeded" else 1


def _status(client: Client, options: argparse.Namespace) -> int:
    process = client.process(options.process)
    done, total = process.progress
    count = f" {done or 0:g}/{total:g}" if total else ""
    _print(f"{process.state}{count} {process.status}")
    if process.failure_message:
        _print(process.failure_message)
    return 1 if process.state in ("failed", "cancelled") else 0


def _follow(client: Client, options: argparse.Namespace) -> int:
    return _until_the_end(client.process(options.process))


def _cancel(client: Client, options: argparse.Namespace) -> int:
    process = client.process(options.process)
    process.cancel()
    _print(process.state)
    return 0


def _outputs(client: Client, options: argparse.Namespace) -> int:
    process = client.process(options.process)
    if options.download is not None:
        for path in process.download_all(options.download):
            _print(str(path))
        return 0
    for output in process.outputs:
        _print(f"{output.id}\t{output.kind}\t{output.size or ''}\t{output.name}")
    return 0


_COMMANDS = {
    "pipelines": _pipelines,
    "submit": _submit,
    "status": _status,
    "follow": _follow,
    "cancel": _cancel,
    "outputs": _outputs,
}


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
