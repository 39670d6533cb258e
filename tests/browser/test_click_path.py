"""From the target page to the light curve, as an astronomer goes."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tom_dataproducts.models import PhotometryReducedDatum

from tests.browser.conftest import Screenshot
from tests.browser.watch import accessibility_problems
from tests.conftest import MakeProduct, MakeTarget
from tom_pipeline_core.models import PipelineProcess
from tom_pipeline_core.testing.frames import make_series

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from playwright.sync_api import Page
    from tom_targets.base_models import BaseTarget

N_FRAMES = 12
RUN_LIMIT = 120_000  # milliseconds; a run takes seconds where nothing else is busy
pytest.importorskip("example_photometry")


@pytest.fixture
def observed(tmp_path: Path, make_target: MakeTarget, make_product: MakeProduct) -> BaseTarget:
    """A target with frames of its field, and one file that is no frame."""
    series = make_series(tmp_path / "frames", n_frames=N_FRAMES)
    target = make_target("Demo variable", ra=series.target_ra, dec=series.target_dec)
    for path in series.paths:
        make_product(target, path.name, path.read_bytes())
    make_product(target, "notes.txt", "Clear night.", data_product_type="")
    return target


def test_from_the_target_to_its_new_photometry(
    page: Page,
    observed: BaseTarget,
    user: User,
    worker: subprocess.Popen[bytes],
    theme: str,
    screenshot: Screenshot,
) -> None:
    # Log in as people do.
    page.goto(f"/accounts/login/?next=/targets/{observed.pk}/")
    page.fill("input[name=login]", user.username)
    page.fill("input[name=password]", "stars")
    page.click("form button[type=submit]:has-text('Sign In')")

    # The tab of the target.
    page.click("#pipelines-tab")
    page.wait_for_selector("text=No pipeline has been run on this target yet")
    page.click("#tpc-new-process")

    # Frames by name, all that match; the pipeline; a parameter.
    page.wait_for_selector("#tpc-file-table")
    page.get_by_label("Name contains").fill("demo-")
    page.click("#tpc-filter")
    page.wait_for_selector(f"#tpc-select-all:has-text('Select all {N_FRAMES} that match')")
    page.click("#tpc-select-all")
    page.wait_for_selector(f"#tpc-count:has-text('{N_FRAMES}')")
    page.get_by_role("radio", name="Aperture photometry").check()
    page.get_by_label("Aperture radius").fill("2")
    screenshot("new-process")
    assert not accessibility_problems(page, "#tpc")
    page.click("#tpc-run-button")

    # Its own page follows the run without being loaded again.
    page.wait_for_url("**/pipelines/*/")
    page.evaluate("window.notLoadedAgain = true")
    page.wait_for_selector("#tpc-state[data-state=running]", timeout=RUN_LIMIT)
    page.wait_for_selector("#tpc-state[data-state=succeeded]", timeout=RUN_LIMIT)
    page.wait_for_selector("#tpc-outputs")
    assert page.evaluate("window.notLoadedAgain") is True

    # What came out.
    picture = page.locator("#tpc-outputs img").first
    picture.scroll_into_view_if_needed()
    page.wait_for_function("document.querySelector('#tpc-outputs img').naturalWidth > 100")
    assert page.get_by_text(f"{N_FRAMES} points saved").is_visible()
    with page.expect_download() as download:
        page.click("#tpc-outputs a:has-text('.ecsv')")
    assert download.value.path().read_text().startswith("# %ECSV")
    page.wait_for_selector("#tpc-light-curve .main-svg")
    page.evaluate("window.scrollTo(0, 0)")
    screenshot("process")
    assert not accessibility_problems(page, "#tpc")

    process = PipelineProcess.objects.get()
    assert process.parameters["aperture_radius"] == 2
    assert process.input_files.count() == N_FRAMES
    assert process.group is not None
    assert PhotometryReducedDatum.objects.filter(target=observed).count() == N_FRAMES

    # The points are on the target, and the tab knows the process.
    page.click("text=target’s Photometry tab")
    page.wait_for_selector("#photometry .plotly-graph-div .scatterlayer .point")
    screenshot("target-photometry")
    page.click("#pipelines-tab")
    page.wait_for_selector(f"#tpc-row-{process.pk} >> text=Succeeded")
    screenshot("target-tab")
