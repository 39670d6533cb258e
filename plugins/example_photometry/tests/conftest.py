from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tom_pipeline_core.testing.frames import Series, make_series

BESIDE = Path(
    os.environ.get(
        "EXAMPLE_PHOTOMETRY_SHARED", Path(__file__).resolve().parents[3].parent / "shared"
    )
)
"""Real frames and an independent generator, too large or not free enough for the repository."""


@pytest.fixture(scope="session")
def series(tmp_path_factory: pytest.TempPathFactory) -> Series:
    """Eight frames of a variable star, plain and compressed in turn. Read only."""
    return make_series(tmp_path_factory.mktemp("series"), n_frames=8, seed=3, cosmic_rays=0)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with real frames; tests that need it are skipped where it is missing."""
    folder = BESIDE / "data"
    if not folder.is_dir():
        pytest.skip(f"no real frames at {folder} (set EXAMPLE_PHOTOMETRY_SHARED)")
    return folder


def _tool(name: str) -> ModuleType:
    path = BESIDE / "tools" / f"{name}.py"
    if not path.is_file():
        pytest.skip(f"no independent generator at {path} (set EXAMPLE_PHOTOMETRY_SHARED)")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def generator() -> ModuleType:
    """An independent generator of series, with the physical limit of their photometry."""
    return _tool("synth_series")


@pytest.fixture(scope="session")
def judge() -> ModuleType:
    """An independent judge of measured light curves."""
    return _tool("judge_series")
