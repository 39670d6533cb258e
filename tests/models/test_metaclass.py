from __future__ import annotations

import io
import pickle

import pytest
from django.core.exceptions import FieldError
from django.core.management import call_command
from django.db import models

from tests.sample_pipelines import Copy, CopyWithMeta
from tom_pipeline_core.models import PipelineProcess
from tom_pipeline_core.models.metaclass import loaded_classes

pytestmark = pytest.mark.django_db


def test_a_pipeline_needs_no_meta_and_may_have_one():
    for pipeline in (Copy, CopyWithMeta):
        assert pipeline._meta.proxy
        assert pipeline._meta.concrete_model is PipelineProcess
        assert pipeline._meta.db_table == PipelineProcess._meta.db_table


def test_a_label_that_the_author_states_is_kept():
    class Labelled(PipelineProcess):
        class Meta:
            app_label = "my_own_app"

    assert Labelled._meta.app_label == "my_own_app"


def test_a_model_field_is_refused_with_a_way_out():
    with pytest.raises(FieldError, match=r"Wide.*\(radius\).*Parameters"):
        type(
            "Wide",
            (PipelineProcess,),
            {"radius": models.FloatField(), "__module__": __name__, "__qualname__": "Wide"},
        )


def test_an_abstract_pipeline_is_refused():
    with pytest.raises(TypeError, match="mixin"):

        class Shared(PipelineProcess):
            class Meta:
                abstract = True


def test_makemigrations_sees_no_pipeline():
    out = io.StringIO()

    call_command("makemigrations", "--check", "--dry-run", "tom_pipeline_core", stdout=out)

    assert "No changes" in out.getvalue()


def test_a_row_is_an_object_of_the_class_that_ran(target):
    pk = Copy.objects.create(target=target).pk

    assert type(PipelineProcess.objects.get(pk=pk)) is Copy
    assert type(target.pipeline_processes.get()) is Copy


def test_a_row_of_a_class_that_is_gone_stays_readable(target):
    pk = Copy.objects.create(target=target).pk
    PipelineProcess.objects.filter(pk=pk).update(process_type="gone.Away")

    assert type(PipelineProcess.objects.get(pk=pk)) is PipelineProcess


def test_only_some_columns_can_be_read(target):
    Copy.objects.create(target=target)

    assert PipelineProcess.objects.only("identifier").get().identifier.startswith("copy_")


def test_a_process_can_be_pickled(target):
    process = Copy.objects.create(target=target)

    copy = pickle.loads(pickle.dumps(process))  # noqa: S301 - our own bytes

    assert type(copy) is Copy
    assert copy == process


def test_two_classes_of_one_name_do_not_collide():
    first = type("Twin", (PipelineProcess,), {"__module__": "plugin_a"})
    second = type("Twin", (PipelineProcess,), {"__module__": "plugin_b"})

    assert loaded_classes["plugin_a.Twin"] is first
    assert loaded_classes["plugin_b.Twin"] is second
