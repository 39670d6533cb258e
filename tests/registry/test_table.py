from __future__ import annotations

import sys

import pytest
from django.test import override_settings

from tom_pipeline_core import registry
from tom_pipeline_core.exceptions import PipelineNotFound


def test_entries_are_sorted_by_name_and_import_nothing(site_packages):
    site_packages.install("a", pipelines={"Zoom": "some_a:Z", "aperture": "some_a:A"})
    site_packages.install("b", pipelines={"Bias": "some_b:B"})
    names = [name for name in registry.entries() if name in ("Zoom", "aperture", "Bias")]
    assert names == ["aperture", "Bias", "Zoom"]
    assert "some_a" not in sys.modules


def test_a_pipeline_is_found_by_name_and_by_id(site_packages):
    site_packages.install("Tom.A", pipelines={"stack": "m:X"})
    assert registry.find("stack") is registry.find("tom-a:stack")


def test_a_conflicting_name_is_refused_and_the_ids_are_told(site_packages):
    site_packages.install("a", pipelines={"stack": "m:X"})
    site_packages.install("b", pipelines={"stack": "n:X"})
    with pytest.raises(PipelineNotFound, match="Say which one: 'a:stack' or 'b:stack'"):
        registry.find("stack")
    assert registry.find("a:stack").name == "a:stack"
    assert {"a:stack", "b:stack"} <= set(registry.entries())


def test_an_unknown_name_is_answered_with_the_nearest(site_packages):
    site_packages.install("a", pipelines={"aperture": "m:X"})
    with pytest.raises(PipelineNotFound, match=r"no pipeline 'apertrue'\. Did you mean 'aperture'"):
        registry.find("apertrue")


def test_a_blocked_pipeline_is_refused_with_the_reason(site_packages):
    site_packages.install("a", pipelines={"stack": "m:X"})
    with (
        override_settings(TOM_PIPELINES={"DENY": ["a"]}),
        pytest.raises(PipelineNotFound, match=r"not available \(blocked\).*'DENY'\] names it"),
    ):
        registry.find("stack")


def test_a_hidden_pipeline_is_refused_by_name_and_by_id(site_packages):
    site_packages.install("a", pipelines={"stack": "m:X"})
    with override_settings(TOM_EDUCATION_PIPELINES={"stack": None}):
        assert "stack" not in registry.entries()
        for name in ("stack", "a:stack"):
            with pytest.raises(PipelineNotFound, match="is None"):
                registry.find(name)


def test_a_replaced_pipeline_can_still_be_named_by_its_id(site_packages):
    site_packages.install("a", pipelines={"stack": "m:X"})
    with override_settings(TOM_EDUCATION_PIPELINES={"stack": "own.module.Stack"}):
        assert registry.find("stack").qualified_id == "settings:stack"
        assert registry.find("a:stack").target == "m:X"
        assert [entry.name for entry in registry.entries().values()].count("stack") == 1


def test_what_is_installed_later_is_found_without_a_restart(site_packages):
    assert "late" not in registry.entries()
    info = site_packages.folder / "late-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: late\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[tom_pipeline_core.pipelines]\nlate = late:Late\n")
    assert registry.find("late").qualified_id == "late:late"


@pytest.mark.parametrize(
    ("given", "what", "hint"),
    [
        ({"ALLOW": ["stack"]}, "'ALLOW'] names 'stack'", "pipeline of 'tom-a'"),
        ({"DENY": ["tom-b"]}, "'DENY'] names 'tom-b'", "Did you mean 'tom-a'"),
        ({"PREFER": {"stack": "tom-b"}}, "gives 'stack' to 'tom-b'", "Correct the name"),
    ],
)
def test_a_setting_that_names_nothing_installed_is_a_warning(site_packages, given, what, hint):
    site_packages.install("tom-a", pipelines={"stack": "m:X"})
    with override_settings(TOM_PIPELINES=given):
        (fault,) = (fault for fault in registry.faults() if fault.id.endswith("W004"))
        assert what in fault.what
        assert hint in fault.hint
