"""What is asked of the site, and when it is asked again; shared by both clients."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from time import time
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit
from uuid import uuid4

import httpx

AGAIN = frozenset({429, 502, 503, 504})
LONGEST_PAUSE = 30.0
POLL_FIRST, POLL_MOST = 0.5, 5.0


@dataclass(frozen=True)
class Call:
    """
    One request.

    ``repeatable`` says whether a request that may have arrived can be sent again.
    """

    method: str
    path: str
    params: Mapping[str, Any] = field(default_factory=dict)
    json: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = True


def get(path: str, *, tag: str = "", **params: Any) -> Call:
    """Return a request that reads; with ``tag`` the answer may be 304."""
    given = {name: value for name, value in params.items() if value is not None}
    return Call("GET", path, given, headers={"If-None-Match": tag} if tag else {})


def pages(path: str, **params: Any) -> Call:
    """Return the request of the first page of a list."""
    return get(path, **params)


def next_page(call: Call, body: Mapping[str, Any]) -> Call | None:
    """Return the request of the page after ``body``; of its address only the query is used."""
    address = body.get("next")
    if not address:
        return None
    params: dict[str, Any] = {}
    for name, value in parse_qsl(urlsplit(address).query):
        params.setdefault(name, []).append(value)
    return Call("GET", call.path, params)


def submit(
    pipeline: str,
    target: int,
    products: Sequence[int] | None,
    match: Mapping[str, str] | None,
    parameters: Mapping[str, Any] | None,
    key: str | None,
) -> Call:
    """Return the request that makes a process; its key makes it safe to send again."""
    body: dict[str, Any] = {"pipeline": pipeline, "target": target}
    if products is not None:
        body["products"] = list(products)
    if match is not None:
        body["match"] = dict(match)
    if parameters:
        body["parameters"] = dict(parameters)
    return Call("POST", "processes/", json=body, headers=_key(key))


def run_again(pk: int, parameters: Mapping[str, Any], key: str | None) -> Call:
    """Return the request that runs a process again."""
    body = {"parameters": dict(parameters)} if parameters else {}
    return Call("POST", f"processes/{pk}/run-again/", json=body, headers=_key(key))


def cancel(pk: int) -> Call:
    """Return the request that cancels; sending it twice is harmless."""
    return Call("POST", f"processes/{pk}/cancel/", json={})


def _key(key: str | None) -> dict[str, str]:
    return {"Idempotency-Key": key or uuid4().hex}


def pause_before_retry(attempt: int, response: httpx.Response | None) -> float:
    """
    Return how many seconds to wait before sending a request again.

    Parameters
    ----------
    attempt : int
        How often it was sent.
    response : httpx.Response or None
        None if none came.
    """
    asked = response.headers.get("Retry-After") if response is not None else None
    if asked:
        try:
            wanted = float(asked)
        except ValueError:
            try:
                wanted = parsedate_to_datetime(asked).timestamp() - time()
            except ValueError:
                wanted = 0.0
        return min(max(wanted, 0.0), LONGEST_PAUSE * 2)
    pause: float = min(0.25 * 2.0 ** (attempt - 1), LONGEST_PAUSE)
    return pause * random.uniform(0.5, 1.0)  # noqa: S311 - only spreads the clients


def poll_pause(quiet: int) -> float:
    """Return how many seconds to wait before asking again, after ``quiet`` answers without news."""
    return float(min(POLL_FIRST * 1.5**quiet, POLL_MOST))


def api_root(url: str) -> str:
    """
    Return where the API of a site is.

    Raises
    ------
    ValueError
        If ``url`` is no address of a web site.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{url!r} is no address of a TOM; write it as https://tom.example.org")
    if parts.username or parts.password:
        raise ValueError("The address of the TOM must hold no password; use a token.")
    path = parts.path.rstrip("/").removesuffix("/api/pipelines")
    return f"{parts.scheme}://{parts.netloc}{path}/api/pipelines/"


def check(
    pipeline: str,
    target: int,
    products: Sequence[int] | None,
    match: Mapping[str, str] | None,
    parameters: Mapping[str, Any] | None,
) -> Call:
    """Return the request that checks a submission."""
    body = submit(pipeline, target, products, match, parameters, None).json
    return Call("POST", "preflight/", json=body)


def quoted(name: str) -> str:
    """Return a name as a part of a path."""
    return quote(name, safe="")


def not_one_target(name: str, found: Sequence[Mapping[str, Any]]) -> str:
    """Return what to say when a name means no target, or several."""
    if not found:
        return f"You see no target called {name!r} there."
    shown = ", ".join(f"{row['id']} ({row['name']})" for row in found[:10])
    return f"{name!r} means several targets: {shown}. Give the number of one."
