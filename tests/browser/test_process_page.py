"""A process's page, as people use it: watching, cancelling, failing, reading, downloading."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pytest_django import Settings

from tests.browser.conftest import Screenshot, SignIn
from tests.browser.watch import accessibility_problems
from tests.conftest import MakeProduct

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from playwright.sync_api import Page
    from tom_targets.base_models import BaseTarget

    from tom_pipeline_core.models import PipelineProcess

Submit = Callable[..., "PipelineProcess"]


@pytest.fixture
def stepwise(settings: Settings) -> None:
    """The pipeline that waits for the test, known to the server and to the worker."""
    settings.TOM_EDUCATION_PIPELINES = {"Stepwise": "tests.sample_pipelines.Stepwise"}


@pytest.fixture
def gates(tmp_path: Path) -> Path:
    folder = tmp_path / "gates"
    folder.mkdir()
    return folder


@pytest.fixture
def submit(
    stepwise: None, user: User, target: BaseTarget, make_product: MakeProduct, gates: Path
) -> Submit:
    from tom_pipeline_core import submission

    def make(**parameters: Any) -> PipelineProcess:
        return submission.submit(
            "Stepwise",
            target=target,
            products=[make_product(target)],
            parameters={"gates": str(gates), **parameters},
            user=user,
        )

    return make


def log(page: Page) -> Any:
    return page.locator("#tpc-log-lines")


def test_status_progress_log_and_outputs_arrive_without_reloading(
    page: Page, sign_in: SignIn, user: User, submit: Submit, worker: object, gates: Path
) -> None:
    sign_in(user)
    process = submit()
    page.goto(process.get_absolute_url())
    page.evaluate("window.neverReloaded = true")

    page.wait_for_selector("#tpc-state[data-state=running]")
    page.wait_for_selector(".tpc-status:has-text('Reading frames')")
    log(page).get_by_text("first line").wait_for()
    page.wait_for_selector("progress[value='25']")
    assert page.title().startswith("▶ running")

    (gates / "measure").touch()
    page.wait_for_selector(".tpc-status:has-text('Measuring')")
    log(page).get_by_text("a star is saturated").wait_for()
    page.wait_for_selector("#tpc-steps .tpc-step-current:has-text('Measuring')")

    (gates / "end").touch()
    page.wait_for_selector("#tpc-state[data-state=succeeded]")
    page.wait_for_selector("#tpc-outputs img[alt='The light curve']")
    page.wait_for_selector("#tpc-outputs .tpc-plot .main-svg")
    assert page.title().startswith("✓ succeeded")
    assert page.locator("#tpc-announce").inner_text() == "The process is now succeeded."
    assert page.evaluate("window.neverReloaded")
    page.wait_for_selector("#tpc-poller:not([hx-get])", state="attached")


def test_cancelling_ends_the_run(
    page: Page, sign_in: SignIn, user: User, submit: Submit, worker: object
) -> None:
    sign_in(user)
    page.goto(submit().get_absolute_url())
    page.wait_for_selector("#tpc-state[data-state=running]")

    page.click("#tpc-cancel")

    page.wait_for_selector("#tpc-state[data-state=cancelled]")
    assert page.locator("#tpc-cancel").count() == 0


def test_a_failure_is_explained_and_nothing_moves_under_the_reader_s_hands(
    page: Page, sign_in: SignIn, user: User, submit: Submit, worker: object, gates: Path
) -> None:
    sign_in(user)
    page.goto(submit(fail=True).get_absolute_url())
    log(page).get_by_text("first line").wait_for()
    page.fill("#tpc-log-q", "half a wo")

    (gates / "measure").touch()
    (gates / "end").touch()
    page.wait_for_selector(".tpc-failure:has-text('No star in frame.fits')")

    assert page.evaluate("document.activeElement.id") == "tpc-log-q"
    assert page.input_value("#tpc-log-q") == "half a wo"
    assert page.locator(".tpc-failure").get_by_text("What to try").is_visible()


# -- pages of processes that have ended --------------------------------------------------------------


@pytest.fixture
def ended(transactional_db: None, target: BaseTarget, user: User, make_product: MakeProduct) -> Any:
    """A process with a long log and outputs, made without running anything."""
    from django.utils import timezone

    from tests.sample_pipelines import PNG
    from tom_pipeline_core.models import LogLine, PipelineProcess

    process = PipelineProcess.objects.create(
        target=target,
        user=user,
        pipeline_name="Photometry of everything",
        state="failed",
        failure_kind="pipeline error",
        failure_message="No star in frame_003.fits: lower the threshold (it is 5 sigma)",
        failure_traceback="Traceback (most recent call last): …",
        started_at=timezone.now(),
        terminal_timestamp=timezone.now(),
        parameters={"radius": 8.0, "method": "sum"},
    )
    LogLine.objects.bulk_create(
        LogLine(
            process=process,
            time=timezone.now(),
            level=30 if number % 100 == 7 else 20,
            text=f"frame {number:05d}: {'saturated' if number % 100 == 7 else 'measured'}",
        )
        for number in range(3000)
    )
    for second, step in enumerate(("Reading frames", "Measuring", "Plotting")):
        process.events.create(
            time=timezone.now() + timezone.timedelta(seconds=second), kind="status", value=step
        )
    for name, content in (("table.csv", "mjd,mag\n61100.5,15.25\n" * 40), ("curve.png", PNG)):
        product = make_product(target, name, content)
        kind = "plot" if name.endswith("png") else "file"
        process.outputs.create(kind=kind, product=product, name=name, size=len(content))
    process.inputs.create(product=make_product(target), name="frame.fits", size=2880)
    process.measurements.create(name="fwhm", value=3.2, unit="pixel")
    return process


def test_the_log_is_searched_and_older_lines_are_fetched(
    page: Page, sign_in: SignIn, user: User, ended: Any
) -> None:
    sign_in(user)
    page.goto(ended.get_absolute_url() + "?tab=log")
    assert log(page).locator(".tpc-line").count() == 500
    log(page).get_by_text("frame 02999").wait_for()

    page.click("text=Show older lines")
    log(page).get_by_text("frame 02000").wait_for(state="attached")
    assert log(page).locator(".tpc-line").count() == 1000

    page.fill("#tpc-log-q", "frame 0000")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=10 of 3000 lines match")
    assert log(page).locator(".tpc-line").count() == 10
    page.select_option("#tpc-log-level", "30")
    page.wait_for_selector("text=1 of 3000 lines match")
    assert "q=frame%200000" in page.url

    page.go_back()
    page.wait_for_selector("text=10 of 3000 lines match")


def test_log_and_outputs_are_downloaded(
    page: Page, sign_in: SignIn, user: User, ended: Any, tmp_path: Path
) -> None:
    sign_in(user)
    page.goto(ended.get_absolute_url() + "?tab=log")
    with page.expect_download() as waiting:
        page.click("text=Download")
    waiting.value.save_as(tmp_path / "log.txt")
    lines = (tmp_path / "log.txt").read_text().splitlines()
    assert len(lines) == 3000
    assert lines[7].endswith("WARNING frame 00007: saturated")

    page.goto(ended.get_absolute_url() + "?tab=outputs")
    with page.expect_download() as waiting:
        page.click("text=Download all as zip")
    waiting.value.save_as(tmp_path / "all.zip")
    assert zipfile.ZipFile(tmp_path / "all.zip").namelist() == ["table.csv", "curve.png"]


def test_a_table_opens_in_place_and_is_paged(
    page: Page, sign_in: SignIn, user: User, ended: Any
) -> None:
    sign_in(user)
    page.goto(ended.get_absolute_url() + "?tab=outputs")

    page.click("summary:has-text('Show the table')")

    page.wait_for_selector(".tpc-table td:has-text('15.25')")
    page.wait_for_selector("text=79 rows, page 1 of 2")
    page.click(".tpc-table >> text=Next")
    page.wait_for_selector("text=79 rows, page 2 of 2")


def test_the_tabs_are_reached_by_keyboard_alone(
    page: Page, sign_in: SignIn, user: User, ended: Any
) -> None:
    sign_in(user)
    page.goto(ended.get_absolute_url())
    page.focus("#tpc-tab-log")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "tpc-tab-inputs"

    page.keyboard.press("Enter")

    page.wait_for_selector("#tpc-tab-body >> text=frame.fits")
    assert page.url.endswith("?tab=inputs")
    assert page.evaluate("document.activeElement.id") == "tpc-tab-inputs"


@pytest.fixture
def without_scripts(browser: Any, live_server: Any, user: User) -> Iterator[Page]:
    """A window in which no script runs."""
    from django.test import Client

    client = Client()
    client.force_login(user)
    context = browser.new_context(base_url=live_server.url, java_script_enabled=False)
    context.route(re.compile(r"^(?!http://localhost|http://127)"), lambda route: route.abort())
    session = client.cookies["sessionid"].value
    context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    yield context.new_page()
    context.close()


def test_everything_is_reached_without_scripts(without_scripts: Page, ended: Any) -> None:
    page = without_scripts
    page.goto(ended.get_absolute_url())
    page.click("text=Show older lines")
    assert "frame 02000" in page.content()
    page.fill("#tpc-log-q", "00007")
    page.click("button:has-text('Search')")
    assert "1 of 3000 lines match" in page.content()
    page.click("#tpc-tab-outputs")
    page.click("summary:has-text('Show the table')")
    page.click(".tpc-table >> text=Open")
    assert "79 rows" in page.content()
    page.go_back()
    page.click("#tpc-tab-about")
    assert ended.identifier in page.content()


@pytest.mark.parametrize("width", [1300, 360])
def test_each_tab_is_accessible_in_both_themes_and_fits_the_window(
    page: Page,
    sign_in: SignIn,
    superuser: User,
    ended: Any,
    theme: str,
    width: int,
    screenshot: Screenshot,
) -> None:
    sign_in(superuser)
    page.set_viewport_size({"width": width, "height": 900})
    for tab in ("outputs", "log", "inputs", "parameters", "about"):
        page.goto(f"{ended.get_absolute_url()}?tab={tab}")
        screenshot(f"process-{tab}-{width}", full_page=True)
        assert not accessibility_problems(page, "#tpc")
        overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert overflow <= 0, f"the page is {overflow} pixels too wide"
