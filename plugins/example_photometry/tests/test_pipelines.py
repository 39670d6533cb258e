"""The pipelines as a TOM runs them: submitted, supervised, saved."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.table import QTable

from tom_pipeline_core.testing.contract import PipelineContract
from tom_pipeline_core.testing.frames import Series, make_series, sine, spoil

Run = Callable[..., Any]


class TestAperturePhotometryContract(PipelineContract):
    pipeline = "Aperture photometry"


class TestSourceCatalogueContract(PipelineContract):
    pipeline = "Source catalogue"


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Series:
    """Twenty frames of a star that varies by a third of a magnitude."""
    return make_series(tmp_path_factory.mktemp("run"), n_frames=20, seed=11)


@pytest.fixture
def run(run_pipeline: Run) -> Run:
    """Run a pipeline on files of a synthetic series, with its target."""

    def do(pipeline: str, paths: list[Path], place: Series, **parameters: Any) -> Any:
        return run_pipeline(
            pipeline, paths, ra=place.target_ra, dec=place.target_dec, parameters=parameters
        )

    return do


def table_of(result: Any, name: str) -> QTable:
    path = next(path for saved, path in result.outputs.items() if name in saved)
    return QTable.read(path, format="ascii.ecsv")


def test_a_run_with_the_defaults_recovers_the_known_variation(run: Run, frames: Series) -> None:
    result = run("Aperture photometry", frames.paths, frames)
    assert result.ok, result.message
    points = result.photometry
    assert len(points) == 20
    assert set(points["bandpass"]) == {"rp (diff)"}
    off = np.array(points["brightness"]) - np.array(frames.truth["mag"])
    off -= np.median(off)
    assert np.std(off) < 0.006
    assert np.std(off / points["brightness_error"]) == pytest.approx(1, abs=0.5)
    seconds = (points["time"].mjd - np.array(frames.truth["mjd_mid"])) * 86400
    assert np.abs(seconds).max() < 0.01


def test_points_tell_their_frame_and_its_conditions(run: Run, frames: Series) -> None:
    from tom_dataproducts.models import PhotometryReducedDatum

    result = run("Aperture photometry", frames.paths[:6], frames)
    for point in PhotometryReducedDatum.objects.filter(target=result.process.target):
        assert point.value["bjd_tdb"] > 2460000
        assert point.value["flags"] == 0
        assert point.data_product is not None
        assert point.exposure_time == 60
        assert point.telescope == "synthetic"


def test_the_outputs_are_a_table_stars_and_pictures(run: Run, frames: Series) -> None:
    result = run("Aperture photometry", frames.paths, frames)
    for expected in (
        "lightcurve_rp.ecsv", "comparison_stars_rp.ecsv", "lightcurve_rp.png", "chart_rp.png",
        "noise_rp.png", "growth_rp.png",
    ):  # fmt: skip
        stem, _, suffix = expected.partition(".")
        assert any(stem in name and name.endswith(suffix) for name in result.outputs), expected
    table = table_of(result, "lightcurve_rp")
    assert len(table) == 20
    assert str(table["bjd_tdb"].unit) == "d"
    assert str(table["flux"].unit) == "adu"
    assert table.meta["settings"]["aperture"] == "auto"
    assert set(table["product_id"]) == {p.pk for p in result.process.input_files.all()}
    stars = table_of(result, "comparison_stars_rp")
    assert stars["used"].sum() >= 10
    assert all(bool(row["reason"]) != bool(row["used"]) for row in stars)


def test_bad_files_are_skipped_with_their_reason(run: Run, frames: Series, tmp_path: Path) -> None:
    reasons = {
        "no_time": "no observation time",
        "truncated": "cut short",
        "not_fits": "starts with '<!DOCTYPE",
        "empty": "it is empty",
        "blank": "all pixels are blank",
        "off_target": "deg from the middle of the image",
    }
    bad = [spoil(frames.paths[0], flaw, tmp_path) for flaw in reasons]  # type: ignore[arg-type]
    result = run("Aperture photometry", [*frames.paths[2:10], *bad], frames)
    assert result.ok, result.message
    assert result.process.warning_count == 6
    assert len(result.photometry) == 8
    for flaw, reason in reasons.items():
        assert reason in result.skipped[f"{flaw}.fits"]


def test_a_frame_without_wcs_is_aligned_by_its_stars(
    run: Run, frames: Series, tmp_path: Path
) -> None:
    lost = spoil(frames.paths[10], "no_wcs", tmp_path)
    result = run("Aperture photometry", [*frames.paths[:6], lost], frames)
    table = table_of(result, "lightcurve_rp")
    row = table[["no_wcs" in name for name in table["file"]]][0]
    assert abs(row["x"].value - frames.truth["x"][10]) < 0.1
    assert abs(row["y"].value - frames.truth["y"][10]) < 0.1


def test_when_no_frame_can_be_used_the_run_fails_and_counts_the_reasons(
    run: Run, frames: Series, tmp_path: Path
) -> None:
    bad = [spoil(frames.paths[0], flaw, tmp_path) for flaw in ("no_time", "not_fits", "empty")]
    result = run("Aperture photometry", bad, frames)
    assert not result.ok
    assert "No frame could be measured" in result.message
    assert "1 x no observation time" in result.message
    assert result.photometry is None


def test_a_saturated_target_is_refused(run: Run, tmp_path: Path) -> None:
    bright = make_series(tmp_path, n_frames=5, seed=2, target_mag=9.5)
    result = run("Aperture photometry", bright.paths, bright)
    assert not result.ok
    assert "The target is saturated in 5 of 5 frames" in result.message
    assert "magnitudes would be wrong" in result.message


def test_flagged_points_are_saved_only_when_asked_for(run: Run, tmp_path: Path) -> None:
    bright = make_series(tmp_path, n_frames=5, seed=2, target_mag=9.5)
    result = run("Aperture photometry", bright.paths, bright, save_flagged=True)
    assert result.ok, result.message
    assert len(result.photometry) == 5
    assert all(text.startswith("saturated") for text in table_of(result, "light")["flag_text"])


def test_points_are_not_saved_when_not_wanted(run: Run, frames: Series) -> None:
    result = run("Aperture photometry", frames.paths[:5], frames, save_points=False)
    assert result.ok, result.message
    assert result.photometry is None
    assert len(table_of(result, "lightcurve_rp")) == 5


def test_each_filter_gets_its_own_curve_and_bandpass(run: Run, tmp_path: Path) -> None:
    both = make_series(tmp_path, n_frames=12, seed=6, filters=("gp", "rp"))
    result = run("Aperture photometry", both.paths, both)
    assert sorted(result.photometry["bandpass"]) == ["gp (diff)"] * 6 + ["rp (diff)"] * 6
    assert len(table_of(result, "lightcurve_gp")) == 6


def test_one_filter_can_be_chosen(run: Run, tmp_path: Path) -> None:
    both = make_series(tmp_path, n_frames=8, seed=6, filters=("gp", "rp"))
    result = run("Aperture photometry", both.paths, both, filter="GP")
    assert set(result.photometry["bandpass"]) == {"gp (diff)"}
    assert all("filter rp, not GP" in reason for reason in result.skipped.values())


def test_one_frame_is_enough_for_a_point(run: Run, frames: Series) -> None:
    result = run("Aperture photometry", frames.paths[:1], frames)
    assert result.ok, result.message
    assert len(result.photometry) == 1


def test_a_constant_zero_point_needs_no_comparison_stars(run: Run, tmp_path: Path) -> None:
    lonely = make_series(
        tmp_path, n_frames=5, seed=8, n_stars=1, clouds=0, signal=sine(0.2, 0.02), cosmic_rays=0
    )
    refused = run("Aperture photometry", lonely.paths, lonely)
    assert not refused.ok
    assert "usable comparison stars" in refused.message
    result = run(
        "Aperture photometry", lonely.paths, lonely, zero_point="constant", zero_point_value=22.0
    )
    assert result.ok, result.message
    off = np.array(result.photometry["brightness"]) - np.array(lonely.truth["mag"])
    assert np.std(off) < 0.01
    assert set(result.photometry["bandpass"]) == {"rp"}


def test_magnitudes_of_comparison_stars_calibrate_the_curve(run: Run, frames: Series) -> None:
    stars = [star for star in frames.stars[1:] if 13 < star["mag"] < 16][:8]
    lines = "\n".join(f"{s['ra']:.6f} {s['dec']:+.6f} {s['mag']:.3f}" for s in stars)
    result = run(
        "Aperture photometry", frames.paths[:8], frames,
        zero_point="comparison", comparison_stars=lines,
    )  # fmt: skip
    assert result.ok, result.message
    off = np.array(result.photometry["brightness"]) - np.array(frames.truth["mag"][:8])
    assert np.abs(off).max() < 0.03
    assert set(result.photometry["bandpass"]) == {"rp"}


def test_a_repeated_run_adds_no_points(run_pipeline: Run, frames: Series) -> None:
    from tom_dataproducts.models import PhotometryReducedDatum

    from tom_pipeline_core import standalone

    place = {"ra": frames.target_ra, "dec": frames.target_dec}
    first = run_pipeline("Aperture photometry", frames.paths[:6], **place)
    standalone.run(
        "Aperture photometry", (), target=first.process.target,
        products=list(first.process.input_files.all()),
    )  # fmt: skip
    assert PhotometryReducedDatum.objects.filter(target=first.process.target).count() == 6


def test_two_processes_give_what_one_gives(run: Run, frames: Series) -> None:
    one = run("Aperture photometry", frames.paths[:6], frames)
    two = run("Aperture photometry", frames.paths[:6], frames, workers=2)
    assert two.ok, two.message
    assert list(one.photometry["brightness"]) == list(two.photometry["brightness"])


def test_a_target_without_coordinates_is_refused_in_words(
    run_pipeline: Run, frames: Series
) -> None:
    result = run_pipeline("Aperture photometry", frames.paths[:1], ra=None, dec=None)
    assert not result.ok
    assert "The target has no coordinates" in result.message


def test_a_catalogue_holds_the_sources_and_the_targets_magnitude(run: Run, frames: Series) -> None:
    result = run("Source catalogue", frames.paths[:2], frames, save_points=True)
    assert result.ok, result.message
    assert sum(name.endswith(".ecsv") for name in result.outputs) == 2
    table = table_of(result, ".ecsv")
    assert len(table) > 25
    assert np.isfinite(table["ra"].value).all()
    off = np.array(result.photometry["brightness"]) - np.array(frames.truth["mag"][:2])
    assert abs(off[0] - off[1]) < 0.1


@pytest.mark.parametrize(
    ("parameters", "field", "text"),
    [
        ({"aperture": "fwhm", "aperture_radius": 8}, "aperture_radius", "between 0.5 and 5"),
        ({"annulus_inner": 2.0}, "annulus_inner", "outside the aperture"),
        ({"annulus_inner": 5, "annulus_outer": 4}, "annulus_outer", "larger than the inner"),
        ({"comparison_stars": "150.1"}, "comparison_stars", "Line 1, '150.1'"),
        ({"zero_point": "comparison"}, "comparison_stars", "needs stars with magnitudes"),
        ({"site_latitude": 10}, "site_longitude", "go together"),
        ({"target_xy": "12"}, "target_xy", "not two numbers"),
        ({"min_comparisons": 9, "max_comparisons": 5}, "max_comparisons", "less than the minimum"),
    ],
)
def test_parameters_that_make_no_sense_are_refused_at_their_field(
    parameters: dict[str, Any], field: str, text: str
) -> None:
    from example_photometry.parameters import SeriesParameters

    from tom_pipeline_core.parameters import clean_parameters

    class Holder:
        Parameters = SeriesParameters

    _, errors = clean_parameters(Holder, parameters)
    assert text in " ".join(errors[field])
