"""A light curve so small that it fits a row of a table."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

WIDTH, HEIGHT, MARGIN = 96, 32, 3
MOST_DOTS = 80
"""More cannot be told apart."""

Point = tuple[datetime, float]


@dataclass(frozen=True)
class Sparkline:
    """Dots in a box of ``WIDTH`` by ``HEIGHT``; brighter is higher."""

    dots: list[tuple[float, float]]
    words: str
    """The same for those who do not see it."""

    width: int = WIDTH
    height: int = HEIGHT


def sparkline(points: Iterable[Point]) -> Sparkline | None:
    """Return the light curve of points of time and magnitude, or None if there are too few."""
    good = sorted((t, m) for t, m in points if math.isfinite(m))
    if len(good) < 2:
        return None
    first, last = good[0][0], good[-1][0]
    bright, faint = min(m for _, m in good), max(m for _, m in good)
    span = (last - first).total_seconds() or 1.0
    depth = (faint - bright) or 1.0
    dots = [
        (
            round(MARGIN + (WIDTH - 2 * MARGIN) * (t - first).total_seconds() / span, 1),
            round(MARGIN + (HEIGHT - 2 * MARGIN) * (m - bright) / depth, 1),
        )
        for t, m in good[:: -(-len(good) // MOST_DOTS)]
    ]
    return Sparkline(dots, f"{len(good)} points between {bright:.2f} and {faint:.2f} mag")
