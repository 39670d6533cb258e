"""The contract that plugins' tests inherit, on pipelines that keep it and on ones that do not."""

from __future__ import annotations

import pytest

from tests.sample_pipelines import Copy
from tom_pipeline_core.models import PipelineProcess
from tom_pipeline_core.testing import conditions
from tom_pipeline_core.testing.conditions import Broken, Case
from tom_pipeline_core.testing.contract import PipelineContract


class TestCopy(PipelineContract):
    """A pipeline that keeps the contract, tested as a plugin's author does it."""

    pipeline = Copy


@pytest.fixture
def case(samples, pipeline_site, tmp_path):
    frame = tmp_path / "frame.fits"
    frame.write_bytes(b"x")
    return lambda name: Case(pipeline=name, files=[frame], ra=1.0, dec=2.0)


@pytest.mark.parametrize(
    ("condition", "pipeline", "found"),
    [
        (conditions.it_says_what_it_does, "Refusing", "neither a docstring nor a description"),
        (conditions.it_succeeds_on_good_files, "Refusing", "No star in frame.fits"),
        (conditions.it_succeeds_on_good_files, "Raising", "the sky is flat"),
        (
            conditions.a_file_that_is_no_data_is_refused_in_words,
            "Raising",
            "ended with unexpected exception: .*ZeroDivisionError",
        ),
    ],
)
def test_a_broken_condition_says_what_was_found(case, condition, pipeline, found):
    with pytest.raises(Broken, match=found):
        condition(case(pipeline))


def test_a_message_of_the_pipeline_s_own_is_a_fine_refusal(case):
    conditions.a_file_that_is_no_data_is_refused_in_words(case("Refusing"))


def test_outputs_that_change_from_run_to_run_are_noticed(case, settings, monkeypatch):
    counter = iter(range(10))

    def do_pipeline(self, tmpdir):
        (tmpdir / "table.csv").write_text(str(next(counter)))
        return [tmpdir / "table.csv"]

    monkeypatch.setattr(Copy, "do_pipeline", do_pipeline)
    with pytest.raises(Broken, match=r"copy_table\.csv differs between two runs"):
        conditions.two_runs_agree(case("Copy"))


def test_run_pipeline_returns_outputs_log_and_message(run_pipeline, samples, tmp_path):
    frame = tmp_path / "frame.fits"
    frame.write_bytes(b"x")
    result = run_pipeline(Copy, [frame])
    assert result.ok
    assert result.log == ("1 files",)
    assert result.outputs["copy_names.txt"].read_text().endswith("frame.fits")
    assert isinstance(result.process, PipelineProcess)
    failed = run_pipeline("Raising", [frame])
    assert not failed.ok
    assert "ZeroDivisionError: the sky is flat" in failed.message
    assert "do_pipeline" in failed.traceback
