"""
What does it cost to know the installed pipelines?

    python benchmarks/bench_registry.py [--distributions 300] [--rounds 7]

Installs that many distributions into a folder (METADATA of 10 kB, entry points in a quarter of them),
ten of them plugins. In fresh processes with Django and tomtoolkit loaded, the first call of each is
timed: the bare ``importlib_metadata.entry_points()``, the registry, and importing the ten classes.
The pipelines import what pipelines import: astropy, scipy, matplotlib. Prints medians and ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLUGINS = 10
HEAVY = (
    "astropy.modeling", "astropy.stats", "astropy.timeseries", "astropy.convolution",
    "astropy.visualization", "scipy.optimize", "scipy.ndimage", "scipy.signal",
    "scipy.interpolate", "matplotlib.figure",
)  # fmt: skip
SOURCE = """
import {heavy}
from tom_pipeline_core.models import PipelineProcess

class Pipeline{number}(PipelineProcess):
    def do_pipeline(self, tmpdir):
        return []
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--distributions", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--measure", choices=MEASURES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(options.measure)
        return
    with tempfile.TemporaryDirectory(prefix="bench-registry-") as folder:
        install(Path(folder), options.distributions)
        compare(Path(folder), options.distributions, options.rounds)


def install(folder: Path, distributions: int) -> None:
    filler = "".join(f"Line {number} of a long description.\n" for number in range(300))
    for number in range(distributions):
        info = folder / f"distribution_{number}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: distribution-{number}\nVersion: 1.0\n"
            f"Requires-Dist: tom-pipeline-core>=0.1\n\n{filler}"
        )
        if number < PLUGINS:
            (info / "entry_points.txt").write_text(
                f"[tom_pipeline_core.pipelines]\nbench {number} = bench_{number}:Pipeline{number}\n"
            )
            (folder / f"bench_{number}.py").write_text(
                SOURCE.format(number=number, heavy=HEAVY[number])
            )
        elif number % 4 == 0:
            (info / "entry_points.txt").write_text("[console_scripts]\ntool = tool:main\n")


def compare(folder: Path, distributions: int, rounds: int) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]),
        "DJANGO_SETTINGS_MODULE": "tests.settings",
    }
    times: dict[str, list[float]] = {name: [] for name in MEASURES}
    for _ in range(rounds):
        for name in MEASURES:  # in turn, so that a busy machine is unfair to all
            done = subprocess.run(
                [sys.executable, __file__, "--measure", name],
                check=True, capture_output=True, text=True, env=environment,
            )  # fmt: skip
            times[name].append(json.loads(done.stdout)["seconds"])
    median = {name: statistics.median(values) for name, values in times.items()}
    print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} processors")
    print(f"{distributions} distributions, {PLUGINS} of them plugins, median of {rounds} processes")
    for name, seconds in median.items():
        print(f"  {name:<14}{seconds * 1000:9.1f} ms")
    print(f"registry / bare entry_points():   {median['registry'] / median['entry_points']:.2f}")
    print(f"importing the classes / registry: {median['classes'] / median['registry']:.1f}")


def measure(name: str) -> None:
    import django

    django.setup()
    import importlib_metadata

    from tom_pipeline_core import registry

    wanted = [f"distribution-{number}:bench {number}" for number in range(PLUGINS)]
    if name == "classes":
        registry.entries()
    started = time.perf_counter()
    if name == "entry_points":
        importlib_metadata.entry_points()
    elif name == "registry":
        found = registry.entries()
    else:
        for pipeline in wanted:
            registry.load(pipeline)
    seconds = time.perf_counter() - started
    if name == "registry":
        assert sum(entry.name.startswith("bench ") for entry in found.values()) == PLUGINS
    print(json.dumps({"seconds": seconds}))


MEASURES = ("entry_points", "registry", "classes")

if __name__ == "__main__":
    main()
