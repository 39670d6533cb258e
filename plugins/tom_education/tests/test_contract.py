"""What code written for tom_education does, by its own names."""

from __future__ import annotations

import json

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone
from tom_dataproducts.models import DataProduct, PhotometryReducedDatum, ReducedDatum
from tom_education import models
from tom_education.models import (
    AsyncError,
    AsyncProcess,
    InvalidPipelineError,
    PipelineOutput,
    PipelineProcess,
)

from plugins.tom_education.tests import old_pipelines
from tests.running import content, run
from tom_pipeline_core import submission
from tom_pipeline_core.states import State

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("old_pipelines")]


@pytest.fixture
def product(target, make_product):
    return make_product(target, "frame.fits")


def make(cls, product, **flags):
    return cls.create_timestamped(product.target, [product], flags)


# -- names --------------------------------------------------------------------------------------


def test_every_name_of_old_is_there():
    assert models.ASYNC_STATUS_PENDING == "pending"
    assert models.ASYNC_STATUS_CREATED == "created"
    assert models.ASYNC_STATUS_FAILED == "failed"
    assert models.ASYNC_TERMINAL_STATES == ("created", "failed")
    assert issubclass(PipelineProcess, AsyncProcess)
    assert not issubclass(InvalidPipelineError, ImportError)
    for name in ("DataProduct", "ReducedDatum", "Target", "ObservationAlert"):
        assert hasattr(models, name)


def test_an_output_has_its_fields_by_position_and_by_name_and_is_hashable():
    output = PipelineOutput("a", DataProduct, "image_file")

    assert output == ("a", DataProduct, "image_file", "")
    assert output == PipelineOutput(path="a", output_type=DataProduct, tag="image_file")
    assert len({output, PipelineOutput("a", DataProduct, "image_file", "")}) == 1
    assert PipelineOutput("a").output_type is DataProduct
    assert output._replace(path="b").path == "b"


# -- what is available --------------------------------------------------------------------------


def test_the_available_pipelines_are_those_of_the_settings(settings):
    settings.TOM_EDUCATION_PIPELINES = {"Name with space": "package.module.Class"}
    assert PipelineProcess.get_available() == {"Name with space": "package.module.Class"}

    del settings.TOM_EDUCATION_PIPELINES
    assert PipelineProcess.get_available() == {}


def test_a_class_is_found_by_its_name():
    assert PipelineProcess.get_subclass("WithMeta") is old_pipelines.WithMeta


def test_an_unknown_name_is_a_key_error():
    with pytest.raises(KeyError, match="Nobody"):
        PipelineProcess.get_subclass("Nobody")


@pytest.mark.parametrize(
    "path",
    [
        "nodot",
        "no.such.package.Class",
        "json.NoSuchName",
        "json.loads",
        "json.JSONEncoder",
        "plugins.tom_education.tests.bad_flags.WhiteSpace",
    ],
)
def test_a_setting_that_cannot_be_used_is_an_invalid_pipeline(settings, path):
    settings.TOM_EDUCATION_PIPELINES = {"Bad": path}

    with pytest.raises(InvalidPipelineError, match="Bad"):
        PipelineProcess.get_subclass("Bad")


@pytest.mark.parametrize(
    "flags",
    [
        3,
        "plot",
        ["plot"],
        {"plot": {"long_name": "Plot"}},
        {"plot": {"default": False}},
        {"make plot": {"default": False, "long_name": "Plot"}},
        {"plot": "yes"},
    ],
)
def test_wrong_flags_fail_their_validation(flags):
    with pytest.raises(AssertionError):
        PipelineProcess.validate_flags(flags)


def test_right_flags_and_none_pass_their_validation():
    assert PipelineProcess.validate_flags(None) is None
    assert PipelineProcess.validate_flags({}) is None
    assert PipelineProcess.validate_flags(old_pipelines.Flagged.flags) is None


# -- making and running one -----------------------------------------------------------------------


