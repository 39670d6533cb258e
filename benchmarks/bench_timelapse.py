"""
What a timelapse costs beside reading and scaling its frames, and whether memory stays flat.

    python benchmarks/bench_timelapse.py [--frames N] [--side PIXELS]

Prints seconds a frame of each format with their ratio to reading and scaling alone, and the peak
memory at 20 and at 200 frames, ffmpeg included.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from astropy.io import fits

ROOT = Path(__file__).resolve().parent.parent
SIZE = 500


def make_frames(folder: Path, count: int, side: int) -> list[Path]:
    """Write frames of noise and some stars, as 16-bit integers as cameras do."""
    rng = np.random.default_rng(1)
    start = datetime(2026, 1, 1)  # noqa: DTZ001 - written into a header, which has no zone
    paths = []
    for number in range(count):
        data = rng.normal(300, 10, (side, side))
        for y, x in rng.integers(10, side - 10, (50, 2)):
            data[y - 2 : y + 3, x - 2 : x + 3] += 2000
        hdu = fits.PrimaryHDU(data.astype(np.uint16))
        hdu.header["DATE-OBS"] = (start + timedelta(minutes=number)).isoformat()
        paths.append(folder / f"frame{number:04}.fits")
        hdu.writeto(paths[-1])
    return paths


def run(task: str, folder: Path, count: int) -> dict[str, float]:
    """Do a task in a process of its own, so that its peak memory is its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--task", task, "--folder", str(folder), "--frames", str(count)],
        capture_output=True,
        text=True,
        check=True,
    )
    answer: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return answer


def do(task: str, folder: Path, count: int) -> None:
    """Run in the child: read and scale alone, or write a movie."""
    sys.path.insert(0, str(ROOT / "plugins/tom_education"))
    from tom_education.timelapse import frames, movie, pixels

    paths = sorted(folder.glob("*.fits"))[:count]
    fmt, _, background = task.partition("+")
    began = time.perf_counter()
    found = sorted((frames.inspect(path, path.name) for path in paths), key=lambda f: f.time)
    if task == "read":
        for frame in found:
            pixels.fit(frames.read(frame)[0], SIZE)
    else:
        with movie.Movie(folder / f"t.{fmt}", fmt, 10) as target:
            for frame in found:
                data, _header = frames.read(frame)
                if background:
                    data = pixels.normalise_background(data)
                target.append(pixels.to_grey(pixels.fit(data, SIZE)))
    seconds = time.perf_counter() - began
    peaks = [
        resource.getrusage(who).ru_maxrss / 1024
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    ]
    print(json.dumps({"seconds": seconds / count, "self": peaks[0], "ffmpeg": peaks[1]}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--task", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.task:
        do(options.task, options.folder, options.frames)
        return
    print(f"Python {platform.python_version()}, numpy {np.__version__}, {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_frames(folder, max(options.frames, 200), options.side)
        run("read", folder, 5)  # warms the file cache and the compiled modules
        alone = min(run("read", folder, options.frames)["seconds"] for _ in range(3))
        print(
            f"{options.frames} frames of {options.side}x{options.side} pixels, longer side {SIZE}"
        )
        print(f"  reading and scaling alone   {alone * 1000:7.1f} ms a frame")
        for task, repeats in (("gif", 3), ("mp4", 2), ("webm", 1), ("gif+background", 1)):
            took = min(run(task, folder, options.frames)["seconds"] for _ in range(repeats))
            print(f"  {task:27} {took * 1000:7.1f} ms a frame, {took / alone:5.2f} times that")
        for task in ("gif", "mp4", "webm"):
            few, many = run(task, folder, 20), run(task, folder, 200)
            print(
                f"  {task} peak memory: {few['self']:.0f} MB at 20 frames, {many['self']:.0f} MB at "
                f"200, ratio {many['self'] / few['self']:.2f}; ffmpeg {few['ffmpeg']:.0f} and "
                f"{many['ffmpeg']:.0f} MB, ratio {many['ffmpeg'] / few['ffmpeg']:.2f}"
            )


if __name__ == "__main__":
    main()
