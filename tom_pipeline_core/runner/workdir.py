"""The folder of one run, named so that left-over ones can be told from live ones."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PREFIX = "tom-pipeline-"
_NAME = re.compile(rf"{PREFIX}(\d+)-(\d+)-")


@contextmanager
def work_folder(pk: int, attempt: int) -> Iterator[Path]:
    """Make a fresh folder and remove it afterwards; the random end keeps old files out."""
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{pk}-{attempt}-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def left_over_folders() -> Iterator[tuple[Path, int, int]]:
    """Yield all work folders on this machine with their process and attempt."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        match = _NAME.match(folder.name)
        if match and folder.is_dir():
            yield folder, int(match[1]), int(match[2])