def test_a_process_that_was_made_waits_until_it_is_run(product):
    process = make(old_pipelines.WithMeta, product)

    assert process.identifier.startswith(f"withmeta_{product.target.pk}_")
    assert process.status == "pending"
    assert process.terminal_timestamp is None
    assert process.logs is None
    assert process.flags_json is None
    assert process.group is None
    assert list(process.input_files.all()) == [product]
    assert list(product.pipeline.all()) == [process]
    assert process.queue_alias == "", "a worker would take it"


def test_two_made_in_one_second_have_different_identifiers(product):
    names = {make(old_pipelines.WithMeta, product).identifier for _ in range(3)}

    assert len(names) == 3


@pytest.mark.parametrize("cls", [old_pipelines.WithMeta, old_pipelines.WithoutMeta])
def test_run_called_directly_runs_to_the_end(product, cls):
    process = make(cls, product)

    process.run()

    assert process.status == "created"
    assert process.state == State.SUCCEEDED.value
    assert timezone.now() - process.terminal_timestamp < timezone.timedelta(minutes=1)


def test_what_was_logged_is_read_back_during_the_run_and_after(product):
    process = make(old_pipelines.WithMeta, product)

    process.run()

    logged = "doing the thing\nand another thing\n"
    assert process.logs == f"{logged}read back: {logged!r}\n"
    assert PipelineProcess.objects.get(pk=process.pk).logs == process.logs


def test_the_same_class_runs_through_the_queues_door(product):
    process = run("WithMeta", product)

    assert process.status == "created"
    assert isinstance(process, old_pipelines.WithMeta)
    assert "read back: 'doing the thing" in process.logs


def test_outputs_of_all_documented_forms_become_one_group(product):
    process = make(old_pipelines.Documented, product)

    process.run()

    made = process.group.dataproduct_set.order_by("pk")
    assert process.group.name == f"{process.identifier}_outputs"
    assert [content(p) for p in made] == ["0", "1", "2", "3"]
    assert [p.data_product_type for p in made] == ["", "", "image_file", "image_file"]
    assert {p.target for p in made} == {product.target}
    assert list(process.group.pipelineprocess_set.all()) == [process]


def test_points_of_photometry_are_the_toms_own_whatever_names_their_file(product):
    process = make(old_pipelines.Curve, product)

    process.run()

    points = PhotometryReducedDatum.objects.filter(target=product.target).order_by("timestamp")
    assert [p.brightness for p in points] == [12.5, 13.5, 14.5, 15.5]
    assert [p.data_product for p in points] == [product] * 4
    # Half to even, as Python formats: 58849.5 and 58850.5 give the same whole number.
    assert points[0].source_name == f"{process.identifier}_58850"
    assert points[0].timestamp.isoformat() == "2020-01-01T12:00:00+00:00"
    assert process.group is None


def test_a_reduced_datum_may_be_the_text_of_a_file(product):
    process = make(old_pipelines.ValueOfFile, product)

    process.run()

    datum = ReducedDatum.objects.get()
    assert datum.value == "forty-two"
    assert datum.data_type == "image_file"
    assert datum.source_name == f"{process.identifier}_value.txt"
    assert timezone.now() - datum.timestamp < timezone.timedelta(minutes=1)
    assert process.group is None


def test_an_output_type_that_is_neither_keeps_nothing(product):
    process = make(old_pipelines.Cheese, product)

    with pytest.raises(AsyncError, match="Invalid output type 'cheese'"):
        process.run()

    assert process.status == "failed"
    assert DataProduct.objects.count() == 1


def test_a_run_without_target_or_inputs_is_refused_and_can_be_mended(product):
    process = old_pipelines.WithoutMeta.objects.create(identifier="someprocess")
    with pytest.raises(AsyncError, match="must have an associated target"):
        process.run()

    process.target = product.target
    process.save()
    with pytest.raises(AsyncError, match="No input files to process"):
        process.run()

    process.input_files.add(product)
    process.run()
    assert process.status == "created"


