"""
A selection of thousands of rows in one form field: ``3,10-250``.

A hidden field for each row would exceed Django's limit on form fields at a thousand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

MOST = 30_000
"""More ids than this are not read: a range is short to write, and SQLite takes 32,766 in a query."""

_PART = re.compile(r"(\d{1,18})(?:-(\d{1,18}))?", re.ASCII)


def decode(text: str) -> set[int]:
    """Return the ids; what is not a number or a range is left out."""
    ids: set[int] = set()
    for part in text.split(","):
        match = _PART.fullmatch(part.strip())
        if match is None:
            continue
        first, last = int(match[1]), int(match[2] or match[1])
        if last - first >= MOST - len(ids):
            break
        ids.update(range(first, last + 1))
    return ids


def encode(ids: Iterable[int]) -> str:
    """Return the ids in order, runs of them as ranges."""
    parts: list[list[int]] = []
    for number in sorted(set(ids)):
        if parts and parts[-1][1] == number - 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ",".join(f"{first}-{last}" if last > first else str(first) for first, last in parts)
