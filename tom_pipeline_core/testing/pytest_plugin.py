"""
The pytest plugin that comes with the core: fixtures for the tests of pipelines.

It is imported in every pytest run of the environment, and before coverage begins: nothing but
pytest is imported until a fixture is used. With pytest-django and settings of its own, a test uses
that TOM; without, a throw-away one, made at the first use, or before anything is collected::

    [tool.pytest.ini_options]
    tom_pipelines_site = true       # tests may import pipelines at their top
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tom_pipeline_core.standalone import Result
    from tom_pipeline_core.testing.frames import Series


INI = "tom_pipelines_site"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the option by which tests may import pipelines at their top."""
    parser.addini(
        INI,
        "make a throw-away TOM before tests are collected, so that they can import pipelines",
        type="bool",
        default=False,
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the TOM early where the project asks for it."""
    if not config.pluginmanager.hasplugin("django"):
        # A mark that the contract uses.
        config.addinivalue_line("markers", "django_db: without pytest-django this has no effect")
    if config.getini(INI) and not _django_is_configured():
        from tom_pipeline_core import standalone

        site = ExitStack()
        site.enter_context(standalone.start())
        config.add_cleanup(site.close)


def _django_is_configured() -> bool:
    if os.environ.get("DJANGO_SETTINGS_MODULE"):
        return True
    if "django.conf" not in sys.modules:
        return False
    from django.conf import settings

    return bool(settings.configured)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark tests that use a TOM, so that pytest-django makes its database."""
    if not (config.pluginmanager.hasplugin("django") and _django_is_configured()):
        return
    for item in items:
        uses_site = "pipeline_site" in getattr(item, "fixturenames", ())
        if uses_site and item.get_closest_marker("django_db") is None:
            item.add_marker(pytest.mark.django_db)


@pytest.fixture(scope="session")
def _throw_away_tom() -> Iterator[Path]:
    from tom_pipeline_core import standalone

    with standalone.start() as folder:
        yield folder


@pytest.fixture
def pipeline_site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[None]:
    """Make sure of a TOM; uploaded files go to a folder of this test."""
    if not _django_is_configured():
        request.getfixturevalue("_throw_away_tom")
    from django.test import override_settings

    with override_settings(MEDIA_ROOT=str(tmp_path / "media")):
        yield


@pytest.fixture
def make_frames(tmp_path: Path) -> Callable[..., Series]:
    """
    Return a function that writes synthetic FITS frames of a field with known stars.

    See :func:`tom_pipeline_core.testing.frames.make_series` for arguments and result.
    """

    def make(folder: Path | str | None = None, **options: Any) -> Series:
        from tom_pipeline_core.testing.frames import make_series

        return make_series(folder if folder is not None else tmp_path / "frames", **options)

    return make


@pytest.fixture
def target(pipeline_site: None) -> Any:
    """A public sidereal target at RA 150.1 and declination -27.4 degrees (ICRS)."""
    from tom_pipeline_core.standalone.run import add_target

    return add_target(ra=150.1, dec=-27.4)


@pytest.fixture
def run_pipeline(pipeline_site: None) -> Callable[..., Result]:
    """
    Return a function that runs a pipeline in this thread and returns what it gave.

    ::

        def test_the_star_is_found(run_pipeline, make_frames):
            series = make_frames(n_frames=3)
            result = run_pipeline('stack', series.paths, ra=series.target_ra, dec=series.target_dec)
            assert result.ok, result.message

    The pipeline is a class, an installed name or ``module:Class``; keyword arguments besides
    ``ra``, ``dec`` and ``target`` are its parameters, or give a mapping as ``parameters``.
    """

    def run(
        pipeline: Any,
        files: Any = (),
        *,
        ra: float | None = None,
        dec: float | None = None,
        target: Any = None,
        parameters: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> Result:
        from tom_pipeline_core import standalone

        return standalone.run(
            name_of(pipeline), files, ra=ra, dec=dec, target=target,
            parameters={**(parameters or {}), **more},
        )  # fmt: skip

    return run


def name_of(pipeline: Any) -> str:
    """Return the name under which the registry knows a class, a name or ``module:Class``."""
    from tom_pipeline_core import registry, standalone
    from tom_pipeline_core.exceptions import PipelineNotFound

    if isinstance(pipeline, type):
        return standalone.register(f"{pipeline.__module__}:{pipeline.__qualname__}")
    try:
        return registry.find(pipeline).qualified_id
    except PipelineNotFound:
        if ":" in str(pipeline):
            return standalone.register(str(pipeline))
        raise
