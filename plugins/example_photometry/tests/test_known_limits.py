"""Light curves of an independent generator against the limit that photon noise sets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from astropy.table import Table
from example_photometry.flags import INFORMATION
from example_photometry.series import FilterSeries, Silent, measure_series
from example_photometry.target import Target

pytestmark = pytest.mark.slow

SEEDS = (1, 2)
SMALLER: dict[str, Any] = {"nx": 640, "ny": 640, "nstars": 110, "cosmic_rays": 12}


@dataclass(frozen=True)
class Judged:
    numbers: list[dict[str, float]]
    found: list[FilterSeries]

    def median(self, key: str) -> float:
        return float(np.median([numbers[key] for numbers in self.numbers]))

    def total(self, key: str) -> float:
        return float(sum(numbers.get(key, 0) for numbers in self.numbers))


@pytest.fixture
def judged(generator: ModuleType, judge: ModuleType, tmp_path: Path) -> Callable[..., Judged]:
    """Make a kind of series for several seeds, measure it with the defaults, and judge it."""

    def do(kind: str, n_frames: int = 100, seeds: tuple[int, ...] = SEEDS, **more: Any) -> Judged:
        numbers, found = [], []
        for seed in seeds:
            folder = tmp_path / f"{kind}_{seed}"
            given = {**SMALLER, **generator.KINDS[kind][1], **more}
            if kind == "hard":
                given["cosmic_rays"] = 60
            if kind == "crowded":
                given["nstars"] = 1000
            config = generator.Config(**{**given, "seed": seed, "nframes": n_frames})
            generator.generate(config, folder, kind)
            truth = judge.read_table(folder / "truth.ecsv")
            target = Target(truth.meta["target_ra"], truth.meta["target_dec"])
            (series,) = measure_series(sorted((folder / "frames").iterdir()), target)
            numbers.append(_numbers(judge, folder, truth, series))
            found.append(series)
        return Judged(numbers, found)

    return do


def _numbers(
    judge: ModuleType, folder: Path, truth: Table, series: FilterSeries
) -> dict[str, float]:
    curve, field = series.curve, series.field
    assert curve.comparison is not None
    Table(
        {
            "file": [r.info.name for r in curve.results],
            "bjd_tdb": curve.times.bjd_tdb,
            "dmag": curve.dmag,
            "dmag_err": curve.dmag_err,
            "flags": curve.flags,
        }
    ).write(folder / "measured.csv")
    stars = {"ra": field.ra[1:], "dec": field.dec[1:], "used": curve.comparison.used}
    Table(stars).write(folder / "stars.csv")
    measured = judge.read_measured(folder / "measured.csv", truth, {}, int(INFORMATION))
    numbers: dict[str, float] = judge.judge(truth, measured)
    numbers["variables_used"] = judge.hidden_variables_used(
        folder / "truth.ecsv", folder / "stars.csv"
    )
    return numbers


@pytest.mark.parametrize(
    ("kind", "robust_bar"),
    [
        ("basic", 1.2),
        ("transit", 1.2),
        ("undersampled", 1.2),
        ("faint", 1.35),
        ("hard", 1.5),
        ("crowded", 1.5),
    ],
)
def test_scatter_is_near_the_limit_and_errors_are_honest(
    judged: Callable[..., Judged], kind: str, robust_bar: float
) -> None:
    result = judged(kind)
    assert result.median("robust_ratio") <= robust_bar
    assert 0.8 <= result.median("chi") <= 1.25
    assert result.total("outliers") == 0, "an unflagged point is more than 5 sigma off"
    assert result.total("variables_used") == 0
    if kind in ("basic", "transit"):
        assert result.median("rms_ratio") <= 1.3
    for numbers in result.numbers:
        assert abs(numbers["time_max"]) <= 0.1
    offset = max(10.0, 3 * result.median("offset_sigma"))
    assert abs(result.median("offset")) <= offset
    amplitude = max(0.015, 3 * result.median("amplitude_sigma"))
    assert abs(result.median("amplitude_error")) <= amplitude


@pytest.mark.parametrize("kind", ["blend", "saturated"])
def test_a_blended_or_saturated_target_is_flagged_on_every_frame(
    judged: Callable[..., Judged], kind: str
) -> None:
    result = judged(kind, n_frames=12, seeds=(1, 2, 3))
    assert [numbers["all_flagged"] for numbers in result.numbers] == [True, True, True]


def test_a_frame_whose_wcs_is_wrong_by_forty_pixels_is_measured_at_the_star(
    judged: Callable[..., Judged],
) -> None:
    result = judged("basic", n_frames=12, seeds=(3,), wcs_error_frame=5)
    (curve,) = (series.curve for series in result.found)
    assert "wcs_suspect" in _flag_names(curve.flags[5])
    assert result.total("outliers") == 0
    assert len(curve) == 12


def _flag_names(flags: int) -> str:
    from example_photometry.flags import names

    return names(int(flags))


@pytest.mark.parametrize("container", ["uint16", "fz", "mef"])
def test_containers_give_the_same_light_curve(
    generator: ModuleType, tmp_path: Path, container: str
) -> None:
    curves = []
    for kind in ("fits", container):
        config = generator.Config(
            **SMALLER, seed=4, nframes=6, container=kind, nan_block=30, bad_column=40
        )
        truth, _ = generator.generate(config, tmp_path / kind)
        target = Target(truth.meta["target_ra"], truth.meta["target_dec"])
        listener = Silent()
        paths = sorted((tmp_path / kind / "frames").iterdir())
        (series,) = measure_series(paths, target, listener=listener)
        assert listener.skipped == {}
        curves.append(series.curve.dmag - np.median(series.curve.dmag))
    assert np.abs(curves[0] - curves[1]).max() < 0.004
