"""What every browser test relies on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.browser.conftest import Screenshot, SignIn
from tests.browser.watch import accessibility_problems

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from playwright.sync_api import Page


def test_the_stock_login_works_and_nothing_outside_is_reached(page: Page, user: User) -> None:
    page.goto("/accounts/login/")
    page.fill("input[name=login]", user.username)
    page.fill("input[name=password]", "stars")
    page.click("form button[type=submit]:has-text('Sign In')")

    page.wait_for_selector(f"text={user.username}")
    # Bootstrap came from the local copy, and its integrity hash held.
    assert page.evaluate("bootstrap.Modal.VERSION") == "5.3.8"


def test_the_list_of_processes_is_accessible_and_readable_in_both_themes(
    page: Page, user: User, sign_in: SignIn, theme: str, screenshot: Screenshot
) -> None:
    sign_in(user)
    page.goto("/pipelines/")

    page.wait_for_selector("h1, h2")
    screenshot("processes-empty")
    assert not accessibility_problems(page, "#tpc")
