from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Shell = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Return a function that runs ``tom-pipelines`` in a folder of this test."""

    def run(*arguments: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("DJANGO_", "TOM_", "PYTEST_"))
        }
        environment["PYTHONPATH"] = os.pathsep.join(
            [str(folder) for folder in (path, Path.cwd()) if folder]
        )
        return subprocess.run(
            [sys.executable, "-m", "tom_pipeline_core.cli", *arguments],
            cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120,
            check=False,
        )  # fmt: skip

    return run


@pytest.fixture
def frames(tmp_path: Path) -> list[str]:
    """Two small files in the folder of the test."""
    for name in ("a.fits", "b.fits"):
        (tmp_path / name).write_bytes(b"SIMPLE")
    return ["a.fits", "b.fits"]
