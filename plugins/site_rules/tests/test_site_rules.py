"""The rules of a site, by the hooks as the core calls them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from django.contrib.auth.models import Group
from pipeline_site_rules.outputs import TargetFacts

from tests.running import run
from tests.sample_pipelines import Copy
from tom_pipeline_core import conf, registry, submission
from tom_pipeline_core.exceptions import InvalidPipelineError, SubmissionRefused
from tom_pipeline_core.models import PipelineProcess

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh():
    registry.clear_cache()
    yield
    registry.clear_cache()


def test_every_recipe_in_the_folder_is_a_pipeline(
    samples, settings, tmp_path, target, make_product
):
    (tmp_path / "count_bytes.toml").write_text(
        'short_name = "count"\n'
        f'command = ["{sys.executable}", "-c", "print(42, file=open(\'n.txt\', \'w\'))"]\n'
        '[[outputs]]\nglob = "n.txt"\n'
    )
    (tmp_path / "broken.toml").write_text("short_name = ")
    settings.TOM_PIPELINE_RULES = {"RECIPES": tmp_path}
    registry.clear_cache()
    assert registry.find("Count bytes").qualified_id == "tom-pipeline-site-rules:Count bytes"
    process = run("Count bytes", make_product(target))
    assert process.state == "succeeded", process.failure_message
    assert process.outputs.get().name == "count_n.txt"
    with pytest.raises(InvalidPipelineError, match=r"broken\.toml cannot be read"):
        registry.load("Broken")


def test_groups_have_limits_and_staff_have_none(
    samples, settings, user, superuser, target, make_product
):
    settings.TOM_PIPELINE_RULES = {"MAX_FILES": {"": 1, "astronomers": 2}}
    products = [make_product(target, f"{number}.fits") for number in range(3)]

    def submit(count: int, who) -> PipelineProcess:
        return submission.submit("Copy", target=target, products=products[:count], user=who)

    assert submit(1, user).pk
    with pytest.raises(SubmissionRefused, match="You chose 2 files, and this site allows you 1"):
        submit(2, user)
    user.groups.add(Group.objects.create(name="astronomers"))
    assert submit(2, user).pk
    with pytest.raises(SubmissionRefused, match="allows you 2"):
        submit(3, user)
    assert submit(3, superuser).pk


def test_large_processes_run_elsewhere(samples, settings, target, make_product):
    settings.TOM_PIPELINES = {
        **settings.TOM_PIPELINES, "EXECUTORS": {"cluster": {"BACKEND": "immediate"}},
    }  # fmt: skip
    settings.TOM_PIPELINE_RULES = {"LARGE": {"FILES": 1, "EXECUTOR": "cluster"}}
    products = [make_product(target, f"{number}.fits") for number in range(2)]
    small = submission.submit("Copy", target=target, products=products[:1])
    large = submission.submit("Copy", target=target, products=products)
    assert (small.executor_alias, large.executor_alias) == ("default", "cluster")


def test_facts_become_extra_fields_of_the_target(
    samples, settings, target, make_product, monkeypatch
):
    def do_pipeline(self, tmpdir: Path):
        return [TargetFacts({"period": 0.5})]

    monkeypatch.setattr(Copy, "do_pipeline", do_pipeline)
    process = run("Copy", make_product(target))
    assert process.state == "succeeded", process.failure_message
    target.refresh_from_db()
    assert target.targetextra_set.get(key="period").float_value == 0.5


def test_the_next_pipeline_is_submitted_on_what_the_first_made(
    samples, settings, user, target, make_product, django_capture_on_commit_callbacks
):
    settings.TOM_PIPELINE_RULES = {"NEXT": {"Copy": "CopyWithMeta", "CopyWithMeta": "Gone"}}
    with django_capture_on_commit_callbacks(execute=True):
        first = run("Copy", make_product(target), user=user)
    following = PipelineProcess.objects.get(pipeline_name="CopyWithMeta")
    assert following.user == user
    assert [row.name for row in following.inputs.all()] == [
        Path(str(first.outputs.get().product.data.name)).name
    ]


def test_a_wrong_rule_refuses_submissions_and_names_the_plugin(
    samples, settings, target, make_product
):
    settings.TOM_PIPELINE_RULES = {"MAXFILES": {}}
    conf.clear_cache()
    with pytest.raises(SubmissionRefused, match=r"tom-pipeline-site-rules 0\.1\.0.*'MAXFILES'"):
        submission.submit("Copy", target=target, products=[make_product(target)])
