"""Old processes become the core's, each once, whatever state the old tables are in."""

from __future__ import annotations

import io
import json

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from tom_dataproducts.models import DataProduct, DataProductGroup, ReducedDatum

from plugins.tom_education.tests.old_database import add_process, make_tables
from tom_pipeline_core.models import PipelineProcess

pytestmark = pytest.mark.django_db


@pytest.fixture
def old_tables(db):
    make_tables(connection)


@pytest.fixture
def product(target, make_product):
    return make_product(target, "frame.fits")


def import_them(**options) -> str:
    out = io.StringIO()
    call_command("import_tom_education", stdout=out, **options)
    return out.getvalue()


def table_names() -> set[str]:
    with connection.cursor() as cursor:
        return set(connection.introspection.table_names(cursor))


def test_without_old_tables_there_is_nothing_to_do():
    assert "no processes of tom_education" in import_them()


def test_a_process_keeps_all_that_was_known_of_it(
    old_tables, target, product, settings, make_product
):
    settings.TOM_EDUCATION_PIPELINES = {"A quiet one": "old_app.models.Quiet"}
    group = DataProductGroup.objects.create(name="quiet_1_outputs")
    output = make_product(target, "quiet_1_plot.png")
    output.group.add(group)
    add_process(
        connection,
        17,
        "quiet_1_20200501100000",
        target=target.pk,
        logs="one\ntwo\n\nfour",
        flags={"plot": True, "gone": False},
        group=group.pk,
        inputs=(product.pk,),
    )

    text = import_them()

    assert "1 of 1 processes of tom_education were imported; 0 were here already." in text
    process = PipelineProcess.objects.get(pk=17)
    assert process.identifier == "quiet_1_20200501100000"
    assert (process.state, process.status) == ("succeeded", "created")
    assert process.created.isoformat() == "2020-05-01T10:00:00+00:00"
    assert process.terminal_timestamp.isoformat() == "2020-05-01T10:05:00+00:00"
    assert process.target == target
    assert process.pipeline_name == "A quiet one"
    assert process.process_type == "old_app.models.Quiet"
    assert json.loads(process.flags_json) == {"plot": True, "gone": False}
    assert process.logs == "one\ntwo\n\nfour\n"
    assert list(process.input_files.all()) == [product]
    assert process.group == group
    assert [(o.kind, o.product, o.name) for o in process.outputs.all()] == [
        ("plot", output, "quiet_1_plot.png")
    ]
    assert [e.value for e in process.events.all()] == ["queued", "running", "succeeded"]


def test_a_failed_process_keeps_its_message(old_tables, target):
    add_process(connection, 1, "bad", status="failed", failure="no <b>star</b>", target=target.pk)

    import_them()

    process = PipelineProcess.objects.get(identifier="bad")
    assert (process.state, process.failure_message) == ("failed", "no <b>star</b>")
    assert process.logs is None


@pytest.mark.parametrize("status", ["pending", "Analysing input data files"])
def test_one_that_never_ended_is_closed_and_says_why(old_tables, target, status):
    add_process(connection, 1, "stuck", status=status, ended=None, target=target.pk)

    text = import_them()

    process = PipelineProcess.objects.get(identifier="stuck")
    assert process.state == "failed"
    assert process.terminal_timestamp is not None
    assert status in process.failure_message
    assert "Run it again" in process.failure_message
    assert f"Process stuck: it had not ended (status '{status}')" in text


def test_what_is_missing_in_the_old_tables_does_not_stop_the_import(old_tables, target, product):
    add_process(
        connection,
        1,
        "empty",
        target=None,
        process_type=None,
        ended=None,
        flags="{broken",
        inputs=(product.pk,),
    )
    add_process(connection, 2, "errand", target=target.pk, pipeline=False, process_type="Errand")
    DataProduct.objects.create(target=target, product_id="empty_never_written.png")

    text = import_them()

    process = PipelineProcess.objects.get(identifier="empty")
    assert (process.target, process.group, process.pipeline_name) == (None, None, "empty")
    assert process.parameters == {"flags_json": "{broken"}
    assert "flags '{broken' are no JSON object" in text
    assert "'empty_never_written.png'" in text
    assert "has no file" in text
    assert PipelineProcess.objects.get(identifier="errand").pipeline_name == ""


