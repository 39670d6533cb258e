"""Showing how far a process is, while it is waited for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def watching(wanted: bool) -> Iterator[Callable[[Any], None]]:
    """Give a function that shows a process: as a bar with rich, as lines without it."""
    if not wanted:
        yield lambda process: None
        return
    try:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
    except ImportError:
        yield _Lines()
        return
    columns = (
        TextColumn("{task.fields[state]}"),
        BarColumn(),
        TextColumn("{task.fields[count]}"),
        TimeElapsedColumn(),
        TextColumn("{task.description}", markup=False),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=None, state="", count="")

        def show(process: Any) -> None:
            done, total = process.progress
            if process.state == "succeeded":
                done = total = total or 1
            bar.update(
                task,
                description=process.status,
                state=process.state,
                completed=done or 0,
                total=total,
                count=f"{done:g}/{total:g}" if total else "",
            )

        yield show


class _Lines:
    """One line for each change, to standard error."""

    def __init__(self) -> None:
        self.last = ""

    def __call__(self, process: Any) -> None:
        done, total = process.progress
        count = f" {done or 0:g}/{total:g}" if total else ""
        line = f"{process.state}{count} {process.status}"
        if line != self.last:
            sys.stderr.write(f"{line}\n")
            self.last = line
