"""The folder of one run, named so that left-over ones can be told from live ones."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.utils.crypto import salted_hmac


def _prefix() -> str:
    """Return the start of this site's names: several sites may share a machine."""
    site = f"{settings.SECRET_KEY} {settings.DATABASES['default']}"
    mark = salted_hmac("tom_pipeline_core.workdir", "folder", secret=site).hexdigest()[:8]
    return f"tom-pipeline-{mark}-"


@contextmanager
def work_folder(pk: int, attempt: int) -> Iterator[Path]:
    """Make a fresh folder and remove it afterwards; the random end keeps old files out."""
    folder = Path(tempfile.mkdtemp(prefix=f"{_prefix()}{pk}-{attempt}-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def left_over_folders() -> Iterator[tuple[Path, int, int]]:
    """Yield all work folders on this machine with their process and attempt."""
    prefix = _prefix()
    for folder in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        match = re.match(r"(\d+)-(\d+)-", folder.name.removeprefix(prefix))
        if match and folder.is_dir():
            yield folder, int(match[1]), int(match[2])
