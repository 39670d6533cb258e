"""
The soak: processes under random kills on SQLite, Redis and PostgreSQL, and with guards removed.

::

    python -m tests.faults.soak                 # what `make faults` runs
    python -m tests.faults.soak --processes 2000 --storages postgres --no-controls

Prints ``lost N doubled N partial N stuck N`` per storage, judged from a journal that the pipelines
themselves write. Then each guard of the protocol is taken out in turn: a campaign that does not
notice proves nothing. The exit code is 0 if all numbers are zero and every mutant was caught.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults.campaign import summary

KILLS = [*["run"] * 4, *["guard"] * 4, "parent", *["worker"] * 3, *["message"] * 2]
FAULTS = {
    "sqlite": KILLS,
    "redis": [*KILLS, "redis"],
    "postgres": [*KILLS, "postgres"],
}


@dataclass(frozen=True)
class Control:
    """How a missing guard is provoked, and which numbers may show it."""

    mutant: str
    storage: str
    arguments: tuple[str, ...]
    shows: tuple[str, ...]


CONTROLS = (
    Control(
        "claim", "sqlite",
        ("--processes", "40", "--pause", "3", "--faults", "message"),
        ("doubled",),
    ),
    Control(
        "fence", "sqlite",
        ("--processes", "12", "--long", "0.8", "--lease", "6", "--pause", "14", "--limit", "150",
         "--faults", "freeze"),
        ("lost", "doubled", "partial"),
    ),
    Control(
        "lease", "sqlite",
        ("--processes", "12", "--long", "0.8", "--lease", "6", "--pause", "14", "--limit", "150",
         "--faults", "freeze"),
        ("doubled",),
    ),
    Control(
        "transaction", "sqlite",
        ("--processes", "60", "--pause", "0.3", "--faults", "run"),
        ("partial",),
    ),
    Control(
        "clock", "sqlite",
        ("--processes", "24", "--long", "0.6", "--pause", "5", "--faults", "message"),
        ("lost", "doubled", "partial", "stuck"),
    ),
    Control(
        "watchdog", "postgres",
        ("--processes", "30", "--long", "0.5", "--pause", "10", "--limit", "45", "--faults",
         "silence"),
        ("stuck",),
    ),
)  # fmt: skip


def campaign(storage: str, seed: int, *arguments: str) -> dict[str, Any]:
    """Run one campaign in a process of its own; return its result."""
    with tempfile.TemporaryDirectory(
        prefix="tom-pipelines-soak-", ignore_cleanup_errors=True
    ) as folder:
        ended = subprocess.run(
            [
                sys.executable, "-m", "tests.faults.campaign",
                "--storage", storage, "--seed", str(seed), *arguments,
            ],
            env={**os.environ, "SOAK_FOLDER": folder},
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )  # fmt: skip
        if ended.returncode != 0:
            log = Path(folder) / "workers.log"
            tail = log.read_text(errors="replace")[-3000:] if log.exists() else ""
            raise SystemExit(f"The campaign itself failed on {storage}:\n{tail}")
    result: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return result


def numbers(result: dict[str, Any]) -> str:
    return " ".join(f"{name} {result[name]}" for name in ("lost", "doubled", "partial", "stuck"))


def soak(storage: str, seed: int, processes: int) -> bool:
    """Run the campaign proper on one storage; whether all is well."""
    began = time.monotonic()
    result = campaign(storage, seed, "--processes", str(processes), "--faults", *FAULTS[storage])
    print(f"{storage}: {numbers(result)}")
    print(
        f"  {result['processes']} processes, {result['executions']} runs, "
        f"{sum(result['faults'].values())} faults {result['faults']}, ended {result['states']}, "
        f"{time.monotonic() - began:.0f} s, seed {seed}"
    )
    print(f"  {summary(result['recovery'])}", flush=True)
    for detail in result["details"][:20]:
        print(f"  {detail}")
    return not any(result[name] for name in ("lost", "doubled", "partial", "stuck"))


def control(one: Control, seed: int) -> bool:
    """Run one mutant, up to three times; whether it was caught."""
    for tried in range(3):
        result = campaign(one.storage, seed + tried, "--mutant", one.mutant, *one.arguments)
        if any(result[name] for name in one.shows):
            print(f"without {one.mutant}: {numbers(result)} - caught", flush=True)
            return True
    print(f"without {one.mutant}: {numbers(result)} - NOT CAUGHT", flush=True)
    return False


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--processes", type=int, default=170, help="per storage")
    parser.add_argument("--storages", nargs="*", choices=list(FAULTS), default=list(FAULTS))
    parser.add_argument("--controls", nargs="*", choices=[one.mutant for one in CONTROLS])
    parser.add_argument("--no-controls", action="store_true")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = parser.parse_args()
    good = [soak(storage, options.seed, options.processes) for storage in options.storages]
    if not options.no_controls:
        wanted = options.controls or [one.mutant for one in CONTROLS]
        good += [control(one, options.seed) for one in CONTROLS if one.mutant in wanted]
    return 0 if all(good) else 1


if __name__ == "__main__":
    raise SystemExit(main())
