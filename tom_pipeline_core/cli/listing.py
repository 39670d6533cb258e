"""``tom-pipelines list``: what is installed in this environment."""

from __future__ import annotations

import argparse
import json
import sys

from tom_pipeline_core import standalone

HELP = "list the pipelines that are installed here"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("--json", action="store_true", help="machine-readable output")


def execute(options: argparse.Namespace) -> int:
    """Run the command."""
    with standalone.start():
        from tom_pipeline_core import registry

        rows = [
            {
                "name": row.name,
                "qualified_id": row.qualified_id,
                "version": row.version,
                "target": row.target,
                "state": row.state,
                "reason": row.reason,
            }
            for row in registry.listing()
        ]
    if options.json:
        sys.stdout.write(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")
        return 0
    if not rows:
        sys.stdout.write(
            "No pipeline is installed here. Write one: tom-pipelines new my_pipeline\n"
        )
    for row in rows:
        state = "" if row["state"] == "ok" else f"  [{row['state']}: {row['reason']}]"
        sys.stdout.write(f"{row['name']}  ({row['qualified_id']} {row['version']}){state}\n")
    return 0
