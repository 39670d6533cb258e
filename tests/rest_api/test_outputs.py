from __future__ import annotations

import hashlib
import io
import zipfile

import pytest
from django.contrib.auth.models import User
from django.http import StreamingHttpResponse

from tests import running

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("samples")]


@pytest.fixture
def process(target, make_product, user):
    return running.run("Typed", make_product(target), user=user)


def outputs(api, process):
    return api.get(f"/api/pipelines/processes/{process.pk}/outputs/").json()


def read(answer) -> bytes:
    assert isinstance(answer, StreamingHttpResponse), answer.content
    return b"".join(answer.streaming_content)


@pytest.fixture
def table(api, process) -> dict:
    return next(row for row in outputs(api, process) if row["name"].endswith("table.csv"))


def test_outputs_are_listed_with_kind_size_hash_and_address(api, process):
    rows = outputs(api, process)

    kinds = [row["kind"] for row in rows]
    assert sorted(set(kinds)) == ["file", "photometry", "plot", "spectrum"]
    plot = next(row for row in rows if row["kind"] == "plot")
    assert plot["caption"] == "The light curve"
    assert all((row["download"] is not None) == (row["kind"] in ("file", "plot")) for row in rows)


def test_a_download_is_a_stream_with_the_bytes_of_the_listed_hash(api, table):
    answer = api.get(table["download"])
    content = read(answer)

    assert hashlib.sha256(content).hexdigest() == table["sha256"]
    assert len(content) == table["size"] == int(answer["Content-Length"])
    assert answer["Content-Disposition"] == f'attachment; filename="{table["name"]}"'
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-2", b"a,b"),
        ("bytes=4-", b"1,2\n"),
        ("bytes=-2", b"2\n"),
        ("bytes=4-999", b"1,2\n"),
    ],
)
def test_a_part_is_sent_for_a_range(api, table, header, expected):
    answer = api.get(table["download"], HTTP_RANGE=header)

    assert answer.status_code == 206
    assert read(answer) == expected
    assert int(answer["Content-Length"]) == len(expected)
    assert answer["Content-Range"].endswith("/8")


def test_a_range_outside_the_file_is_refused_with_its_size(api, table):
    answer = api.get(table["download"], HTTP_RANGE="bytes=99-")

    assert answer.status_code == 416
    assert answer["Content-Range"] == "bytes */8"


@pytest.mark.parametrize("header", ["bytes=5-2", "lines=1-2", "bytes=0-1,3-4", "bytes=-"])
def test_a_range_that_is_not_understood_sends_the_whole_file(api, table, header):
    answer = api.get(table["download"], HTTP_RANGE=header)

    assert (answer.status_code, read(answer)) == (200, b"a,b\n1,2\n")


def test_a_range_of_another_version_sends_the_whole_file(api, table):
    answer = api.get(table["download"], HTTP_RANGE="bytes=4-", HTTP_IF_RANGE='"other"')
    same = api.get(table["download"], HTTP_RANGE="bytes=4-", HTTP_IF_RANGE=f'"{table["sha256"]}"')

    assert (answer.status_code, same.status_code) == (200, 206)
    assert len(read(answer)) == 8
    assert read(same) == b"1,2\n"


def test_a_file_that_the_client_has_is_not_sent_again(api, table):
    answer = api.get(table["download"], HTTP_IF_NONE_MATCH=f'"{table["sha256"]}"')

    assert (answer.status_code, answer.content) == (304, b"")


def test_the_zip_of_all_outputs_has_every_file_whole(api, process):
    answer = api.get(f"/api/pipelines/processes/{process.pk}/outputs/zip/")
    archive = zipfile.ZipFile(io.BytesIO(read(answer)))

    assert archive.testzip() is None
    listed = {row["name"]: row for row in outputs(api, process) if row["download"]}
    assert set(archive.namelist()) == set(listed)
    for name, row in listed.items():
        assert hashlib.sha256(archive.read(name)).hexdigest() == row["sha256"]


def test_a_file_missing_in_the_storage_is_404_and_named_in_the_zip(api, process, table):
    product = next(output.product for output in process.outputs.all() if output.pk == table["id"])
    product.data.storage.delete(product.data.name)

    assert api.get(table["download"]).status_code == 404
    answer = api.get(f"/api/pipelines/processes/{process.pk}/outputs/zip/")
    archive = zipfile.ZipFile(io.BytesIO(read(answer)))
    assert table["name"] in archive.read("MISSING.txt").decode()


def test_a_deleted_data_product_leaves_the_record_without_an_address(api, process, table):
    process.outputs.get(pk=table["id"]).product.delete()

    row = next(row for row in outputs(api, process) if row["id"] == table["id"])
    assert (row["product"], row["download"]) == (None, None)
    assert api.get(table["download"]).status_code == 404


def test_an_output_is_not_given_under_another_process(api, process, table, target):
    from tom_pipeline_core.models import PipelineProcess

    other = PipelineProcess.objects.create(target=target)

    address = f"/api/pipelines/processes/{other.pk}/outputs/{table['id']}/download/"
    assert api.get(address).status_code == 404


def test_rights_on_products_hide_the_file_and_the_process(as_user, process, table, settings, user):
    settings.TARGET_PERMISSIONS_ONLY = False

    stranger = as_user(User.objects.create_user("stranger"))
    assert stranger.get(table["download"]).status_code == 404


def test_photometry_is_given_as_the_tom_keeps_it(api, process):
    rows = api.get(f"/api/pipelines/processes/{process.pk}/photometry/").json()["results"]

    assert [(row["bandpass"], row["brightness"], row["limit"]) for row in rows] == [
        ("r", 15.25, None),
        ("u", None, 20.5),
    ]
    assert rows[0]["brightness_error"] == 0.01
    assert rows[0]["exposure_time"] == 60
    assert rows[0]["timestamp"] == "2026-03-01T12:00:00Z"


def test_inputs_history_and_quality_numbers_are_listed(api, process):
    def rows(part):
        return api.get(f"/api/pipelines/processes/{process.pk}/{part}/").json()["results"]

    assert [row["name"] for row in rows("inputs")] == ["frame.fits"]
    assert [row["value"] for row in rows("events") if row["kind"] == "state"] == [
        "queued",
        "running",
        "succeeded",
    ]
    assert [(row["name"], row["value"], row["unit"]) for row in rows("measurements")] == [
        ("fwhm", 3.2, "pixel")
    ]
