from __future__ import annotations

import json
from contextlib import suppress
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db.models.functions import Now

from tests.running import run
from tom_pipeline_core import __version__
from tom_pipeline_core.models import PipelineProcess, Worker

WITH_PARAMETERS = """
    from django import forms
    from tom_pipeline_core.models import PipelineProcess

    class Healthy(PipelineProcess):
        class Parameters(forms.Form):
            radius = forms.FloatField(initial=6, min_value=1, help_text='in pixels')

        def do_pipeline(self, tmpdir, radius):
            return []
"""


@pytest.fixture
def plugins(site_packages):
    site_packages.install(
        "tom-healthy", "3.2", pipelines={"healthy": "healthy_plugin:Healthy"},
        modules={"healthy_plugin": WITH_PARAMETERS},
    )  # fmt: skip
    site_packages.install("tom-a", pipelines={"stack": "a:Stack"})
    site_packages.install("tom-b", pipelines={"stack": "b:Stack"})
    site_packages.install("tom-old", requires="tom-pipeline-core<0.1", pipelines={"old": "c:Old"})
    return site_packages


def pipelines(*arguments: str) -> str:
    out = StringIO()
    call_command("pipelines", *arguments, stdout=out)
    return out.getvalue()


def test_list_shows_every_pipeline_with_its_state(plugins, settings):
    settings.TOM_EDUCATION_PIPELINES = {"Mine": "some.module.Mine"}
    lines = [line.split() for line in pipelines("list", "--no-import").splitlines()]
    table = {line[0]: line for line in lines}
    assert table["healthy"][1:] == ["tom-healthy:healthy", "3.2", "entry", "point", "ok"]
    assert table["tom-a:stack"][5] == "conflict"
    assert table["old"][5] == "incompatible"
    assert table["Mine"][1:5] == ["settings:Mine", "-", "setting", "ok"]


def test_list_as_json_tells_the_reason(plugins):
    rows = {
        row["qualified_id"]: row for row in json.loads(pipelines("list", "--no-import", "--json"))
    }
    assert rows["tom-a:stack"]["reason"] == "'stack' is also claimed by tom-b 1.0"
    assert "tom-pipeline-core<0.1" in rows["tom-old:old"]["reason"]


@pytest.mark.slow
def test_list_tries_imports_in_a_child_process(plugins):
    rows = {row["qualified_id"]: row for row in json.loads(pipelines("list", "--json"))}
    assert rows["tom-healthy:healthy"]["state"] == "ok"
    assert rows["tom-a:stack"]["state"] == "load error"
    assert "No module named 'a'" in rows["tom-a:stack"]["reason"]


@pytest.mark.django_db
def test_show_tells_parameters_and_history(plugins, settings, target, make_product):
    settings.TOM_PIPELINES = {
        **settings.TOM_PIPELINES,
        "EXECUTORS": {"default": {"BACKEND": "immediate"}},
    }
    run("healthy", make_product(target))
    facts = json.loads(pipelines("show", "healthy", "--json"))
    assert facts["class"]["parameters"] == [
        {
            "name": "radius", "type": "FloatField", "label": "radius", "help": "in pixels",
            "required": True, "default": 6,
        }
    ]  # fmt: skip
    assert facts["processes"]["succeeded"]["count"] == 1
    assert "radius (FloatField, default 6): radius. in pixels" in pipelines("show", "healthy")


@pytest.mark.django_db
def test_show_of_what_cannot_be_used_tells_why(plugins):
    assert "state: incompatible" in pipelines("show", "old")
    facts = json.loads(pipelines("show", "tom-a:stack", "--json"))
    assert facts["state"] == "load error"
    with pytest.raises(CommandError, match="Did you mean 'healthy'"):
        pipelines("show", "heathly")


@pytest.fixture
def without_imports(monkeypatch):
    """Leave out the slow part, which the checks' own tests cover."""
    from tom_pipeline_core.management import doctor

    monkeypatch.setitem(doctor.PROBES, "plugins, by importing them", list)


def doctor(*arguments: str) -> dict[str, dict]:
    out = StringIO()
    with suppress(CommandError):
        call_command("pipelines", "doctor", "--json", *arguments, stdout=out)
    return {finding["id"].rpartition(".")[2]: finding for finding in json.loads(out.getvalue())}


@pytest.mark.django_db
def test_doctor_finds_nothing_where_all_is_in_order(without_imports):
    a_worker()
    assert doctor("--fail-level", "info") == {}


def a_worker(**facts) -> None:
    Worker.objects.create(
        **{
            "name": "host:1:a", "host": "host", "pid": 1, "queue": "default", "threads": 2,
            "version": f"{__version__} (Python 3)", "started_at": Now(), "seen_at": Now(), **facts,
        }
    )  # fmt: skip


@pytest.mark.django_db
def test_doctor_finds_plugins_in_conflict_and_says_what_mends_it(plugins, without_imports):
    a_worker()
    finding = doctor()["W012"]
    assert finding["severity"] == "warning"
    assert "'PREFER': {'stack': 'tom-a'}" in finding["hint"]
    assert "to do: Choose one" in pipelines("doctor")
    with pytest.raises(CommandError, match="findings are to be mended"):
        pipelines("doctor", "--fail-level", "warning")


@pytest.mark.django_db
def test_doctor_misses_a_worker(without_imports):
    finding = doctor()["W045"]
    assert finding["hint"] == "manage.py run_pipelines --queue default"


@pytest.mark.django_db
def test_doctor_sees_a_worker_of_another_version(without_imports):
    a_worker(version="0.0.9 (Python 3)")
    assert "runs version 0.0.9" in doctor()["W046"]["what"]


@pytest.mark.django_db
def test_doctor_finds_a_queue_that_cannot_be_reached(without_imports, settings, tmp_path):
    from tom_pipeline_core.queues import forget_queues

    a_worker()
    settings.TOM_PIPELINES = {
        "QUEUES": {
            "default": {
                "huey_class": "huey.SqliteHuey",
                "filename": str(tmp_path / "no_such_folder" / "queue.sqlite3"),
            }
        }
    }
    forget_queues()
    try:
        assert "'default' cannot be reached" in doctor()["E044"]["what"]
    finally:
        forget_queues()


@pytest.mark.django_db
def test_doctor_finds_a_storage_that_takes_no_files(without_imports, settings, tmp_path):
    (tmp_path / "media-file").write_text("not a folder")
    settings.MEDIA_ROOT = str(tmp_path / "media-file")
    assert doctor()["E048"]["hint"].startswith("Let the account")


@pytest.mark.django_db
def test_doctor_finds_processes_whose_plugin_is_gone(
    plugins, without_imports, settings, target, make_product
):
    settings.TOM_PIPELINES = {
        **settings.TOM_PIPELINES,
        "EXECUTORS": {"default": {"BACKEND": "immediate"}},
    }
    process = run("healthy", make_product(target))
    PipelineProcess.objects.filter(pk=process.pk).update(pipeline_id="tom-gone:gone")
    finding = doctor()["W017"]
    assert "1 processes ran 'tom-gone:gone' (3.2)" in finding["what"]
    assert finding["hint"].endswith("pip install tom-gone")


@pytest.mark.django_db
def test_doctor_reports_wrong_settings_and_what_cannot_be_looked_at_because_of_them(
    without_imports, settings
):
    settings.TOM_PIPELINES = {"LEASE": "long"}
    findings = doctor()
    assert "'LEASE'" in findings["E001"]["what"]
    assert "Could not look at" in findings["E060"]["what"]
