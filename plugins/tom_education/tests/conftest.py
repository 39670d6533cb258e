"""The shared fixtures of the core's tests, and pipelines written in the old style."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import (  # noqa: F401 - fixtures
    django_db_setup,
    make_product,
    make_target,
    media_root,
    superuser,
    target,
    user,
)

OLD_STYLE = "plugins.tom_education.tests.old_pipelines"


@pytest.fixture
def old_pipelines(settings: Any) -> None:
    """Name every old-style pipeline in the settings, to be run in the calling thread."""
    from tom_education.models import PipelineProcess

    from plugins.tom_education.tests import old_pipelines as module

    settings.TOM_EDUCATION_PIPELINES = {
        name: f"{OLD_STYLE}.{name}"
        for name, value in vars(module).items()
        if isinstance(value, type)
        and issubclass(value, PipelineProcess)
        and value is not PipelineProcess
    }
    settings.TOM_PIPELINES = {
        **settings.TOM_PIPELINES,
        "EXECUTORS": {"default": {"BACKEND": "immediate"}},
    }
