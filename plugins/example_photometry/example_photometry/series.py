"""
From files to light curves: check, choose a reference, measure every frame, combine.

Nothing is kept of a frame but its numbers, so memory does not grow with the frames' size times
their number.
"""

from __future__ import annotations

import hashlib
import itertools
import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from example_photometry.alignment import align
from example_photometry.detection import detect
from example_photometry.errors import FrameError, SeriesError
from example_photometry.field import Field, choose_reference, choose_stars
from example_photometry.forced import FrameResult, Plan, measure_frame
from example_photometry.frames import FrameInfo, inspect, read
from example_photometry.lightcurve import LightCurve, build
from example_photometry.settings import Settings
from example_photometry.target import Target


class Listener(Protocol):
    """Who wants to hear how it goes; every method may raise to stop the run."""

    def step(self, text: str) -> None:
        """A new step begins."""

    def progress(self, done: int, total: int, text: str) -> None:
        """So many frames of this step are done."""

    def skip(self, path: Path, reason: str) -> None:
        """A file is not used."""

    def note(self, text: str) -> None:
        """Something worth knowing."""


@dataclass
class Silent:
    """A listener that only remembers; for scripts and tests."""

    skipped: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def step(self, text: str) -> None: ...

    def progress(self, done: int, total: int, text: str) -> None: ...

    def skip(self, path: Path, reason: str) -> None:
        self.skipped[path.name] = reason

    def note(self, text: str) -> None:
        self.notes.append(text)


@dataclass(frozen=True)
class FilterSeries:
    """The outcome for one filter."""

    filter: str
    field: Field
    curve: LightCurve


def measure_series(
    paths: Sequence[Path],
    target: Target,
    settings: Settings | None = None,
    listener: Listener | None = None,
    workers: int = 1,
) -> list[FilterSeries]:
    """
    Measure a target on many frames: one light curve for each filter.

    Parameters
    ----------
    paths : sequence of path
    target : Target
    settings : Settings or None
    listener : Listener or None
    workers : int
        Processes; more than one pays for many large frames.

    Raises
    ------
    SeriesError
        If nothing could be measured, with the reasons counted.
    """
    settings, listener = settings or Settings(), listener or Silent()
    reasons: Counter[str] = Counter()
    left_out: set[Path] = set()

    def skip(path: Path, reason: str) -> None:
        left_out.add(path)
        reasons[reason.split(" (")[0].rstrip(".")] += 1
        listener.skip(path, reason)

    groups = check_files(paths, target, settings, listener, skip)
    if not groups:
        raise SeriesError(f"No frame could be measured: {_counted(reasons)}.")
    curves: list[FilterSeries] = []
    problems: list[str] = []
    lost: list[tuple[Path, str]] = []
    anchor: Field | None = None
    for name, infos in groups.items():
        try:
            chosen = _choose_field(infos, settings, listener, anchor)
            results = list(_measure(infos, Plan(chosen, settings, target), listener, skip, workers))
            if not results:
                raise SeriesError(f"No frame could be measured: {_counted(reasons)}.")
            if anchor is None and np.isfinite(chosen.scale):
                anchor = chosen
            listener.step(f"Building the light curve ({len(chosen) - 1} comparison stars)")
            curves.append(FilterSeries(name, chosen, build(results, chosen, settings, target)))
        except SeriesError as error:
            problems.append(f"Filter {name}: {error}" if len(groups) > 1 else str(error))
            lost.extend((info.path, str(error)) for info in infos if info.path not in left_out)
    if not curves:
        raise SeriesError(" ".join(problems))
    for path, reason in lost:
        skip(path, reason)
    return curves


def _counted(reasons: Counter[str]) -> str:
    return "; ".join(f"{count} x {reason}" for reason, count in reasons.most_common(5)) or "no file"


def check_files(
    paths: Sequence[Path],
    target: Target,
    settings: Settings,
    listener: Listener,
    skip: Callable[[Path, str], None],
) -> dict[str, list[FrameInfo]]:
    """Usable frames by filter, each in order of time; the largest group first."""
    listener.step(f"Checking {len(paths)} files")
    infos: list[FrameInfo] = []
    for done, path in enumerate(paths):
        listener.progress(done, len(paths), path.name)
        try:
            info = inspect(path, settings.overrides, target)
            _check_pointing(info)
        except FrameError as error:
            skip(path, str(error))
            continue
        if settings.filter and info.filter.lower() != settings.filter.lower():
            skip(path, f"filter {info.filter or 'unknown'}, not {settings.filter}.")
            continue
        for note in info.exposure.notes:
            listener.note(f"{info.name}: {note}")
        infos.append(info)
    if any(a.exposure.mid > b.exposure.mid for a, b in itertools.pairwise(infos)):
        listener.note("the files are not in order of time: sorted")
    infos.sort(key=lambda info: (info.exposure.mid.mjd, info.name))
    groups: dict[str, list[FrameInfo]] = {}
    for info in _without_duplicates(infos, skip):
        groups.setdefault(info.filter or "unknown", []).append(info)
    return dict(sorted(groups.items(), key=lambda item: -len(item[1])))


