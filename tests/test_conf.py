from __future__ import annotations

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from tom_pipeline_core import conf


@pytest.fixture(autouse=True)
def _fresh():
    conf.clear_cache()
    yield
    conf.clear_cache()


def test_every_key_has_a_default():
    with override_settings(TOM_PIPELINES={}, TOM_EDUCATION_PIPELINES={}, BASE_DIR=Path("/srv/tom")):
        settings = conf.get()
        assert settings.lease == 60
        assert settings.heartbeat == 10
        assert settings.max_worker_losses == 1
        assert settings.shutdown_grace == 30
        assert settings.allow is None
        assert settings.executors["default"].backend == "child_process"
        assert settings.queues["default"] == {
            "huey_class": "huey.SqliteHuey",
            "filename": Path("/srv/tom/pipelines-queue.sqlite3"),
        }


def test_values_follow_override_settings():
    with override_settings(TOM_PIPELINES={"LEASE": 7, "HEARTBEAT": 1}):
        assert conf.get().lease == 7
    with override_settings(TOM_PIPELINES={}):
        assert conf.get().lease == 60


def test_names_of_distributions_compare_as_an_index_does():
    with override_settings(
        TOM_PIPELINES={"ALLOW": ["Tom_Pipeline.X"], "PREFER": {"stack": "Tom_Pipeline.X"}}
    ):
        assert conf.get().allow == {"tom-pipeline-x"}
        assert conf.get().prefer == {"stack": "tom-pipeline-x"}


def test_an_empty_allow_list_allows_nothing():
    with override_settings(TOM_PIPELINES={"ALLOW": []}):
        assert conf.get().allow == frozenset()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"QEUES": {}}, r"no key 'QEUES'\. Did you mean 'QUEUES'\?"),
        ({"LEASE": "1 min"}, r"TOM_PIPELINES\['LEASE'\] must be a number of seconds.*'1 min'"),
        ({"LEASE": True}, r"'LEASE'.*not True"),
        ({"LEASE": 0}, r"'LEASE'.*above 0"),
        ({"HEARTBEAT": 50}, r"'HEARTBEAT'\] \(50 s\) must be at most half of 'LEASE' \(60 s\)"),
        ({"MAX_WORKER_LOSSES": -1}, r"'MAX_WORKER_LOSSES'.*at least 0.*-1"),
        ({"MAX_ACTIVE_PER_USER": 0}, r"'MAX_ACTIVE_PER_USER'.*at least 1"),
        ({"LOG_MAX_LINES": None}, r"'LOG_MAX_LINES'.*whole number.*None"),
        ({"ALLOW": "tom-pipeline-x"}, r"'ALLOW'.*list of names.*'tom-pipeline-x'"),
        ({"DENY": [3]}, r"'DENY'.*list of names"),
        ({"PREFER": {"x": 1}}, r"'PREFER'\]\['x'\].*name of a distribution"),
        ({"STRICT": "no"}, r"'STRICT'.*True or False.*'no'"),
        ({"QUEUES": {"fast": {}}}, r"'QUEUES'\]\['fast'\] needs 'huey_class'"),
        ({"QUEUES": []}, r"'QUEUES'.*dictionary"),
        ({"EXECUTORS": {"a": {"BACKED": "x"}}}, r"\['a'\] has no key 'BACKED'.*'BACKEND'"),
        ({"EXECUTORS": {"a": {}}}, r"\['a'\]\['BACKEND'\].*not None"),
        ({"EXECUTORS": {"a": {"BACKEND": "x", "OPTIONS": 1}}}, r"'OPTIONS'.*dictionary"),
        ({"SITE_URL": "tom.example.org"}, r"'SITE_URL'.*'https://tom.example.org'"),
        ({"WEBHOOKS": [{"URL": "ftp://x"}]}, r"'WEBHOOKS'\]\[0\]\['URL'\].*'ftp://x'"),
        ({"WEBHOOKS": [{"URL": "https://x/", "SECRET": "short"}]}, r"'SECRET'.*16 characters"),
        ({"WEBHOOKS": [{"URI": "https://x/"}]}, r"\[0\] has no key 'URI'\. Did you mean 'URL'"),
        ("LEASE", r"TOM_PIPELINES must be a dictionary"),
    ],
)
def test_what_is_wrong_is_named_with_key_and_value(given, message):
    with (
        override_settings(TOM_PIPELINES=given),
        pytest.raises(ImproperlyConfigured, match=message),
    ):
        conf.get()


def test_no_plugins_in_the_environment_overrides_allow(monkeypatch):
    monkeypatch.setenv("TOM_PIPELINES_NO_PLUGINS", "1")
    with override_settings(TOM_PIPELINES={"ALLOW": ["tom-pipeline-x"]}):
        assert conf.get().allow == frozenset()
        assert "TOM_PIPELINES_NO_PLUGINS" in conf.get().allow_refusal


def test_allow_in_the_environment_replaces_the_setting(monkeypatch):
    monkeypatch.setenv("TOM_PIPELINES_ALLOW", "Tom_Pipeline_Y, tom-pipeline-z")
    with override_settings(TOM_PIPELINES={"ALLOW": []}):
        assert conf.get().allow == {"tom-pipeline-y", "tom-pipeline-z"}


@pytest.mark.parametrize("value", ["", "0", "false", "No"])
def test_a_switch_that_says_no_is_off(monkeypatch, value):
    monkeypatch.setenv("TOM_PIPELINES_NO_PLUGINS", value)
    with override_settings(TOM_PIPELINES={}):
        assert conf.get().allow is None
