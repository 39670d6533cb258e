"""Whole runs by the supervisor, in this thread."""

from __future__ import annotations

from pathlib import Path

import pytest
from tom_dataproducts.models import DataProduct, DataProductGroup, PhotometryReducedDatum

from tests.running import content, run
from tom_pipeline_core import submission
from tom_pipeline_core.models import PipelineProcess
from tom_pipeline_core.runner.workdir import left_over_folders
from tom_pipeline_core.supervisor import Supervisor

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("samples")]


@pytest.fixture
def product(target, make_product) -> DataProduct:
    return make_product(target, "frame.fits")


def assert_nothing_saved(process: PipelineProcess, product: DataProduct) -> None:
    assert list(DataProduct.objects.all()) == [product]
    assert not DataProductGroup.objects.exists()
    assert not PhotometryReducedDatum.objects.exists()
    assert not process.outputs.exists()
    root = Path(product.data.storage.path("pipelines"))
    assert not root.exists() or not list(root.rglob("*"))


def test_a_run_succeeds_and_its_output_is_on_the_target(product):
    process = run("Copy", product)

    assert (process.state, process.status, process.failure_message) == ("succeeded", "created", "")
    output = DataProduct.objects.exclude(pk=product.pk).get()
    assert output.target == product.target
    assert content(output) == product.data.name
    assert process.group == DataProductGroup.objects.get()
    assert process.group.name == f"{process.identifier}_outputs"
    assert list(process.group.dataproduct_set.all()) == [output]
    assert process.logs == "1 files\n"
    assert [e.value for e in process.events.filter(kind="status")] == ["Copying"]
    assert (process.progress_done, process.progress_total) == (1, 1)


def test_an_old_meta_is_accepted(product):
    assert run("CopyWithMeta", product).state == "succeeded"


def test_an_authors_error_is_the_failure_message(product):
    process = run("Refusing", product)

    assert (process.state, process.status) == ("failed", "failed")
    assert process.failure_message == "No star in frame.fits: point the telescope at the sky"
    assert process.failure_kind == "pipeline error"
    assert process.logs == "about to fail\n"
    assert process.terminal_timestamp is not None
    assert_nothing_saved(process, product)


def test_an_error_without_words_still_says_something(product):
    assert run("Silent", product).failure_message == "The pipeline failed and gave no reason."


def test_any_exception_leaves_the_message_and_the_traceback(product):
    process = run("Raising", product)

    assert process.state == "failed"
    assert process.failure_message == (
        "An unexpected error occurred: ZeroDivisionError: the sky is flat"
    )
    assert "sample_pipelines.py" in process.failure_traceback
    assert_nothing_saved(process, product)


def test_sys_exit_fails_the_process_and_spares_the_worker(product):
    process = run("Exiting", product)

    assert process.state == "failed"
    assert "exit code 3" in process.failure_message


def test_no_output_is_a_success(product):
    process = run("Nothing", product)

    assert process.state == "succeeded"
    assert process.group is None
    assert process.logs is None


def test_outputs_before_a_failure_are_not_kept(product):
    process = run("TwoThenRaise", product)

    assert process.failure_message == "after two outputs"
    assert_nothing_saved(process, product)


@pytest.mark.parametrize(
    ("pipeline", "words"),
    [
        ("Outside", "lies outside tmpdir"),
        ("Linked", "lies outside tmpdir"),
        ("Missing", "'never_written.txt' does not exist"),
        ("WrongType", "Invalid output type 'cheese'"),
    ],
)
def test_an_output_that_cannot_be_saved_fails_the_process_and_saves_nothing(
    product, pipeline, words
):
    process = run(pipeline, product)

    assert process.state == "failed"
    assert process.failure_kind == "could not save outputs"
    assert words in process.failure_message
    assert_nothing_saved(process, product)


def test_two_outputs_of_one_name_are_both_saved(product):
    process = run("SameNames", product)

    contents = {content(output.product) for output in process.outputs.all()}
    assert contents == {"a", "b"}


def test_parameters_arrive_as_python_values(product):
    process = run("Adjustable", product, parameters={"radius": 4, "since": "2026-01-02"})

    assert process.logs == "4.0 'sum' True datetime.date(2026, 1, 2)\n"
    assert process.parameters["since"] == "2026-01-02"


def test_flags_arrive_as_keywords(product):
    process = run("Flagged", product, parameters={"plot": True})

    assert process.logs == "[('plot', True), ('quick', True)]\n"
    assert process.flags_json == '{"plot": true, "quick": true}'


def test_old_habits_of_authors_work(product):
    process = run("OldHabits", product)

    assert process.state == "succeeded"
    assert process.identifier.startswith("habits_")
    assert process.logs == "one, two\n42\nno end\n"
    assert [e.value for e in process.events.filter(kind="status")] == ["thinking"]
    assert process.log_lines.get(stream="out").text == "to standard output"


def test_a_skipped_file_is_a_warning_and_not_a_failure(target, make_product):
    good, bad = make_product(target, "good.fits"), make_product(target, "bad.fits")

    process = run("Skipping", good, bad)

    assert process.state == "succeeded"
    assert process.warning_count == 1
    fates = {row.name: (row.fate, row.reason) for row in process.inputs.all()}
    assert fates == {
        "good.fits": ("given", ""),
        "bad.fits": ("skipped", "no WCS in its header"),
    }


def test_an_input_that_is_gone_when_the_run_starts_is_named(product):
    process = submission.submit("Copy", target=product.target, products=[product])
    product.delete()

    Supervisor().run(process.pk)

    process.refresh_from_db()
    assert process.state == "failed"
    assert process.failure_kind == "input missing"
    assert "frame.fits" in process.failure_message


def test_a_pipeline_that_is_gone_when_the_run_starts_is_named(product, settings):
    process = submission.submit("Copy", target=product.target, products=[product])
    settings.TOM_EDUCATION_PIPELINES = {}

    Supervisor().run(process.pk)

    process.refresh_from_db()
    assert process.state == "failed"
    assert process.failure_kind == "plugin missing"
    assert "Copy" in process.failure_message


def test_rights_that_were_taken_away_while_queued_stop_the_run(make_target, make_product, user):
    target = make_target(permissions="PUBLIC")
    product = make_product(target)
    process = submission.submit("Copy", target=target, products=[product], user=user)
    type(target).objects.filter(pk=target.pk).update(permissions="PRIVATE")

    Supervisor().run(process.pk)

    process.refresh_from_db()
    assert process.state == "failed"
    assert "may no longer see" in process.failure_message


def test_a_process_cancelled_while_it_runs_never_succeeds(product):
    process = run("DeletingItsInput", product)

    assert process.state == "cancelled"
    assert_nothing_saved(process, product)


def test_the_work_folder_is_removed(product):
    process = run("Raising", product)

    assert process.pk not in [pk for _folder, pk, _attempt in left_over_folders()]
