from __future__ import annotations

import os
import sys

import pytest
from django.test import override_settings

from tests.installed import SitePackages
from tom_pipeline_core import conf, discovery, registry


def found(name: str) -> discovery.Registration:
    return next(line for line in discovery.discover().registrations if line.name == name)


def faults_of(code: str) -> list[str]:
    return [fault.what for fault in discovery.discover().faults if fault.id.endswith(code)]


def test_an_installed_pipeline_is_found_without_importing_it(site_packages):
    site_packages.install(
        "Tom_Pipeline.Stack",
        "2.1",
        pipelines={"Stack frames": "stack_plugin:Stack"},
        modules={"stack_plugin": "raise RuntimeError('imported')"},
    )
    line = found("Stack frames")
    assert line.qualified_id == "tom-pipeline-stack:Stack frames"
    assert line.where == "Tom_Pipeline.Stack 2.1"
    assert line.target == "stack_plugin:Stack"
    assert line.state == "ok"
    assert "stack_plugin" not in sys.modules


def test_extras_and_spaces_in_a_value_are_not_part_of_the_target(site_packages):
    site_packages.install("a", pipelines={"x": "mod : Class.Inner [fast]"})
    assert found("x").target == "mod:Class.Inner"


@pytest.mark.parametrize("value", ["not a module!", "module", "1module:Class", ":Class"])
def test_a_malformed_value_is_a_fault_of_its_line_alone(site_packages, value):
    site_packages.install("a", "1.5", pipelines={"bad": value, "good": "mod:Class"})
    assert found("bad").state == "load error"
    assert found("good").state == "ok"
    (what,) = faults_of("W010")
    assert "'bad'" in what
    assert value in what


def test_an_unreadable_entry_points_file_harms_nobody_else(site_packages):
    info = site_packages.install("a", pipelines={"x": "mod:X"})
    (info / "entry_points.txt").write_text("x = tom_pipeline_core.pipelines\n[half")
    site_packages.install("b", pipelines={"y": "mod:Y"})
    assert found("y").state == "ok"
    (what,) = faults_of("W010")
    assert "a 1.0" in what


def test_a_plugin_for_another_core_is_incompatible_and_says_what_it_wants(site_packages):
    site_packages.install("a", requires="tom_pipeline_core>=99,<100", pipelines={"x": "mod:X"})
    assert found("x").state == "incompatible"
    (what,) = faults_of("W011")
    assert "tom-pipeline-core<100,>=99" in what
    assert "0.1.0 is installed" in what


def test_a_requirement_of_an_extra_or_one_that_cannot_be_read_does_not_count(site_packages):
    site_packages.install(
        "a", requires="tom-pipeline-core>=99; extra == 'x'", pipelines={"x": "m:X"}
    )
    site_packages.install("b", requires="tom-pipeline-core>>1", pipelines={"y": "m:Y"})
    assert found("x").state == "ok"
    assert found("y").state == "ok"


def test_two_versions_in_one_folder_are_reported_and_the_newest_counts(site_packages):
    for version in ("1.9", "1.10", "1.2"):
        site_packages.install("a", version, pipelines={"x": f"mod:V{version.replace('.', '_')}"})
    assert found("x").version == "1.10"
    (what,) = faults_of("W013")
    assert "1.10" in what
    assert "1.9" in what


def test_of_two_folders_the_first_on_the_path_counts_as_for_import(site_packages, tmp_path):
    site_packages.install("a", "2.0", pipelines={"x": "mod:Second"})
    (tmp_path / "first").mkdir()
    first = SitePackages(tmp_path / "first")
    try:
        first.install("a", "1.0", pipelines={"x": "mod:First"})
        assert found("x").target == "mod:First"
        assert len(faults_of("W013")) == 1
    finally:
        first.close()


def test_one_folder_reached_by_two_names_is_one_distribution(site_packages, tmp_path):
    site_packages.install("a", pipelines={"x": "mod:X"})
    link = tmp_path / "lib64"
    link.symlink_to(site_packages.folder)
    twin = SitePackages(link)
    try:
        assert found("x").state == "ok"
        assert faults_of("W013") == []
    finally:
        twin.close()


@pytest.mark.parametrize(
    ("folder", "metadata"), [("~om_a-1.0.dist-info", True), ("tom_a-1.0.dist-info", False)]
)
def test_what_an_interrupted_installation_left_is_ignored_and_named(
    site_packages, folder, metadata
):
    path = site_packages.install(
        "tom-a", folder=folder, metadata=metadata, pipelines={"x": "old:X"}
    )
    site_packages.install("tom-a", "2.0", pipelines={"x": "new:X"})
    assert found("x").target == "new:X"
    (what,) = faults_of("W014")
    assert str(path) in what


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"DENY": ["tom_A"]}, "TOM_PIPELINES['DENY'] names it"),
        ({"ALLOW": []}, "TOM_PIPELINES['ALLOW'] does not name it"),
        ({"ALLOW": ["b"]}, "TOM_PIPELINES['ALLOW'] does not name it"),
        ({"AUTOLOAD": False}, "TOM_PIPELINES['AUTOLOAD'] is False"),
        ({"ALLOW": ["tom-a"], "DENY": ["tom-a"]}, "TOM_PIPELINES['DENY'] names it"),
    ],
)
def test_the_settings_can_block_a_distribution(site_packages, given, reason):
    site_packages.install("tom-a", pipelines={"x": "mod:X"})
    with override_settings(TOM_PIPELINES=given):
        assert found("x").state == "blocked"
        assert found("x").reason == reason


def test_allow_admits_a_distribution_when_nothing_is_loaded_by_itself(site_packages):
    site_packages.install("tom-a", pipelines={"x": "mod:X"})
    site_packages.install("tom-b", pipelines={"y": "mod:Y"})
    with override_settings(TOM_PIPELINES={"AUTOLOAD": False, "ALLOW": ["tom-a"]}):
        assert found("x").state == "ok"
        assert found("y").state == "blocked"


def test_no_plugins_blocks_all_but_the_core_itself(site_packages, monkeypatch):
    site_packages.install("tom-a", pipelines={"x": "mod:X"})
    monkeypatch.setenv("TOM_PIPELINES_NO_PLUGINS", "1")
    conf.clear_cache()
    registry.clear_cache()
    try:
        assert found("x").reason == "the environment variable TOM_PIPELINES_NO_PLUGINS is set"
        assert found("child_process").state == "ok"
    finally:
        monkeypatch.undo()
        conf.clear_cache()


def test_the_order_of_files_makes_no_difference(site_packages, monkeypatch):
    for name in ("a", "b", "c"):
        site_packages.install(name, pipelines={"x": f"{name}:X", name: f"{name}:Y"})
        site_packages.install(name, "0.9", pipelines={"x": "old:X"})
    forwards = discovery.discover()
    listdir = os.listdir
    monkeypatch.setattr(os, "listdir", lambda path: listdir(path)[::-1])
    os.utime(site_packages.folder, (1, 1))  # so that the cached listing is read again
    registry.clear_cache()
    assert discovery.discover() == forwards
