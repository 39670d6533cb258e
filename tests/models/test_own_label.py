"""An installed app keeps its label for the pipelines that its migrations hold, and for no other."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.test.utils import override_settings

from tests.installed import SitePackages, _forget_models
from tom_pipeline_core.models import own_label

MODELS = """
from tom_pipeline_core.models import PipelineProcess


class Kept(PipelineProcess):
    def do_pipeline(self, tmpdir):
        return []


class Renamed(PipelineProcess):
    pass


class Deleted(PipelineProcess):
    pass


class Never(PipelineProcess):
    pass
"""
FIRST = """
from django.db import migrations


class Migration(migrations.Migration):
    operations = [
        migrations.CreateModel(name='Kept', fields=[], options={'proxy': True}),
        migrations.CreateModel('Before', []),
        migrations.CreateModel(name='Deleted', fields=[]),
    ]
"""
SECOND = """
from django.db.migrations import DeleteModel, RenameModel
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [('old_app', '0001_initial')]
    operations = [DeleteModel(name='Deleted'), RenameModel(old_name='Before', new_name='Renamed')]
"""


@pytest.fixture
def old_app(site_packages: SitePackages) -> Iterator[str]:
    folder = site_packages.folder / "old_app"
    (folder / "migrations").mkdir(parents=True)
    for name, text in {
        "__init__.py": "",
        "models.py": MODELS,
        "migrations/__init__.py": "",
        "migrations/0001_initial.py": FIRST,
        "migrations/0002_changes.py": SECOND,
    }.items():
        (folder / name).write_text(text)
    importlib.invalidate_caches()
    own_label._models_of.cache_clear()
    yield "old_app"
    own_label._models_of.cache_clear()
    _forget_models("old_app.models")
    for name in [name for name in sys.modules if name.startswith("old_app")]:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("name", "label"),
    [("Kept", "old_app"), ("Renamed", "old_app"), ("Deleted", None), ("Never", None)],
)
def test_the_label_is_kept_for_what_the_migrations_hold(old_app, name, label):
    with override_settings(INSTALLED_APPS=[*django_settings.INSTALLED_APPS, old_app]):
        models = importlib.import_module("old_app.models")

        kept = getattr(models, name)._meta.app_label

    assert kept == (label or "pipeline_old_app_models")


def test_an_app_that_is_not_installed_lends_no_label(old_app):
    models = importlib.import_module("old_app.models")

    assert models.Kept._meta.app_label == "pipeline_old_app_models"


def test_migrations_elsewhere_are_read_where_the_settings_say(old_app, tmp_path: Path):
    with override_settings(
        INSTALLED_APPS=[*django_settings.INSTALLED_APPS, old_app],
        MIGRATION_MODULES={"old_app": None},
    ):
        assert own_label.own_label("old_app.models", "Kept") is None
