"""What can go wrong, with what the site said about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import httpx


class ApiError(Exception):
    """
    The site answered with an error.

    Attributes
    ----------
    status : int
        Of HTTP.
    errors : dict of str to list of str
        Messages per field, where the site gave any.
    """

    def __init__(
        self, text: str, *, status: int, errors: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        self.status = status
        self.errors = {name: list(texts) for name, texts in (errors or {}).items()}
        super().__init__(text)


class NotLoggedIn(ApiError):
    """The token is missing, wrong or expired."""


class NotFound(ApiError):
    """It does not exist, or is not yours to see."""


class Conflict(ApiError):
    """The state of the process does not allow it."""


class Refused(ApiError):
    """The submission was refused; ``errors`` says why."""


class Unreachable(Exception):
    """No answer came, however often it was tried."""


class DownloadError(Exception):
    """What arrived is not what the site says it sent."""


class ProcessFailed(Exception):
    """
    The process ended without success.

    Attributes
    ----------
    process : Process or AsyncProcess
    """

    def __init__(self, process: Any) -> None:
        self.process = process
        super().__init__(
            f"Process {process.id} ({process.pipeline_name}) {process.state}"
            + (f": {process.failure_message}" if process.failure_message else "")
        )


_BY_STATUS: dict[int, type[ApiError]] = {
    401: NotLoggedIn,
    404: NotFound,
    409: Conflict,
    413: Refused,
    422: Refused,
}


def raise_for_problem(response: httpx.Response) -> None:
    """Raise what an answer says to be wrong; the body must have been read."""
    if response.status_code < 400:
        return
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    if not isinstance(problem, dict):
        problem = {}
    errors = problem.get("errors") or {}
    text = str(problem.get("detail") or f"{response.status_code} {response.reason_phrase}")
    if response.status_code == 403 and not problem:
        text += (
            ". If the site is locked (AUTH_STRATEGY), its staff must add "
            "OPEN_URLS = ['/api/pipelines/*']"
        )
    if errors:
        text = "; ".join(
            message if name == "__all__" else f"{name}: {message}"
            for name, messages in errors.items()
            for message in messages
        )
    raise _BY_STATUS.get(response.status_code, ApiError)(
        text, status=response.status_code, errors=errors
    )
