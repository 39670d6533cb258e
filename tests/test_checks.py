"""Each fault of a plugin is a check with an id and a hint; nothing of a plugin is imported for it."""

from __future__ import annotations

import sys

import pytest
from django.core import checks
from django.core.management import call_command

from tests.installed import PIPELINE
from tom_pipeline_core.checks import (
    check_former,
    check_imports,
    check_plugins,
    check_settings,
    check_urls,
)


def by_id(messages) -> dict[str, checks.CheckMessage]:
    return {message.id.rpartition(".")[2]: message for message in messages}


def test_a_healthy_installation_has_nothing_to_say(site_packages):
    site_packages.install(
        "tom-healthy", pipelines={"healthy": "healthy_plugin:Healthy"},
        modules={"healthy_plugin": PIPELINE},
    )  # fmt: skip
    assert check_plugins() == []
    assert check_settings() == []


def test_a_wrong_key_of_the_settings_is_an_error_and_hides_no_other_check(settings):
    settings.TOM_PIPELINES = {"QEUES": {}}
    (message,) = check_settings()
    assert message.id == "tom_pipeline_core.E001"
    assert message.level == checks.ERROR
    assert "Did you mean 'QUEUES'?" in message.msg
    assert check_plugins() == []


def test_a_bad_entry_of_the_settings_is_an_error_that_names_key_and_value(settings):
    settings.TOM_EDUCATION_PIPELINES = {"Mine": 3}
    message = by_id(check_plugins())["E002"]
    assert message.level == checks.ERROR
    assert "TOM_EDUCATION_PIPELINES['Mine']" in message.msg
    assert "3" in message.msg
    assert message.hint


def test_an_executor_nobody_has_is_an_error(settings):
    settings.TOM_PIPELINES = {"EXECUTORS": {"cluster": {"BACKEND": "slrum"}}}
    (message,) = check_settings()
    assert message.id == "tom_pipeline_core.E005"
    assert message.obj == "TOM_PIPELINES['EXECUTORS']['cluster']"


PLUGIN_FAULTS = {
    "W010": {"pipelines": {"bad": "no class"}},
    "W011": {"requires": "tom-pipeline-core>=99", "pipelines": {"future": "m:X"}},
    "W012": {"pipelines": {"healthy": "other:Class"}},
    "W014": {"folder": "~om_faulty-1.0.dist-info", "pipelines": {"old": "m:X"}},
}


@pytest.mark.parametrize("code", PLUGIN_FAULTS)
def test_a_fault_of_a_plugin_is_a_warning_so_that_the_site_starts(site_packages, settings, code):
    site_packages.install("tom-healthy", pipelines={"healthy": "healthy_plugin:Healthy"})
    site_packages.install("tom-faulty", **PLUGIN_FAULTS[code])
    message = by_id(check_plugins())[code]
    assert message.level == checks.WARNING
    assert "faulty" in message.obj
    assert message.hint
    call_command("check", "--tag", "tom_pipeline_core")  # does not raise
    settings.TOM_PIPELINES = {"STRICT": True}
    assert by_id(check_plugins())[code].level == checks.ERROR


def test_two_versions_side_by_side_are_a_warning(site_packages):
    site_packages.install("tom-a", "1.0", pipelines={"a": "m:X"})
    site_packages.install("tom-a", "2.0", pipelines={"a": "m:X"})
    assert "more than once" in by_id(check_plugins())["W013"].msg


def test_an_editable_install_whose_entry_points_changed_is_told_to_install_again(
    site_packages, tmp_path
):
    checkout = tmp_path / "my checkout"
    checkout.mkdir()
    project = checkout / "pyproject.toml"
    lines = '[project.entry-points."tom_pipeline_core.pipelines"]\n"Old one" = "m:Old"\n'
    project.write_text('[project]\nname = "tom-mine"\n' + lines)
    site_packages.install("tom-mine", pipelines={"Old one": "m:Old"}, editable=checkout)
    assert check_plugins() == []
    project.write_text('[project]\nname = "tom-mine"\n' + lines + 'new = "m:New"\n')
    message = by_id(check_plugins())["W015"]
    assert message.msg.endswith("have changed since: new.")
    assert message.hint == f"Install it again: pip install -e {checkout}"