def _check_pointing(info: FrameInfo) -> None:
    if info.wcs_hdu < 0 or info.wcs_failed:
        return  # the stars will tell
    ny, nx = info.shape
    if info.at is None:
        raise FrameError(f"the target is {info.distance:.2f} deg from the middle of the image.")
    x, y = info.at
    # A WCS may be off by tens of pixels; what is further out than that is not on the image.
    slack = 0.1 * max(nx, ny)
    if not (-slack <= x < nx + slack and -slack <= y < ny + slack):
        outside = max(-x, -y, x - nx, y - ny)
        raise FrameError(f"the target is {outside:.0f} px outside the image.")


def _without_duplicates(
    infos: Iterable[FrameInfo], skip: Callable[[Path, str], None]
) -> Iterator[FrameInfo]:
    """Frames of the same time and the same bytes only once."""
    seen: dict[tuple[float, str], FrameInfo] = {}
    for info in infos:
        key = info.exposure.mid.mjd, info.filter
        other = seen.setdefault(key, info)
        if other is not info and _checksum(other.path) == _checksum(info.path):
            skip(info.path, f"same frame as {other.name} (identical time and content).")
            continue
        yield info


def _checksum(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _choose_field(
    infos: Sequence[FrameInfo], settings: Settings, listener: Listener, anchor: Field | None
) -> Field:
    """Reference and stars of one filter; ``anchor`` is another filter's, to align by."""
    listener.step("Choosing the reference frame")
    frame, sources = choose_reference(infos, settings)
    listener.step(f"Finding stars on {frame.info.name}")
    at = frame.info.at if not frame.info.wcs_failed else None
    if at is None and settings.target_xy is not None:
        frame = read(infos[0])
        sources, at = detect(frame), settings.target_xy
    if at is None and anchor is not None:
        try:
            placed = align(frame, None, (anchor.x, anchor.y), anchor.bright, sources.typical_fwhm)
        except FrameError as error:
            raise SeriesError(f"{frame.info.name}: {error}") from error
        at = float(placed.x[0]), float(placed.y[0])
        listener.note(f"{frame.info.name}: aligned by its stars to {anchor.reference.name}")
    if at is None:
        failed = f" ({frame.info.wcs_failed})" if frame.info.wcs_failed else ""
        raise SeriesError(
            f"No frame has sky coordinates (WCS) that can be trusted{failed}: plate-solve one, or "
            f"say where the target is on the first frame (target_xy)."
        )
    chosen = choose_stars(frame, sources, at, settings)
    if not chosen.locked:
        listener.note(
            f"No star within {settings.max_shift:g} arcsec of the target on {frame.info.name}: "
            f"measuring at the given position"
        )
    listener.note(
        f"reference {frame.info.name}: {len(sources)} sources, FWHM {chosen.fwhm:.2f} px; "
        f"{len(chosen) - 1} comparison stars"
    )
    return chosen


def _measure(
    infos: Sequence[FrameInfo],
    plan: Plan,
    listener: Listener,
    skip: Callable[[Path, str], None],
    workers: int,
) -> Iterator[FrameResult]:
    listener.step(f"Measuring {len(infos)} frames")
    for done, (info, outcome) in enumerate(_outcomes(infos, plan, workers)):
        if isinstance(outcome, FrameError):
            skip(info.path, str(outcome))
            listener.progress(done + 1, len(infos), info.name)
            continue
        listener.progress(done + 1, len(infos), f"{info.name} (FWHM {outcome.fwhm:.1f} px)")
        yield outcome


def _outcomes(
    infos: Sequence[FrameInfo], plan: Plan, workers: int
) -> Iterator[tuple[FrameInfo, FrameResult | FrameError]]:
    if workers <= 1:
        for info in infos:
            yield info, _attempt(info, plan)
        return
    # Not fork: a child of a process with open database connections must not share them.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _start_worker, (plan,)) as pool:
        try:
            yield from zip(infos, pool.map(_in_worker, infos, chunksize=4), strict=True)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _attempt(info: FrameInfo, plan: Plan) -> FrameResult | FrameError:
    try:
        return measure_frame(info, plan)
    except FrameError as error:
        return error


_plan: Plan | None = None


def _start_worker(plan: Plan) -> None:
    global _plan  # noqa: PLW0603  sent once to each worker, not with each frame
    _plan = plan


def _in_worker(info: FrameInfo) -> FrameResult | FrameError:
    assert _plan is not None
    return _attempt(info, _plan)
