"""A selection in one form field."""

from __future__ import annotations

import pytest

from tom_pipeline_core.web.create.id_ranges import MOST, decode, encode


@pytest.mark.parametrize(
    ("ids", "text"),
    [
        (set(), ""),
        ({5}, "5"),
        ({1, 2, 3, 7, 9, 10}, "1-3,7,9-10"),
        (set(range(1, 10_001)), "1-10000"),
    ],
)
def test_ids_go_there_and_back(ids: set[int], text: str) -> None:
    assert encode(ids) == text
    assert decode(text) == ids


@pytest.mark.parametrize("text", ["x", "-3", "5-", "3-1", "1e3", "٣", "9" * 30, "<script>", ",,"])
def test_what_is_no_range_is_left_out(text: str) -> None:
    assert decode(text) == set()
    assert decode(f"4,{text},8") >= {4}


def test_a_range_without_bounds_does_not_fill_the_memory() -> None:
    assert decode("1-999999999999999999") == set()
    assert len(decode(",".join(f"{n * 10_000}-{n * 10_000 + 9_999}" for n in range(100)))) <= MOST
