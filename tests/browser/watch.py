"""
Keeps a browser on this machine, and remembers what went wrong in it.

The stock pages load Bootstrap, Alpine and viewers of images and skies from elsewhere. The first two
come from local copies (``tests/browser/package.json``); everything else is refused.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Route

ASSETS = Path(__file__).parents[2] / ".cache/browser/node_modules"

# What tomtoolkit's own pages complain about when they are offline; not ours to put right.
STOCK_NOISE = re.compile(
    r"JS9 is not defined|JS9\.\w+|A is not defined|Aladin|tom_common/css/custom\.css"
)


def local_copy(url: str) -> Path | None:
    """Return the local copy of something the pages load from elsewhere."""
    if match := re.search(r"/npm/bootstrap@[^/]+/(.+)$", url):
        return ASSETS / "bootstrap" / match[1]
    if "/npm/alpinejs@" in url:
        return ASSETS / "alpinejs/dist/cdn.min.js"
    return None


class Watch:
    """
    What a browser context asked for and complained about.

    Parameters
    ----------
    context : BrowserContext
        Before its first page.
    site : str
        URL of the server under test; nothing else is reached.
    """

    def __init__(self, context: BrowserContext, site: str) -> None:
        self.site = site
        self.refused: list[str] = []
        self.complaints: list[str] = []
        context.route("**/*", self._route)
        context.on("console", self._on_console)
        context.on("weberror", lambda error: self._complain(str(error.error)))
        context.on("response", self._on_response)

    def _route(self, route: Route) -> None:
        url = route.request.url
        if url.startswith((self.site, "data:", "blob:")):
            route.continue_()
            return
        path = local_copy(url)
        if path is None:
            self.refused.append(url)
            route.abort()
            return
        kind = "text/css" if path.suffix == ".css" else "text/javascript"
        # The pages ask for these with an integrity hash, which needs the header of other origins.
        headers = {"Access-Control-Allow-Origin": "*", "Content-Type": kind}
        route.fulfill(path=path, headers=headers)

    def _on_console(self, message: ConsoleMessage) -> None:
        elsewhere = not message.location.get("url", "").startswith(self.site)
        if message.type in ("error", "warning") and not (
            elsewhere and "Failed to load resource" in message.text
        ):
            self._complain(f"{message.type}: {message.text} ({message.location.get('url')})")

    def _on_response(self, response: object) -> None:
        status, url = getattr(response, "status"), getattr(response, "url")  # noqa: B009
        if status >= 500:
            self._complain(f"{status} {url}")

    def _complain(self, text: str) -> None:
        if not STOCK_NOISE.search(text):
            self.complaints.append(text)


def accessibility_problems(page: Page, within: str) -> list[str]:
    """
    Return what axe-core holds against a part of the page (WCAG 2.1, levels A and AA).

    Parameters
    ----------
    page : Page
    within : str
        CSS selector of the part that is ours; the TOM's own pages have problems of their own.
    """
    page.add_script_tag(path=ASSETS / "axe-core/axe.min.js")
    result = page.evaluate(
        """selector => axe.run(selector, {
            runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'], resultTypes: ['violations'],
            preload: false
        })""",
        within,
    )
    return [
        f"{violation['id']}: {node['failureSummary']} in {node['html'][:200]}"
        for violation in result["violations"]
        for node in violation["nodes"]
    ]