def test_a_wrong_suffix_is_named_by_a_direct_run_and_by_a_submission(target, make_product):
    product = make_product(target, "data.tar.gz")
    process = make(old_pipelines.Archives, product)
    base_name = product.data.name.rpartition("/")[2]
    text = rf"File '{base_name}' does not end an allowed filename suffix \(.tar, .7z\)"

    with pytest.raises(AsyncError, match=f"Error running pipeline {text}"):
        process.run()
    with pytest.raises(submission.SubmissionRefused, match=text):
        submission.submit("Archives", target=target, products=[product])


def test_what_a_pipeline_raises_reaches_the_caller_and_the_record(product):
    process = make(old_pipelines.Refusing, product)
    with pytest.raises(AsyncError, match="no star"):
        process.run()
    assert (process.status, process.failure_message) == ("failed", "no star")

    process = make(old_pipelines.Broken, product)
    with pytest.raises(ZeroDivisionError, match="the sky is flat"):
        process.run()
    assert process.failure_message.startswith("An unexpected error occurred")


def test_a_process_that_ended_is_not_run_again(product):
    process = make(old_pipelines.WithoutMeta, product)
    process.run()

    with pytest.raises(AsyncError, match="succeeded"):
        process.run()


def test_a_pipeline_without_do_pipeline_says_so(product):
    process = PipelineProcess.create_timestamped(product.target, [product])

    with pytest.raises(NotImplementedError, match="Must be implemented in child classes"):
        process.run()


# -- flags ----------------------------------------------------------------------------------------


def test_flags_given_by_code_reach_the_pipeline_with_defaults_for_the_rest(product):
    process = make(old_pipelines.Flagged, product, plot=True)

    process.run()

    assert process.logs.splitlines() == [
        "[('plot', True), ('quick', True)]",
        '{"plot": true, "quick": true}',
    ]
    assert json.loads(process.flags_json) == {"plot": True, "quick": True}


def test_a_pipeline_may_declare_flags_and_take_none(product):
    process = make(old_pipelines.FlaggedTakingNone, product, plot=True)

    process.run()

    assert process.status == "created"
    assert run("FlaggedTakingNone", product).status == "created"


def test_a_flag_unknown_to_the_class_is_named(product):
    with pytest.raises(AsyncError, match="'plott'; did you mean 'plot'"):
        make(old_pipelines.Flagged, product, plott=True)


# -- records that are no pipeline's -----------------------------------------------------------------


class Errand(AsyncProcess):
    def run(self):
        self.status = models.ASYNC_STATUS_CREATED
        self.save()


def test_a_terminal_status_ends_a_record(target):
    process = AsyncProcess.objects.create(identifier="errand", target=target)
    assert process.terminal_timestamp is None
    assert not hasattr(process, "pipelineprocess")

    process.status = models.ASYNC_STATUS_FAILED
    process.failure_message = "closed"
    process.save()

    process.refresh_from_db()
    assert timezone.now() - process.terminal_timestamp < timezone.timedelta(minutes=1)
    assert (process.state, process.failure_message) == (State.FAILED.value, "closed")
    assert list(target.asyncprocess_set.all()) == [process]


def test_a_record_of_another_kind_runs_itself(target):
    process = Errand.objects.create(identifier="errand", target=target)

    process.run()

    assert AsyncProcess.objects.get(pk=process.pk).state == State.SUCCEEDED.value
    with pytest.raises(NotImplementedError):
        AsyncProcess.objects.create(identifier="nothing").run()


def test_an_identifier_that_is_taken_is_refused():
    AsyncProcess.objects.create(identifier="errand")

    with pytest.raises(ValidationError, match="identifier"):
        AsyncProcess.objects.create(identifier="errand")


def test_a_stale_copy_does_not_undo_what_happened_meanwhile(product):
    process = make(old_pipelines.WithoutMeta, product)
    stale = PipelineProcess.objects.get(pk=process.pk)
    process.run()

    stale.failure_message = "written late"
    stale.save()

    process.refresh_from_db()
    assert process.state == State.SUCCEEDED.value


def test_a_pipelines_record_is_reached_from_the_base(product):
    process = make(old_pipelines.WithMeta, product)

    assert AsyncProcess.objects.get(pk=process.pk).pipelineprocess == process
    assert process.asyncprocess_ptr_id == process.pk
