"""Bytes from a pipe, as lines of bounded length."""

from __future__ import annotations

from collections.abc import Iterator


class LineSplitter:
    """
    Splits a stream into lines, and holds no more of it than one bounded line.

    Parameters
    ----------
    limit : int
        Bytes of a line. Of a longer one ``limit`` + 1 are given out, and the rest is dropped.
    overwrites : bool
        A carriage return overwrites what stands before it in the line, as on a terminal: of a
        progress bar its last state remains.
    """

    def __init__(self, limit: int, *, overwrites: bool = False) -> None:
        self._limit = limit
        self._overwrites = overwrites
        self._rest = bytearray()
        self._skipping = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take bytes and yield the lines that are complete."""
        *lines, rest = data.split(b"\n")
        for line in lines:
            if self._skipping:
                self._skipping = False
            elif self._rest:
                self._rest += line
                yield self._visible(bytes(self._rest))
                self._rest.clear()
            else:
                yield self._visible(line)
        if self._skipping:
            return
        self._rest += rest
        if len(self._rest) > self._limit:
            # Keep a return at the end: a line feed may follow, and then it overwrites nothing.
            end = b"\r" if self._overwrites and self._rest.endswith(b"\r") else b""
            line = self._visible(bytes(self._rest))
            self._rest = bytearray(line) + end
            if len(line) > self._limit:
                yield line
                self._rest.clear()
                self._skipping = True

    def rest(self) -> Iterator[bytes]:
        """Yield what has no line end; nothing more will come."""
        if self._rest:
            yield self._visible(bytes(self._rest))
        self._rest.clear()

    def _visible(self, line: bytes) -> bytes:
        if self._overwrites and b"\r" in line:
            line = line.removesuffix(b"\r").rpartition(b"\r")[2]
        return line[: self._limit + 1]
