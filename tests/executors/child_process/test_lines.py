from __future__ import annotations

import pytest

from tom_pipeline_core.executors.child_process.lines import LineSplitter


def split(data: bytes, size: int, **options) -> list[bytes]:
    """Feed ``data`` in pieces of ``size`` bytes."""
    splitter = LineSplitter(10, **options)
    lines: list[bytes] = []
    for start in range(0, len(data), size):
        lines += splitter.feed(data[start : start + size])
    return lines + list(splitter.rest())


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"", []),
        (b"\n", [b""]),
        (b"one\ntwo\n\nend", [b"one", b"two", b"", b"end"]),
        (b"0123456789\n", [b"0123456789"]),
        (b"0123456789abcdef\nnext\n", [b"0123456789a", b"next"]),
        (b"0123456789abcdef", [b"0123456789a"]),
        (b"x" * 1000 + b"\ny\n", [b"x" * 11, b"y"]),
    ],
)
def test_lines_are_split_and_bounded_however_they_arrive(data, lines, size):
    assert split(data, size) == lines


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"a\r\nb\r\n", [b"a", b"b"]),
        (b" 10%\r 20%\r 30%\n", [b" 30%"]),
        (b" 10%\r 20%\r", [b" 20%"]),
        (b"1234567\r1234567\r1234567\rlast\r\nb", [b"last", b"b"]),
    ],
)
def test_a_progress_bar_leaves_its_last_state(data, lines, size):
    assert split(data, size, overwrites=True) == lines


def test_an_endless_line_is_told_at_once_and_not_held():
    splitter = LineSplitter(10)

    assert list(splitter.feed(b"x" * 50)) == [b"x" * 11]
    assert list(splitter.feed(b"x" * 50)) == []
    assert list(splitter.feed(b"x\nnext\n")) == [b"next"]
