"""Light curves in a row of a table."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from tom_pipeline_core.web.sparkline import MOST_DOTS, sparkline

NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


def test_brighter_is_higher_and_later_is_further_right() -> None:
    curve = sparkline([(NOON + timedelta(hours=1), 16.0), (NOON, 15.0), (NOON, float("nan"))])
    assert curve is not None
    (x1, y1), (x2, y2) = curve.dots
    assert x1 < x2
    assert y1 < y2
    assert curve.words == "2 points between 15.00 and 16.00 mag"


def test_one_point_is_no_curve_and_many_are_thinned() -> None:
    assert sparkline([(NOON, 15.0)]) is None
    curve = sparkline((NOON + timedelta(minutes=n), 15.0) for n in range(1000))
    assert curve is not None
    assert len(curve.dots) <= MOST_DOTS
