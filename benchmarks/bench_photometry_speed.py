"""
How quick is example_photometry, beside the reading of the frames and beside photutils?

    python benchmarks/bench_photometry_speed.py [--frames 100] [--side 2048] [--photutils-frames 2]

Makes its own frames. All times are processor times of one run on the same files, so that other
work on the machine matters little; only "two workers" is by the clock. Ratios count:

detection   one frame of 4096x4096 with 2,000 stars: at least 10 times quicker than photutils
series      target and 60 stars on frames of 2048x2048: at most 5 times the reading of the frames,
            and at least 25 times quicker than photutils
workers     two processes at least 1.4 times as quick as one
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.stats import SigmaClip, sigma_clipped_stats
from example_photometry.catalogue import make_catalogue
from example_photometry.frames import inspect, read
from example_photometry.series import FilterSeries, measure_series
from example_photometry.target import Target
from numpy.typing import NDArray

from tom_pipeline_core.testing.frames import Series, make_series


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--side", type=int, default=2048)
    parser.add_argument("--large-side", type=int, default=4096)
    parser.add_argument("--photutils-frames", type=int, default=2, help="it is slow")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory(prefix="bench-photometry-") as folder:
        one_frame(Path(folder), options.large_side)
        series(Path(folder), options.frames, options.side, options.photutils_frames)


def cpu(work: Callable[[], Any]) -> tuple[float, Any]:
    """Processor seconds of a piece of work, and what it gave."""
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def one_frame(folder: Path, side: int) -> None:
    made = make_series(
        folder / "large", n_frames=1, shape=(side, side), n_stars=2000, container="float32",
        cosmic_rays=100,
    )  # fmt: skip
    path = made.paths[0]
    read_one(path)  # warm
    ours, table = min((cpu(lambda: catalogue(path)) for _ in range(3)), key=lambda run: run[0])
    theirs, found = cpu(lambda: photutils_frame(path))
    print(f"\n{side}x{side}: {len(table)} sources here, {len(found)} by photutils")
    print(f"  detection and photometry {ours:.2f} s; photutils {theirs:.2f} s")
    print(f"  photutils / ours: {theirs / ours:.1f}   (at least 10)")


def catalogue(path: Path) -> Any:
    return make_catalogue(read(inspect(path)))


def read_one(path: Path) -> Any:
    with fits.open(path, memmap=False) as hdus:
        return np.ascontiguousarray(hdus[0].data, dtype=np.float32)


def photutils_frame(path: Path) -> Any:
    """The straightforward way: background map, DAOStarFinder, circles and clipped rings."""
    from photutils.background import Background2D, SExtractorBackground
    from photutils.detection import DAOStarFinder

    data = read_one(path).astype(float)
    _, _, noise = sigma_clipped_stats(data)
    sky = Background2D(data, 64, filter_size=3, bkg_estimator=SExtractorBackground())
    sources = DAOStarFinder(fwhm=3.2, threshold=5 * noise)(data - sky.background)
    assert sources is not None
    names = [n for n in ("x_centroid", "xcentroid") if n in sources.colnames]
    x = np.asarray(sources[names[0]])
    y = np.asarray(sources[names[0].replace("x", "y", 1)])
    return photutils_apertures(data, x, y, (5.0,))


def photutils_apertures(
    data: NDArray[Any], x: NDArray[Any], y: NDArray[Any], radii: tuple[float, ...]
) -> Any:
    from photutils.aperture import (
        ApertureStats,
        CircularAnnulus,
        CircularAperture,
        aperture_photometry,
    )

    places = np.column_stack([x, y])
    ring = ApertureStats(data, CircularAnnulus(places, 13, 22), sigma_clip=SigmaClip(3))
    circles = [CircularAperture(places, radius) for radius in radii]
    table = aperture_photometry(data, circles, method="exact")
    table["sky"] = ring.median
    return table


def series(folder: Path, frames: int, side: int, slow_frames: int) -> None:
    made = make_series(
        folder / "series", n_frames=frames, shape=(side, side), n_stars=600, cadence=90,
        container="float32", cosmic_rays=60,
    )  # fmt: skip
    for path in made.paths:
        read_one(path)  # warm the file cache
    reading, _ = cpu(lambda: [read_one(path) is None for path in made.paths])
    started = time.perf_counter()
    ours, found = cpu(lambda: measure(made, 1))
    alone = time.perf_counter() - started
    started = time.perf_counter()
    measure(made, 2)
    together = time.perf_counter() - started
    some = made.paths[:slow_frames]
    theirs, _ = cpu(lambda: [photutils_series_frame(path, found) for path in some])
    theirs *= frames / len(some)
    print(f"\n{frames} frames of {side}x{side}, target and {len(found.field) - 1} stars")
    print(f"  reading {reading:.2f} s; series {ours:.2f} s; photutils {theirs:.1f} s", end="")
    print(f" (from {len(some)} frames)")
    print(f"  series / reading: {ours / reading:.2f}   (at most 5)")
    print(f"  photutils / series: {theirs / ours:.1f}   (at least 25)")
    print(f"  by the clock: one process {alone:.1f} s, two {together:.1f} s")
    print(f"  one / two: {alone / together:.2f}   (at least 1.4, on two idle cores)")


def measure(made: Series, workers: int) -> FilterSeries:
    target = Target(made.target_ra, made.target_dec)
    (found,) = measure_series(made.paths, target, workers=workers)
    return found


def photutils_series_frame(path: Path, found: FilterSeries) -> Any:
    """Find all stars on each frame, then measure those that are wanted in eight circles."""
    from photutils.background import Background2D, SExtractorBackground
    from photutils.centroids import centroid_2dg, centroid_sources
    from photutils.detection import DAOStarFinder

    data = read_one(path).astype(float)
    _, _, noise = sigma_clipped_stats(data)
    sky = Background2D(data, 64, filter_size=3, bkg_estimator=SExtractorBackground())
    DAOStarFinder(fwhm=3.2, threshold=5 * noise)(data - sky.background)
    result = next(r for r in found.curve.results if r.info.path == path)
    x, y = centroid_sources(
        data - sky.background, result.x, result.y, box_size=11, centroid_func=centroid_2dg
    )
    return photutils_apertures(data, x, y, tuple(result.radii))


if __name__ == "__main__":
    main()
