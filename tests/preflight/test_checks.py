"""What is said about files before a run."""

from __future__ import annotations

from typing import Any

import pytest
from tom_dataproducts.models import DataProduct
from tom_targets.base_models import BaseTarget

from tests import sample_pipelines
from tests.conftest import MakeProduct
from tests.preflight.frames import frame
from tom_pipeline_core.issues import Issue
from tom_pipeline_core.models import PipelineProcess
from tom_pipeline_core.preflight import Report, examine

pytestmark = pytest.mark.django_db


def look(
    target: BaseTarget,
    *products: DataProduct,
    pipeline: type[PipelineProcess] | None = None,
    parameters: dict[str, Any] | None = None,
) -> Report:
    return examine(pipeline, target=target, products=products, parameters=parameters)


def said(report: Report) -> list[tuple[str, str, list[str]]]:
    return [
        (finding.issue.level, finding.issue.message, [name for name, _ in finding.files])
        for finding in report.findings
    ]


def test_good_frames_give_nothing_to_say(target: BaseTarget, make_product: MakeProduct) -> None:
    report = look(
        target,
        make_product(target, "a.fits", frame()),
        make_product(target, "b.fits", frame(DATE_OBS="2026-03-01T12:05:00")),
        make_product(target, "notes.txt", "hello"),
    )
    assert report.findings == []
    assert report.digest == ""


def test_frames_without_wcs_or_without_the_target_are_warned_of_together(
    target: BaseTarget, make_product: MakeProduct
) -> None:
    blind = [
        make_product(target, f"blind{n}.fits", frame(wcs=False, EXPTIME=float(n))) for n in range(2)
    ]
    away = make_product(target, "away.fits", frame(ra=151))
    (no_wcs, outside) = said(look(target, *blind, away))
    assert (no_wcs[0], no_wcs[2]) == ("warning", ["blind0.fits", "blind1.fits"])
    assert "no WCS" in no_wcs[1]
    assert (outside[0], outside[2]) == ("warning", ["away.fits"])


def test_the_same_exposure_twice_is_warned_of(
    target: BaseTarget, make_product: MakeProduct
) -> None:
    report = look(
        target, make_product(target, "a.fits", frame()), make_product(target, "b.fits", frame())
    )
    assert report.findings[0].files == [("b.fits", "as a.fits")]


def test_a_saturated_target_is_warned_of(target: BaseTarget, make_product: MakeProduct) -> None:
    report = look(target, make_product(target, "a.fits", frame(SATURATE=100.0)))
    assert "saturated" in report.findings[0].issue.message


def test_a_missing_file_is_an_error(target: BaseTarget, make_product: MakeProduct) -> None:
    gone = make_product(target, "gone.fits", frame())
    gone.data.storage.delete(gone.data.name)
    assert said(look(target, gone)) == [("error", "The file is not there any more.", ["gone.fits"])]


def test_a_text_called_fits_blocks_only_pipelines_that_ask_for_fits(
    target: BaseTarget, make_product: MakeProduct
) -> None:
    text = make_product(target, "text.fits", "hello")
    (any_file,) = look(target, text, pipeline=sample_pipelines.Copy).findings
    (fits_only,) = look(target, text, pipeline=sample_pipelines.OnlyFits).findings
    assert (any_file.blocks, fits_only.blocks) == (False, True)
    assert any_file.files == [("text.fits", "It is not a FITS file: it begins with “hello”.")]


def test_what_the_pipeline_refuses_is_an_error(
    target: BaseTarget, make_product: MakeProduct
) -> None:
    dark = make_product(target, "dark.fits", frame())
    (finding,) = look(target, dark, pipeline=sample_pipelines.OnlyFits).findings
    assert finding.blocks
    assert finding.files == [("dark.fits", "dark.fits: it is dark")]


class Particular(PipelineProcess):
    short_name = "particular"

    @classmethod
    def preflight(cls, target: Any, products: Any, parameters: dict[str, Any]) -> list[Issue]:
        if parameters["fail"]:
            raise ValueError("broken")
        return [Issue.warning("Too few.", products[0]), Issue.error("Never.")]


def test_the_pipeline_is_asked_with_its_parameters(
    target: BaseTarget, make_product: MakeProduct
) -> None:
    product = make_product(target, "a.fits", frame())
    report = look(target, product, pipeline=Particular, parameters={"fail": False})
    assert said(report) == [("error", "Never.", []), ("warning", "Too few.", ["a.fits"])]
    assert look(target, product, pipeline=Particular).findings == []


def test_a_pipeline_that_fails_to_look_does_not_break_the_page(
    target: BaseTarget, make_product: MakeProduct
) -> None:
    product = make_product(target, "a.fits", frame())
    ((level, message, _),) = said(
        look(target, product, pipeline=Particular, parameters={"fail": True})
    )
    assert level == "warning"
    assert "ValueError: broken" in message


def test_accepting_warnings_holds_for_these_files_only(
    target: BaseTarget, make_product: MakeProduct
) -> None:
    first = make_product(target, "a.fits", frame(wcs=False))
    second = make_product(target, "b.fits", frame(wcs=False, EXPTIME=1.0))
    assert look(target, first).digest == look(target, first).digest
    assert look(target, first).digest != look(target, first, second).digest
