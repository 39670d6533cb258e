"""
A real Chromium, a real server, and where a test asks for it a real worker.

A browser test asks for ``page`` (a window that stays on this machine, and fails the test when its
console has complained), ``sign_in``, ``worker``, ``theme`` and ``screenshot``; data come from the
fixtures of ``tests/conftest.py``.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest
from pytest_django import Settings

from tests.browser.watch import ASSETS, Watch

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from playwright.sync_api import Browser, Page
    from pytest_django.live_server_helper import LiveServer

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 20_000  # milliseconds; two cores may be busy with other tests
WORKER_STOP_LIMIT = 30  # seconds
ROOT = Path(__file__).parents[2]
FAILED = pytest.StashKey[bool]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


def _why_not() -> str | None:
    if not _chromium():
        return "no Chromium on this machine (apt-get install chromium)"
    if not all((ASSETS / name).is_dir() for name in ("bootstrap", "alpinejs", "axe-core")):
        return f"{ASSETS.parent.relative_to(ROOT)} is empty: `make test` fills it, with npm"
    return None


def _chromium() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests of this folder; it ends before tests of others begin."""
    if reason := _why_not():
        pytest.skip(reason)
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    with pytest.MonkeyPatch.context() as environment:
        # Playwright's event loop lives in the thread of the tests, and Django would refuse the
        # database there. Nothing else runs in that loop while a test uses the database.
        environment.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        with playwright.sync_playwright() as driver:
            chromium = driver.chromium.launch(executable_path=_chromium(), args=CHROMIUM_FLAGS)
            yield chromium
            chromium.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report


@pytest.fixture
def page(
    browser: Browser, live_server: LiveServer, request: pytest.FixtureRequest
) -> Iterator[Page]:
    """A window on the server under test; what it shows when the test fails is kept."""
    context = browser.new_context(
        base_url=live_server.url, viewport={"width": 1300, "height": 900}, locale="en"
    )
    context.set_default_timeout(PATIENCE)
    watch = Watch(context, live_server.url)
    window = context.new_page()
    yield window
    if request.node.stash.get(FAILED, False):
        window.screenshot(path=ROOT / f"screenshots/failed-{request.node.name}.png")
    context.close()
    assert not watch.complaints, "the browser complained:\n" + "\n".join(watch.complaints)


class SignIn(Protocol):
    def __call__(self, user: User) -> None: ...


@pytest.fixture
def sign_in(page: Page, live_server: LiveServer) -> SignIn:
    """Return a function that gives the window the session of a user, without the login form."""
    from django.test import Client

    def give_session(user: User) -> None:
        client = Client()
        client.force_login(user)
        page.context.add_cookies(
            [{"name": "sessionid", "value": client.cookies["sessionid"].value,
              "url": live_server.url}]
        )  # fmt: skip

    return give_session


@pytest.fixture
def worker(
    transactional_db: None, settings: Settings, tmp_path: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """
    ``manage.py run_pipelines`` in a process of its own; its log is shown if the test fails.

    It has the pipelines and executors that the test has set when it asks for this fixture.
    """
    log = tmp_path / "worker.log"
    (tmp_path / "worker_settings.py").write_text(
        "from tests.settings import *\n"
        f"TOM_PIPELINES = {settings.TOM_PIPELINES!r}\n"
        f"TOM_EDUCATION_PIPELINES = {getattr(settings, 'TOM_EDUCATION_PIPELINES', {})!r}\n"
    )
    path = [str(tmp_path), str(ROOT), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "worker_settings",
        "PYTHONPATH": os.pathsep.join(path),
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "django", "run_pipelines"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield process
        ended_early = process.poll()
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(WORKER_STOP_LIMIT)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        finally:
            print("The worker's log:\n" + log.read_text(errors="replace"))  # noqa: T201
    assert ended_early is None, f"the worker ended during the test, with {ended_early}"


@pytest.fixture(params=["light", "dark"])
def theme(request: pytest.FixtureRequest, settings: Settings) -> str:
    """Run the test in both of the TOM's colour themes."""
    settings.CSS_THEME = "Dark" if request.param == "dark" else None
    return str(request.param)


class Screenshot(Protocol):
    def __call__(self, name: str, *, full_page: bool = ...) -> Path: ...


@pytest.fixture
def screenshot(page: Page, request: pytest.FixtureRequest) -> Screenshot:
    """
    Return a function that keeps a picture of the page, to be looked at.

    Into ``screenshots/``, which git ignores, or where the environment's SCREENSHOTS says; the
    theme is added to the name.
    """
    folder = Path(os.environ.get("SCREENSHOTS", ROOT / "screenshots"))
    uses_theme = "theme" in request.fixturenames
    suffix = f"-{request.getfixturevalue('theme')}" if uses_theme else ""

    def keep(name: str, *, full_page: bool = False) -> Path:
        path = folder / f"{name}{suffix}.png"
        page.screenshot(path=path, full_page=full_page, animations="disabled")
        return path

    return keep
