"""Small distributions as an installer leaves them: a dist-info folder beside its modules."""

from __future__ import annotations

import importlib
import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import dedent

import pytest
from django.apps import apps

from tom_pipeline_core import registry
from tom_pipeline_core.registry.editable import read_project

PIPELINE = """
    from tom_pipeline_core.models import PipelineProcess

    class Healthy(PipelineProcess):
        short_name = 'healthy'

        def do_pipeline(self, tmpdir):
            return []
"""


def _forget_models(module: str) -> None:
    """Let Django forget pipelines of a module, which another test may define again."""
    if not apps.ready:
        return
    for label, models in list(apps.all_models.items()):
        for key, model in list(models.items()):
            if model.__module__ == module:
                del apps.all_models[label][key]
    apps.clear_cache()


def write_metadata(checkout: Path) -> None:
    """Install a checkout as an editable install does, with the checkout itself on the path."""
    project = read_project(checkout / "pyproject.toml")
    assert project is not None
    for old in checkout.glob("*.dist-info"):
        shutil.rmtree(old)
    info = checkout / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    requires = "".join(f"Requires-Dist: {line}\n" for line in project["dependencies"])
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n{requires}"
    )
    (info / "entry_points.txt").write_text(
        "".join(
            f"[{group}]\n" + "".join(f"{name} = {target}\n" for name, target in points.items())
            for group, points in project["entry-points"].items()
        )
    )


class SitePackages:
    """A folder on ``sys.path`` to install into; everything is undone by :meth:`close`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._modules = set(sys.modules)
        sys.path.insert(0, str(folder))
        self.changed()

    def install(
        self,
        name: str,
        version: str = "1.0",
        *,
        pipelines: Mapping[str, str] | None = None,
        hooks: Mapping[str, str] | None = None,
        executors: Mapping[str, str] | None = None,
        requires: str = "tom-pipeline-core",
        modules: Mapping[str, str] | None = None,
        editable: Path | None = None,
        folder: str = "",
        metadata: bool = True,
    ) -> Path:
        """Install a distribution, and return its dist-info folder."""
        info = self.folder / (folder or f"{name.replace('-', '_')}-{version}.dist-info")
        info.mkdir()
        if metadata:
            (info / "METADATA").write_text(
                f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
                + (f"Requires-Dist: {requires}\n" if requires else "")
            )
        groups = {"pipelines": pipelines, "hooks": hooks, "executors": executors}
        (info / "entry_points.txt").write_text(
            "\n".join(
                f"[tom_pipeline_core.{group}]\n"
                + "".join(f"{key} = {value}\n" for key, value in lines.items())
                for group, lines in groups.items()
                if lines
            )
        )
        if editable is not None:
            (info / "direct_url.json").write_text(
                json.dumps({"url": editable.as_uri(), "dir_info": {"editable": True}})
            )
        for module, source in (modules or {}).items():
            (self.folder / f"{module}.py").write_text(dedent(source))
        self.changed()
        return info

    def close(self) -> None:
        """Take the folder off ``sys.path`` and forget the modules that came from it."""
        sys.path.remove(str(self.folder))
        for name in set(sys.modules) - self._modules:
            origin = getattr(sys.modules[name], "__file__", None)
            if origin and Path(origin).is_relative_to(self.folder):
                del sys.modules[name]
                _forget_models(name)
        self.changed()

    def changed(self) -> None:
        """Let the registry look again."""
        importlib.invalidate_caches()
        registry.clear_cache()


@pytest.fixture
def site_packages(tmp_path: Path) -> Iterator[SitePackages]:
    folder = tmp_path / "site-packages"
    folder.mkdir()
    site = SitePackages(folder)
    yield site
    site.close()
