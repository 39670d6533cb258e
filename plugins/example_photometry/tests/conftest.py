from __future__ import annotations

import pytest

from tom_pipeline_core.testing.frames import Series, make_series


@pytest.fixture(scope="session")
def series(tmp_path_factory: pytest.TempPathFactory) -> Series:
    """Eight frames of a variable star, plain and compressed in turn. Read only."""
    return make_series(tmp_path_factory.mktemp("series"), n_frames=8, seed=3, cosmic_rays=0)