def test_an_editable_install_that_had_no_pipeline_before_is_seen_too(site_packages, tmp_path):
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "tom-first"\n'
        '[project.entry-points."tom_pipeline_core.pipelines"]\nfirst = "m:First"\n'
    )
    site_packages.install("tom-first", editable=tmp_path)
    assert "first" in by_id(check_plugins())["W015"].msg


def test_a_blocked_distribution_is_told_as_information(site_packages, settings):
    site_packages.install("tom-a", pipelines={"a": "m:X"})
    settings.TOM_PIPELINES = {"DENY": ["tom-a"], "STRICT": True}
    message = by_id(check_plugins())["I016"]
    assert message.level == checks.INFO
    assert "TOM_PIPELINES['DENY'] names it" in message.msg


@pytest.mark.slow
def test_with_deploy_every_plugin_is_imported_in_a_child_and_a_fatal_one_is_survived(
    site_packages,
):
    for name, source in {
        "healthy": PIPELINE,
        "exits": "import os\nprint('about to go', flush=True)\nos._exit(3)",
        "raises": "1 / 0",
        "quits": "import sys\nsys.exit('no licence')",
    }.items():
        site_packages.install(
            f"tom-{name}", pipelines={name: f"{name}_plugin:Healthy"},
            modules={f"{name}_plugin": source},
        )  # fmt: skip
    site_packages.install(
        "tom-hooks", hooks={"hooks": "bad_hooks"}, modules={"bad_hooks": "import nothing_there"}
    )
    messages = {message.obj: message for message in check_imports()}
    assert "exit code 3), last saying: about to go" in messages["tom-exits 1.0"].msg
    assert "ZeroDivisionError" in messages["tom-raises 1.0"].msg
    assert "SystemExit: no licence" in messages["tom-quits 1.0"].msg
    assert "nothing_there" in messages["tom-hooks 1.0"].msg
    assert "tom-healthy 1.0" not in messages
    assert not {"healthy_plugin", "exits_plugin", "bad_hooks"} & set(sys.modules)


def test_sqlite_without_its_options_is_told_how_to_set_them(monkeypatch):
    from django.db import connection

    from tom_pipeline_core.checks import check_sqlite

    if connection.vendor != "sqlite":
        pytest.skip("the tests run on another database")
    assert check_sqlite() == []

    monkeypatch.setitem(connection.settings_dict, "OPTIONS", {})

    (message,) = check_sqlite()
    assert message.id == "tom_pipeline_core.W041"
    assert "transaction_mode" in str(message.hint)
    assert "write-ahead log" in message.msg


def test_all_our_addresses_are_in_the_site_s_urls():
    assert check_urls() == []


def test_a_site_without_our_addresses_is_told_so(settings):
    settings.ROOT_URLCONF = "tests.empty_urls"
    (message,) = check_urls()
    assert message.id == "tom_pipeline_core.E070"
    assert message.level == checks.ERROR
    assert "tom_common.urls" in str(message.hint)


def test_an_error_in_our_urls_that_the_site_swallows_is_shown_with_its_place(monkeypatch):
    from tom_pipeline_core.web import process_page

    monkeypatch.delattr(process_page, "process_log")
    monkeypatch.delitem(sys.modules, "tom_pipeline_core.urls")
    (message,) = check_urls()
    assert message.id == "tom_pipeline_core.E070"
    assert "process_log" in message.msg
    assert "urls.py" in str(message.hint)


def test_the_former_tom_education_is_an_error_with_the_commands_that_mend_it(site_packages):
    assert check_former() == []

    site_packages.install("tom_education", "1.1.9", requires="")

    (message,) = check_former()
    assert message.id == "tom_pipeline_core.E006"
    assert "tom_education 1.1.9 is installed" in message.msg
    assert "--force-reinstall" in str(message.hint)
