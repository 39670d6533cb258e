"""What tells that a preloaded parent holds old code: a few hundred file times, read in a millisecond."""

from __future__ import annotations

import os
from collections.abc import Iterable

Fingerprint = frozenset[tuple[str, int]]

_INSTALLED = (".dist-info", ".egg-info", ".egg-link", ".pth")


def fingerprint(path: Iterable[str], files: Iterable[str]) -> Fingerprint:
    """
    Return a value that changes when code changes.

    Parameters
    ----------
    path : iterable of str
        An import path: what is installed there, and when, is part of it.
    files : iterable of str
        Single source files, such as the settings.
    """
    marks: set[tuple[str, int]] = set()
    for folder in path:
        try:
            with os.scandir(folder) as entries:
                marks.update(
                    (entry.path, entry.stat().st_mtime_ns)
                    for entry in entries
                    if entry.name.endswith(_INSTALLED)
                )
        except OSError:
            continue  # a zip file, or a folder that is gone
    for file in files:
        try:
            marks.add((file, os.stat(file).st_mtime_ns))  # noqa: PTH116 - hundreds of them
        except OSError:
            marks.add((file, 0))
    return frozenset(marks)
