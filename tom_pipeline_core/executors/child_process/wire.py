"""
What worker, preloaded parent, guard and run say to each other.

Requests are JSON with a length before it, so that their size does not matter. Orders are single
bytes on the lifeline. Records are JSON, one a line, on the record pipe.
"""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Callable
from typing import Any

STOP = b"T"
"""SIGTERM now, SIGKILL after the grace."""
KILL = b"K"
"""SIGKILL now."""
RENEWED = b"."
"""The lease was renewed: the guard's clock starts anew."""

_LENGTH = struct.Struct("!Q")


def pack(message: dict[str, Any]) -> bytes:
    """Return a message with its length before it."""
    body = json.dumps(message).encode()
    return _LENGTH.pack(len(body)) + body


def unpack(read: Callable[[int], bytes], start: bytes = b"") -> dict[str, Any]:
    """
    Read one message.

    Parameters
    ----------
    read : callable
        Returns at least one and at most so many bytes, or none at the end.
    start : bytes
        What was read already.

    Raises
    ------
    EOFError
        If the other side has gone.
    """
    head = _exactly(read, _LENGTH.size, start)
    message: dict[str, Any] = json.loads(_exactly(read, _LENGTH.unpack(head)[0]))
    return message


def _exactly(read: Callable[[int], bytes], size: int, start: bytes = b"") -> bytes:
    parts = bytearray(start)
    while len(parts) < size:
        part = read(size - len(parts))
        if not part:
            raise EOFError("the other side has gone")
        parts += part
    return bytes(parts)


def receive_with_descriptors(
    connection: socket.socket, count: int
) -> tuple[dict[str, Any], list[int]] | None:
    """Read one message and the descriptors that came with it; None at the end."""
    head, descriptors, _flags, _address = socket.recv_fds(connection, _LENGTH.size, count)
    if not head:
        return None
    return unpack(connection.recv, head), list(descriptors)


def send_with_descriptors(
    connection: socket.socket, message: dict[str, Any], descriptors: list[int]
) -> None:
    """Send one message; the descriptors travel with its first byte."""
    data = pack(message)
    sent = socket.send_fds(connection, [data[: _LENGTH.size]], descriptors)
    connection.sendall(data[sent:])


def record(kind: str, /, **values: Any) -> bytes:
    """Return a record as it goes down the pipe."""
    return json.dumps({"is": kind, **values}).encode() + b"\n"


def write_all(descriptor: int, data: bytes) -> None:
    """Write everything to a blocking descriptor."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
