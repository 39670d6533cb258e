"""Choosing files, a pipeline and parameters in a browser, and running it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.conftest import Screenshot, SignIn
from tests.browser.watch import Watch, accessibility_problems
from tests.conftest import MakeProduct
from tests.preflight.frames import frame
from tom_pipeline_core.models import PipelineProcess

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from playwright.sync_api import Page
    from pytest_django.live_server_helper import LiveServer
    from tom_targets.base_models import BaseTarget

pytestmark = pytest.mark.usefixtures("samples")


@pytest.fixture
def series(target: BaseTarget, make_product: MakeProduct) -> list[Any]:
    """Sixty frames in two bands, one without a WCS, and a text."""
    products = [
        make_product(
            target,
            f"frame-{number:03d}.fits",
            frame(
                FILTER="r" if number % 2 else "i",
                DATE_OBS=f"2026-03-01T12:{number:02d}:00",
                wcs=number != 7,
            ),
        )
        for number in range(60)
    ]
    return [*products, make_product(target, "notes.txt", "hello", data_product_type="")]


def read_headers(page: Page) -> None:
    """Wait until the page has read all headers."""
    page.wait_for_function("!document.querySelector('#tpc-looking[hx-post]')")


def test_frames_of_a_band_are_chosen_and_run(
    page: Page,
    user: User,
    sign_in: SignIn,
    target: BaseTarget,
    series: list[Any],
    theme: str,
    screenshot: Screenshot,
) -> None:
    sign_in(user)
    page.goto(f"/pipelines/new/?target={target.pk}")
    read_headers(page)
    screenshot("create-files", full_page=True)

    page.select_option("#id_band", "r")
    page.wait_for_selector("#tpc-select-all:has-text('Select all 30 that match')")
    page.click("#tpc-select-all")
    page.wait_for_selector("#tpc-count:has-text('30')")
    page.check("text=Adjustable")
    page.fill("#id_param-radius", "8")
    page.wait_for_selector(".tpc-changed #id_param-radius")
    page.wait_for_selector("#tpc-check >> text=frame-007.fits")
    screenshot("create-chosen", full_page=True)
    assert not accessibility_problems(page, "#tpc")

    page.click("#tpc-run-button")
    page.wait_for_selector("#tpc-ask")
    page.click("text=Run anyway")
    page.wait_for_url("**/pipelines/*/")

    process = PipelineProcess.objects.get()
    assert process.input_files.count() == 30
    assert process.parameters["radius"] == 8

    # The stock page draws megabytes of plots before it answers.
    page.goto(f"/targets/{target.pk}/?tab=pipelines", timeout=90_000)
    page.wait_for_selector("#tpc-tab-processes")
    page.locator("#tpc-target-tab").screenshot(path=screenshot("tab").with_suffix(".part.png"))
    assert not accessibility_problems(page, "#tpc-target-tab")
    page.click(f"#tpc-change-{process.pk}")
    page.wait_for_selector("#id_param-radius")
    assert page.input_value("#id_param-radius") == "8.0"
    assert page.inner_text("#tpc-count") == "30"


@pytest.mark.parametrize("theme", ["light"], indirect=True)
def test_it_fits_a_narrow_screen(
    page: Page,
    user: User,
    sign_in: SignIn,
    target: BaseTarget,
    series: list[Any],
    theme: str,
    screenshot: Screenshot,
) -> None:
    sign_in(user)
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(f"/pipelines/new/?target={target.pk}&pipeline=Adjustable&product={series[0].pk}")
    read_headers(page)
    screenshot("create-narrow", full_page=True)
    overflow = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert overflow <= 0


def test_everything_is_done_with_the_keyboard(
    page: Page, user: User, sign_in: SignIn, target: BaseTarget, series: list[Any]
) -> None:
    sign_in(user)
    page.goto(f"/pipelines/new/?target={target.pk}")
    read_headers(page)

    page.focus(f"#tpc-product-{series[59].pk}")
    page.keyboard.press("Space")
    page.wait_for_selector("#tpc-count:has-text('1')")
    radio = page.get_by_role("radio", name="Copy", exact=False).first
    radio.focus()
    page.keyboard.press("Space")
    page.wait_for_selector("#tpc-parameters:has-text('no parameters')")
    assert radio.evaluate("element => element === document.activeElement")
    page.wait_for_selector("#tpc-all-well")
    page.focus("#tpc-run-button")
    page.keyboard.press("Enter")

    page.wait_for_url("**/pipelines/*/")
    assert PipelineProcess.objects.get().input_files.get() == series[59]


def test_pressing_run_twice_quickly_makes_one_process(
    page: Page, user: User, sign_in: SignIn, target: BaseTarget, series: list[Any]
) -> None:
    sign_in(user)
    page.goto(f"/pipelines/new/?target={target.pk}&product={series[0].pk}&pipeline=Copy")
    page.dblclick("#tpc-run-button")
    page.wait_for_url("**/pipelines/*/")
    assert PipelineProcess.objects.count() == 1


def test_without_scripts_the_same_is_done_by_buttons(
    page: Page,
    user: User,
    sign_in: SignIn,
    target: BaseTarget,
    series: list[Any],
    live_server: LiveServer,
) -> None:
    sign_in(user)
    browser = page.context.browser
    assert browser is not None
    plain = browser.new_context(
        java_script_enabled=False,
        base_url=live_server.url,
        storage_state=page.context.storage_state(),
    )
    Watch(plain, live_server.url)
    try:
        window = plain.new_page()
        window.goto(f"/pipelines/new/?target={target.pk}")
        window.fill("#id_q", "frame-00")
        window.click("#tpc-filter")
        window.click("#tpc-select-all")
        assert window.inner_text("#tpc-count") == "10"
        window.check("text=Adjustable")
        window.click("#tpc-choose")
        window.fill("#id_param-radius", "9")
        window.click("#tpc-run-button")
        window.click("text=Leave it out")
        assert window.inner_text("#tpc-count") == "9"
        window.click("#tpc-run-button")
        window.wait_for_url("**/pipelines/*/")
    finally:
        plain.close()
    process = PipelineProcess.objects.get()
    assert process.input_files.count() == 9
    assert process.parameters["radius"] == 9


def test_presets_are_saved_loaded_and_deleted(
    page: Page, user: User, sign_in: SignIn, target: BaseTarget, series: list[Any]
) -> None:
    sign_in(user)
    page.goto(f"/pipelines/new/?target={target.pk}&pipeline=Adjustable")
    page.fill("#id_param-radius", "12")
    page.click("#tpc-presets summary")
    page.fill("#tpc-preset-name", "wide")
    page.click("#tpc-save-preset")
    page.wait_for_selector("text=Saved as wide.")
    page.select_option("#tpc-preset", label="Defaults")
    page.wait_for_function("document.querySelector('#id_param-radius').value === '6'")
    page.select_option("#tpc-preset", label="wide")
    page.wait_for_function("document.querySelector('#id_param-radius').value === '12.0'")
    page.click("#tpc-presets summary")
    page.click("text=Delete wide")
    page.wait_for_selector("text=Deleted wide.")