def test_a_second_import_changes_nothing(old_tables, target):
    add_process(connection, 1, "one", target=target.pk, logs="a\n")
    import_them(keep_tables=True)

    text = import_them(keep_tables=True)

    assert "0 of 1 processes of tom_education were imported; 1 were here already." in text
    assert PipelineProcess.objects.get().logs == "a\n"


def test_a_half_done_import_is_finished(old_tables, target):
    for number in range(1, 251):
        add_process(connection, number, f"p{number}", target=target.pk, logs="a\n")
    PipelineProcess.objects.create(pk=7, identifier="p7", target=target)

    text = import_them()

    assert "249 of 250 processes of tom_education were imported; 1 were here already." in text
    assert PipelineProcess.objects.count() == 250


def test_a_number_that_is_taken_is_replaced_and_said(old_tables, target):
    PipelineProcess.objects.create(pk=1, identifier="new", target=target)
    add_process(connection, 1, "one", target=target.pk)
    add_process(connection, 2, "two", target=target.pk)

    text = import_them()

    assert "Process one: its number was 1, which is taken; it is 2 now." in text
    assert PipelineProcess.objects.get(identifier="one").pk == 2
    assert PipelineProcess.objects.get(identifier="two").pk == 3
    assert PipelineProcess.objects.create(identifier="next").pk > 3


def test_the_old_tables_are_put_aside_so_that_targets_can_be_deleted(old_tables, target, product):
    add_process(connection, 1, "one", target=target.pk, inputs=(product.pk,))

    text = import_them()

    assert "was copied to tom_education_asyncprocess_old" in text
    left = {name for name in table_names() if name.startswith("tom_education_")}
    assert left == {
        "tom_education_asyncprocess_old",
        "tom_education_pipelineprocess_old",
        "tom_education_pipelineprocess_input_files_old",
        "tom_education_observationalert",
        "tom_education_observationtemplate",
    }
    target.delete()
    connection.check_constraints()
    assert "no processes" in import_them()


def test_a_table_that_others_refer_to_is_kept(old_tables, target):
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE other_app_special (asyncprocess_ptr_id integer PRIMARY KEY "
            "REFERENCES tom_education_pipelineprocess (asyncprocess_ptr_id))"
        )
    add_process(connection, 1, "one", target=target.pk)

    text = import_them()

    assert "tom_education_pipelineprocess is kept, because other_app_special refers to it" in text
    assert "tom_education_pipelineprocess" in table_names()
    assert PipelineProcess.objects.count() == 1


def test_rows_that_lost_their_other_half_are_named_and_nothing_is_removed(old_tables, target):
    add_process(connection, 1, "one", target=target.pk)
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO tom_education_pipelineprocess VALUES (99, 'log', NULL, NULL)")

    text = import_them()

    assert "Rows 99 of tom_education_pipelineprocess have no row" in text
    assert "tom_education_pipelineprocess" in table_names()
    assert PipelineProcess.objects.count() == 1
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM tom_education_pipelineprocess WHERE asyncprocess_ptr_id = 99")


def test_a_table_of_another_shape_is_refused_whole(db):
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE tom_education_asyncprocess (id integer, name text)")

    with pytest.raises(CommandError, match="has no column created, identifier, status"):
        import_them()


def test_old_points_of_photometry_become_what_the_toms_own_command_reads(old_tables, target):
    add_process(connection, 1, "curve_1_20200501100000", target=target.pk)
    text = json.dumps({"magnitude": 12.5, "error": 0.01})
    ReducedDatum.objects.create(
        target=target,
        data_type="photometry",
        source_name="curve_1_20200501100000_58850",
        value=text,
    )

    import_them()
    call_command("migrate_reduced_datums", stdout=io.StringIO())

    point = target.photometryreduceddatum_set.get()
    assert (point.brightness, point.brightness_error, point.bandpass) == (12.5, 0.01, "unknown")
    output = PipelineProcess.objects.get().outputs.get()
    assert (output.kind, output.points) == ("photometry", 1)
