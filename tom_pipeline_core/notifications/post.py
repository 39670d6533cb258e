"""One signed POST, to a public address unless the settings allow a private one."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import ipaddress
import json
import socket
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from tom_pipeline_core import __version__
from tom_pipeline_core.conf import WebhookSettings

TIMESTAMP = "X-Tom-Pipelines-Timestamp"
SIGNATURE = "X-Tom-Pipelines-Signature"
DELIVERY = "X-Tom-Pipelines-Delivery"


class Refused(Exception):
    """It is not sent, and trying again would not help."""


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Return ``sha256=`` and the HMAC of ``timestamp.body``; receivers compute the same."""
    signed = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    return f"sha256={signed.hexdigest()}"


def post(webhook: WebhookSettings, payload: Mapping[str, Any], *, delivery: int) -> None:
    """
    Send a payload as JSON. Redirects are not followed.

    Parameters
    ----------
    webhook : WebhookSettings
    payload : mapping
    delivery : int
        A number that is the same at every try, by which receivers know a repetition.

    Raises
    ------
    Refused
        If the address is private, or the receiver says that it will never take it (status 4xx).
    OSError
        If it cannot be reached, is too slow, or answers with another status than 2xx.
    """
    url = urlsplit(webhook.url)
    host, secure = url.hostname or "", url.scheme == "https"
    port = url.port or (443 if secure else 80)
    address = _resolve(host, port, allow_private=webhook.allow_private)
    body = json.dumps(payload, ensure_ascii=False).encode()
    timestamp = str(int(time.time()))
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(host, port, timeout=webhook.timeout)
    # To the address that was looked at: a second look-up could give another one.
    connection._create_connection = (  # type: ignore[attr-defined]
        lambda _where, timeout=None, source=None: socket.create_connection((address, port), timeout)
    )
    try:
        connection.request(
            "POST",
            (url.path or "/") + (f"?{url.query}" if url.query else ""),
            body,
            {
                "Content-Type": "application/json",
                "User-Agent": f"tom-pipeline-core/{__version__}",
                TIMESTAMP: timestamp,
                SIGNATURE: signature(webhook.secret, timestamp, body),
                DELIVERY: str(delivery),
            },
        )
        status = connection.getresponse().status
    except http.client.HTTPException as error:
        raise OSError(f"the answer is no HTTP: {error!r}") from error
    finally:
        connection.close()
    if 200 <= status < 300:
        return
    if 400 <= status < 500 and status not in (408, 425, 429):
        raise Refused(f"the receiver answered with status {status}")
    raise OSError(f"the receiver answered with status {status}")


def _resolve(host: str, port: int, *, allow_private: bool) -> str:
    found = [entry[4][0] for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    for address in found:
        if not allow_private and not ipaddress.ip_address(str(address).partition("%")[0]).is_global:
            raise Refused(
                f"{host} is {address}, inside a private network; set ALLOW_PRIVATE if that is meant"
            )
    return str(found[0])
