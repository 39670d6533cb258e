from __future__ import annotations

import sys

import pytest

from tests.installed import PIPELINE
from tom_pipeline_core import registry
from tom_pipeline_core.exceptions import InvalidPipelineError, PipelineNotFound


@pytest.fixture
def healthy(site_packages):
    site_packages.install(
        "tom-healthy", "3.2", pipelines={"healthy": "healthy_plugin:Healthy"},
        modules={"healthy_plugin": PIPELINE},
    )  # fmt: skip
    yield
    assert registry.load("healthy").__name__ == "Healthy"  # whatever else was broken


def test_a_class_is_imported_when_it_is_loaded_and_once(healthy):
    assert "healthy_plugin" not in sys.modules
    loaded = registry.load("healthy")
    assert loaded is registry.load("tom-healthy:healthy")
    assert loaded.short_name == "healthy"


BROKEN = {
    "import error": ("import no_such_module", "ModuleNotFoundError: No module named", "E020"),
    "system exit": ("import sys\nsys.exit('no licence')", "SystemExit: no licence", "E020"),
    "syntax error": ("class :", "SyntaxError", "E020"),
    "no such class": ("Other = 1", "AttributeError: .*'Pipeline'", "E020"),
    "not a class": ("Pipeline = 3", "it is 3, not a class", "E021"),
    "wrong class": ("class Pipeline: pass", "not a subclass of tom_pipeline_core", "E021"),
    "the base itself": (
        "from tom_pipeline_core.models import PipelineProcess as Pipeline",
        "not a subclass",
        "E021",
    ),
    "no do_pipeline": (
        (
            "from tom_pipeline_core.models import PipelineProcess\n"
            "class Pipeline(PipelineProcess): pass"
        ),
        "does not write do_pipeline",
        "E021",
    ),
    "model field": (
        (
            "from django.db import models\n"
            "from tom_pipeline_core.models import PipelineProcess\n"
            "class Pipeline(PipelineProcess):\n    size = models.IntegerField()"
        ),
        "cannot add database fields",
        "E020",
    ),
    "bad flags": (
        (
            "from tom_pipeline_core.models import PipelineProcess\n"
            "class Pipeline(PipelineProcess):\n"
            "    flags = {'x': 1}\n"
            "    def do_pipeline(self, tmpdir): return []"
        ),
        "parameters are not in order: .*'default' and 'long_name'",
        "E022",
    ),
    "parameters that do_pipeline does not take": (
        (
            "from django import forms\n"
            "from tom_pipeline_core.models import PipelineProcess\n"
            "class Pipeline(PipelineProcess):\n"
            "    class Parameters(forms.Form):\n"
            "        radius = forms.FloatField()\n"
            "    def do_pipeline(self, tmpdir, radios=6): return []"
        ),
        "do_pipeline does not take its parameters radius",
        "E022",
    ),
    "bad parameters": (
        (
            "from tom_pipeline_core.models import PipelineProcess\n"
            "class Pipeline(PipelineProcess):\n"
            "    class Parameters: pass\n"
            "    def do_pipeline(self, tmpdir): return []"
        ),
        "must be a subclass of django.forms.Form",
        "E022",
    ),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_pipeline_fails_alone_and_is_offered_no_more(healthy, site_packages, fault):
    source, message, code = BROKEN[fault]
    site_packages.install(
        "tom-broken", "0.7", pipelines={"broken": "broken_plugin:Pipeline"},
        modules={"broken_plugin": source},
    )  # fmt: skip
    assert "broken" in registry.entries()
    for _ in range(2):
        with pytest.raises(InvalidPipelineError, match=message) as caught:
            registry.load("broken")
        assert "tom-broken 0.7" in str(caught.value)
    assert "broken" not in registry.entries()
    assert "healthy" in registry.entries()
    (row,) = (row for row in registry.listing() if row.name == "broken")
    assert row.state == "load error"
    (found,) = (found for found in registry.faults() if found.subject == "broken")
    assert found.id == f"tom_pipeline_core.{code}"
    assert found.hint


def test_a_failing_module_is_imported_once_in_a_process(healthy, site_packages, tmp_path):
    site_packages.install(
        "tom-broken", pipelines={"broken": "broken_plugin:Pipeline"},
        modules={"broken_plugin": f"with open({str(tmp_path / 'count')!r}, 'a') as f: f.write('x')\n1 / 0"},
    )  # fmt: skip
    for _ in range(3):
        with pytest.raises(InvalidPipelineError, match="ZeroDivisionError"):
            registry.load("broken")
    assert (tmp_path / "count").read_text() == "x"


def test_a_pipeline_of_the_settings_is_loaded_by_its_dotted_path(healthy, settings):
    settings.TOM_EDUCATION_PIPELINES = {"Mine": "healthy_plugin.Healthy"}
    assert registry.load("Mine") is registry.load("healthy")


def test_a_setting_that_cannot_be_imported_says_which_key(healthy, settings):
    settings.TOM_EDUCATION_PIPELINES = {"Mine": "no_such.module.Mine"}
    with pytest.raises(InvalidPipelineError, match=r"TOM_EDUCATION_PIPELINES\['Mine'\].*no_such"):
        registry.load("Mine")


def test_an_unknown_name_is_not_found(healthy):
    with pytest.raises(PipelineNotFound, match="Did you mean 'healthy'"):
        registry.load("heathly")
