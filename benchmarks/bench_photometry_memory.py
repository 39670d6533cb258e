"""
Does the memory of a light curve grow with the number of frames?

    python benchmarks/bench_photometry_memory.py [--few 20] [--many 200] [--side 1024]

Measures each series in a process of its own and prints the ratio of the peaks (below 1.2).
"""

from __future__ import annotations

import argparse
import platform
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from example_photometry.series import measure_series
from example_photometry.target import Target

from tom_pipeline_core.testing.frames import make_series


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--few", type=int, default=20)
    parser.add_argument("--many", type=int, default=200)
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--measure", nargs=4, metavar=("FOLDER", "N", "RA", "DEC"))
    options = parser.parse_args()
    if options.measure:
        measure(*options.measure)
        return
    print(f"Python {platform.python_version()}, {platform.machine()}")
    with tempfile.TemporaryDirectory(prefix="bench-photometry-") as folder:
        made = make_series(
            folder, n_frames=options.many, shape=(options.side, options.side), n_stars=150,
            cadence=60, container="float32",
        )  # fmt: skip
        peaks = {}
        for count in (options.few, options.many):
            command = [sys.executable, __file__, "--measure", folder, str(count)]
            command += [str(made.target_ra), str(made.target_dec)]
            answer = subprocess.run(command, check=True, capture_output=True, text=True)
            peaks[count] = float(answer.stdout)
            print(f"  {count:4d} frames of {options.side}x{options.side}: {peaks[count]:.0f} MB")
    print(f"  ratio: {peaks[options.many] / peaks[options.few]:.3f}   (below 1.2)")


def measure(folder: str, count: str, ra: str, dec: str) -> None:
    paths = sorted(Path(folder).glob("*.fits"))[: int(count)]
    measure_series(paths, Target(float(ra), float(dec)))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


if __name__ == "__main__":
    main()
