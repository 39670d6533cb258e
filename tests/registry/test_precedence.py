from __future__ import annotations

import itertools

import pytest

from tom_pipeline_core.faults import Fault
from tom_pipeline_core.registry.precedence import Entry, settle


def candidate(distribution: str, target: str | None = None, name: str = "stack", **facts) -> Entry:
    return Entry(
        name=name,
        qualified_id=f"{distribution}:{name}",
        distribution=distribution,
        version="1.0",
        target=target or f"{distribution}:Stack",
        source="entry point",
        **facts,
    )


def settled(*candidates: Entry, pipelines=None, prefer=None):
    faults: list[Fault] = []
    rows = list(settle(candidates, pipelines or {}, prefer or {}, faults))
    return {row.qualified_id: row for row in rows}, faults


def test_the_only_candidate_gets_the_name():
    rows, faults = settled(candidate("a"))
    assert rows["a:stack"].state == "ok"
    assert faults == []


def test_in_a_conflict_nobody_gets_the_name_and_each_goes_by_its_id():
    rows, (fault,) = settled(candidate("a"), candidate("b"))
    assert [row.name for row in rows.values()] == ["a:stack", "b:stack"]
    assert all(row.state == "conflict" and row.offered for row in rows.values())
    assert fault.id == "tom_pipeline_core.W012"
    assert "a 1.0 (a:Stack), b 1.0 (b:Stack)" in fault.what
    assert "'PREFER': {'stack': 'a'}" in fault.hint


def test_prefer_gives_the_name_and_the_other_keeps_its_id():
    rows, faults = settled(candidate("a"), candidate("b"), prefer={"stack": "b"})
    assert rows["b:stack"].state == "ok"
    assert rows["a:stack"].state == "hidden"
    assert rows["a:stack"].usable
    assert "PREFER" in rows["a:stack"].reason
    assert faults == []


def test_the_same_class_registered_twice_is_no_conflict():
    rows, faults = settled(candidate("a", "lib:Stack"), candidate("b", "lib:Stack"))
    assert rows["a:stack"].state == "ok"
    assert rows["b:stack"].state == "hidden"
    assert rows["b:stack"].usable
    assert faults == []


def test_one_that_cannot_be_used_claims_no_name():
    rows, faults = settled(candidate("a"), candidate("b", state="incompatible", reason="old"))
    assert rows["a:stack"].state == "ok"
    assert rows["b:stack"].state == "incompatible"
    assert faults == []


@pytest.mark.parametrize("path", ["site.mine.Stack", "site.mine:Stack"])
def test_the_site_s_own_setting_wins_and_says_so(path):
    rows, faults = settled(candidate("a"), candidate("b"), pipelines={"stack": path})
    assert rows["settings:stack"].target == "site.mine:Stack"
    assert rows["settings:stack"].state == "ok"
    assert rows["a:stack"].state == rows["b:stack"].state == "hidden"
    assert {fault.id for fault in faults} == {"tom_pipeline_core.W003"}
    assert ["a 1.0" in faults[0].what, "b 1.0" in faults[1].what] == [True, True]


def test_a_setting_that_names_the_installed_class_is_silent():
    rows, faults = settled(candidate("a", "lib.x:Stack"), pipelines={"stack": "lib.x.Stack"})
    assert rows["settings:stack"].state == "ok"
    assert faults == []


def test_none_hides_a_pipeline_altogether():
    rows, faults = settled(candidate("a"), pipelines={"stack": None})
    assert rows["a:stack"].state == "hidden"
    assert not rows["a:stack"].usable
    assert faults == []


def test_none_for_a_name_nobody_has_is_a_warning():
    _, (fault,) = settled(candidate("a"), pipelines={"stakc": None})
    assert fault.id == "tom_pipeline_core.W004"
    assert "TOM_EDUCATION_PIPELINES['stakc']" in fault.what


@pytest.mark.parametrize("value", [3, "", "Stack", "a b.C", ["x"], "mod:", ".Stack"])
def test_a_bad_setting_is_a_fault_with_key_and_value_and_nothing_takes_its_place(value):
    rows, (fault,) = settled(candidate("a"), pipelines={"stack": value})
    assert fault.id == "tom_pipeline_core.E002"
    assert "TOM_EDUCATION_PIPELINES['stack']" in fault.what
    assert repr(value) in fault.what
    assert not any(row.offered for row in rows.values())


def test_the_order_of_candidates_makes_no_difference():
    several = [
        candidate("a"), candidate("b", "a:Stack"), candidate("c"), candidate("c", name="other"),
    ]  # fmt: skip
    outcomes = {
        str(sorted(settled(*order)[0].items())) for order in itertools.permutations(several)
    }
    assert len(outcomes) == 1
