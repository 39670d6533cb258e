"""Lists, gallery, health and groups: usable, accessible and readable everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pytest_django import Settings

from tests.browser.conftest import Screenshot, SignIn
from tests.browser.watch import accessibility_problems
from tests.conftest import MakeProduct, MakeTarget
from tests.running import names_of_samples

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from playwright.sync_api import Page


@pytest.fixture
def busy(
    settings: Settings, user: User, make_target: MakeTarget, make_product: MakeProduct
) -> list[Any]:
    """A site where things have happened: processes in every state, a group, workers, a fault."""
    from datetime import timedelta

    from django.utils import timezone
    from tom_dataproducts.models import DataProductGroup

    from tom_pipeline_core.models import PipelineProcess, Worker
    from tom_pipeline_core.states import TERMINAL, State

    settings.TOM_EDUCATION_PIPELINES = {**names_of_samples(), "Broken": "tests.no_such.Module"}
    now = timezone.now()
    made: list[Any] = []
    for number, state in enumerate([*State, *State] * 4):
        process = PipelineProcess.objects.create(
            target=make_target(f"SN 2026{chr(97 + number % 26)}") if number < 6 else made[0].target,
            user=user,
            pipeline_name="Adjustable",
            pipeline_id="settings:Adjustable",
            state=state.value,
            status="Measuring frame 12 of 300",
            started_at=now - timedelta(seconds=90) if state is not State.QUEUED else None,
            terminal_timestamp=now if state in TERMINAL else None,
            warning_count=number % 3,
        )
        process.inputs.create(name="frame.fits")
        made.append(process)
    group = DataProductGroup.objects.create(name=f"{made[0].identifier}_outputs")
    for number in range(3):
        make_product(made[0].target, f"result_{number}.csv", "a,b\n").group.add(group)
    for name, seen in (("observatory:4711:ab12cd", now), ("old:1:ff", now - timedelta(days=1))):
        Worker.objects.create(
            name=name, host="h", pid=1, queue="default", threads=2, version="0.1.0",
            started_at=now - timedelta(days=2), seen_at=seen,
        )  # fmt: skip
    return made


@pytest.mark.parametrize("width", [1300, 360])
def test_each_page_is_accessible_in_both_themes_and_fits_the_window(
    page: Page,
    sign_in: SignIn,
    superuser: User,
    busy: list[Any],
    theme: str,
    width: int,
    screenshot: Screenshot,
) -> None:
    from tom_dataproducts.models import DataProductGroup

    sign_in(superuser)
    page.set_viewport_size({"width": width, "height": 900})
    group = DataProductGroup.objects.get()
    for name, address in (
        ("processes", "/pipelines/"),
        ("plugins", "/pipelines/plugins/"),
        ("health", "/pipelines/health/"),
        ("groups", "/dataproducts/data/group/list/"),
        ("group", f"/dataproducts/data/group/{group.pk}/"),
    ):
        page.goto(address)
        screenshot(f"{name}-{width}", full_page=True)
        assert not accessibility_problems(page, "#tpc"), name
        overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert overflow <= 0, f"{name} is {overflow} pixels too wide"


def test_processes_are_filtered_paged_and_cancelled_together(
    page: Page, sign_in: SignIn, user: User, busy: list[Any]
) -> None:
    sign_in(user)
    page.goto("/pipelines/")
    assert page.locator("input[name=process]").count() == 25
    page.click("text=Older")
    page.wait_for_selector("text=Newest")
    assert page.locator("input[name=process]").count() == 23

    page.goto("/pipelines/")
    page.select_option("select[name=state]", "queued")
    page.click("text=Show")
    page.wait_for_url("**state=queued**")
    assert page.locator("input[name=process]").count() == 8
    page.check("[data-check-all]")
    page.click("text=Cancel ticked")

    page.wait_for_selector("text=8 of 8 cancelled")
    assert "state=queued" in page.url  # back to the same list
    page.wait_for_selector("text=No process fits")


def test_a_page_opened_from_the_navigation_leads_to_a_process_by_keyboard(
    page: Page, sign_in: SignIn, user: User, busy: list[Any]
) -> None:
    sign_in(user)
    page.goto("/accounts/login/")
    page.goto("/pipelines/plugins/")
    page.click("nav.navbar >> text=Pipelines")
    page.wait_for_selector("h1:has-text('Processes')")

    page.focus("#tpc-processes tbody tr:first-child a")
    page.keyboard.press("Enter")

    page.wait_for_selector("#tpc-state")
