from __future__ import annotations

import numpy as np
import pytest
from example_photometry.ensemble import solve, spread


def observations(
    frames: int = 60, stars: int = 25, seed: int = 1
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.random.Generator]:
    """Magnitudes (T, N), their true errors, the true zero points."""
    rng = np.random.default_rng(seed)
    truth = np.sort(rng.uniform(-2, 2, stars))
    err = np.broadcast_to(0.004 * 10 ** (0.25 * (truth + 2)), (frames, stars)).copy()
    zero = 0.3 * np.sin(np.linspace(0, 5, frames)) + 0.02 * rng.normal(size=frames)
    mag = truth[None, :] + zero[:, None] + rng.normal(size=err.shape) * err
    return mag, err, zero, rng


def test_zero_points_are_recovered_to_their_error() -> None:
    mag, err, zero, _ = observations()
    found = solve(mag, err)
    off = found.zero_point - zero
    off -= off.mean()
    assert np.std(off / found.zero_point_err) == pytest.approx(1, abs=0.35)
    assert found.used.all()


def test_a_variable_star_is_left_out_and_named() -> None:
    mag, err, zero, _ = observations()
    mag[:, 5] += 0.08 * np.sin(np.linspace(0, 20, len(mag)))
    found = solve(mag, err)
    assert list(np.flatnonzero(~found.used)) == [5]
    assert found.reason[5].startswith("varies")
    assert found.weight[5] == 0
    off = found.zero_point - zero
    assert np.std(off) < 0.003


def test_stars_may_be_missing_in_some_frames() -> None:
    mag, err, zero, rng = observations()
    for star in range(mag.shape[1]):
        gap = rng.integers(0, 40)
        mag[gap : gap + 15, star] = np.nan
    found = solve(mag, err)
    off = found.zero_point - zero
    assert np.isfinite(found.zero_point).all()
    assert np.std(off) < 0.003
    assert (found.count < mag.shape[1]).any()


def test_a_star_that_is_hardly_ever_seen_is_left_out() -> None:
    mag, err, _, _ = observations()
    mag[10:, 3] = np.nan
    found = solve(mag, err)
    assert found.reason[3] == "measured on 10 of 60 frames"


def test_single_wild_points_do_not_move_the_zero_point() -> None:
    mag, err, zero, rng = observations()
    for star in range(0, 25, 3):
        mag[rng.integers(0, 60), star] -= 2.0
    off = solve(mag, err).zero_point - zero
    assert np.ptp(off) < 0.02


def test_scatter_beyond_the_errors_is_seen_as_common() -> None:
    mag, err, _, rng = observations()
    mag += 0.01 * rng.normal(size=mag.shape)
    found = solve(mag, err)
    assert found.used.sum() >= 23
    assert np.median(found.common_excess[:10]) == pytest.approx(0.01, rel=0.3)


def test_errors_without_photon_noise_do_not_make_bright_stars_variable() -> None:
    mag, err, _, _ = observations()
    too_small = np.full_like(err, 0.001)
    assert solve(mag, too_small).used.sum() >= 23


def test_rejecting_stops_at_the_minimum() -> None:
    mag, err, _, rng = observations(stars=4)
    mag += rng.normal(size=mag.shape) * np.array([0.0, 0.1, 0.2, 0.4])
    assert solve(mag, err, minimum=3).used.sum() >= 3


def test_one_frame_and_no_star_are_no_trouble() -> None:
    mag, err, _, _ = observations(frames=1)
    assert np.isfinite(solve(mag, err).zero_point).all()
    empty = solve(np.empty((5, 0)), np.empty((5, 0)))
    assert np.isnan(empty.zero_point).all()


def test_a_frame_on_which_the_stars_disagree_is_marked() -> None:
    mag, err, _, rng = observations()
    mag[30] += rng.normal(size=mag.shape[1]) * 0.1
    chi = solve(mag, err).frame_chi
    assert chi[30] > 3
    assert np.median(chi) < 1.2


def test_the_spread_of_normal_numbers_is_their_standard_deviation() -> None:
    values = np.random.default_rng(3).normal(0, 2, (5000, 2))
    values[:50] = np.nan
    assert spread(values) == pytest.approx([2, 2], rel=0.05)
