from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest
from django.core.files.storage import FileSystemStorage
from django.db import OperationalError
from guardian.shortcuts import assign_perm, get_users_with_perms
from tom_dataproducts.models import (
    DataProduct,
    PhotometryReducedDatum,
    SpectroscopyReducedDatum,
)

from tests.running import content, run
from tests.sample_pipelines import NOON
from tom_pipeline_core.exceptions import OutputError
from tom_pipeline_core.models import PipelineProcess
from tom_pipeline_core.saving.files import Staging, check_path, safe_name

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("samples")]


@pytest.fixture
def product(target, make_product) -> DataProduct:
    return make_product(target, "frame.fits")


def test_each_kind_of_output_is_saved_as_the_tom_keeps_it(product):
    process = run("Typed", product)

    assert process.state == "succeeded", process.failure_message
    table, plot, photometry, spectrum = process.outputs.all()
    assert (table.kind, table.name, table.size) == ("file", "typed_table.csv", 8)
    assert table.product.data_product_type == "photometry"
    assert (plot.kind, plot.caption) == ("plot", "The light curve")
    assert (photometry.kind, photometry.points) == ("photometry", 2)
    assert (spectrum.kind, spectrum.points) == ("spectrum", 1)
    detection = PhotometryReducedDatum.objects.get(bandpass="r")
    assert (detection.brightness, detection.brightness_error, detection.limit) == (
        15.25,
        0.01,
        None,
    )
    assert (detection.timestamp, detection.unit) == (NOON, "mag")
    assert detection.data_product == product
    assert detection.exposure_time == 60
    limit = PhotometryReducedDatum.objects.get(bandpass="u")
    assert (limit.brightness, limit.limit) == (None, 20.5)
    assert SpectroscopyReducedDatum.objects.get().wavelength == [4000.0]
    measurement = process.measurements.get()
    assert (measurement.name, measurement.value, measurement.unit) == ("fwhm", 3.2, "pixel")


def test_a_table_gives_points_with_units_converted_and_nan_left_out(product):
    process = run("Table", product)

    points = PhotometryReducedDatum.objects.order_by("timestamp")
    assert [p.brightness for p in points] == [15.1, 15.3]
    assert {p.exposure_time for p in points} == {60.0}
    assert points[0].timestamp == datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
    assert {p.reduction_version for p in points} == {"Table-2.1"}
    assert "1 points of photometry were not finite" in (process.logs or "")
    assert process.warning_count == 1


def test_running_again_updates_points_instead_of_failing_or_doubling(product):
    run("Table", product)

    again = run("Table", product)

    assert again.state == "succeeded"
    assert PhotometryReducedDatum.objects.count() == 2
    assert {p.value["process"] for p in PhotometryReducedDatum.objects.all()} == {again.pk}


def test_many_points_cost_few_queries(product, django_assert_max_num_queries):
    with django_assert_max_num_queries(60):
        run("ManyPoints", product)

    assert PhotometryReducedDatum.objects.count() == 200


def test_outputs_by_position_are_understood(product):
    process = run("OldStyle", product)

    assert process.state == "succeeded", process.failure_message
    names = [o.name for o in process.outputs.filter(kind="file")]
    assert names == ["old_a.txt", "old_b.txt", "old_c.txt"]
    point = PhotometryReducedDatum.objects.get()
    assert (point.brightness, point.brightness_error) == (17.5, 0.02)
    assert point.timestamp == datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
    assert point.data_product == product


def test_a_target_with_any_name_can_get_outputs(make_target, make_product, media_root):
    target = make_target("☃")
    product = DataProduct(target=target)
    product.data.name = "snow.fits"
    Path(media_root).mkdir(exist_ok=True)
    (Path(media_root) / "snow.fits").write_text("x")
    product.save()

    assert run("Copy", product).state == "succeeded"


def test_an_observation_record_that_all_inputs_share_is_copied(product):
    process = run("Copy", product)

    assert process.outputs.get().product.observation_record is None


def test_outputs_are_shown_to_those_who_see_every_input(
    target, make_product, user, settings, superuser
):
    from django.contrib.auth.models import User

    settings.TARGET_PERMISSIONS_ONLY = False
    both, one = User.objects.create_user("both"), User.objects.create_user("one")
    first, second = make_product(target, "1.fits"), make_product(target, "2.fits")
    for person, products in ((user, (first, second)), (both, (first, second)), (one, (first,))):
        for product in products:
            assign_perm("tom_dataproducts.view_dataproduct", person, product)

    process = run("Copy", first, second, user=user)

    output = process.outputs.get().product
    assert set(get_users_with_perms(output, with_group_users=False)) == {user, both}


class FullStorage(FileSystemStorage):
    """Writes half of a file and then has no room."""

    def _save(self, name, content):
        super()._save(name, content)  # type: ignore[misc]
        raise OSError(28, "No space left on device")


def test_a_full_storage_leaves_no_part_of_a_file(tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    (work / "big.fits").write_bytes(b"x" * 100)
    storage = FullStorage(location=tmp_path / "media")
    staging = Staging(storage, work, "big")

    with pytest.raises(OSError, match="No space"):
        staging.put("big.fits")
    staging.discard()

    assert not [path for path in (tmp_path / "media").rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("plain.csv", "plain.csv"),
        ("with space(1).csv", "with_space_1_.csv"),
        (".htaccess", "htaccess"),
        ("☃", "_"),
        ("a/../b\n.txt", "a_.._b_.txt"),
        ("x" * 100 + ".fits.fz", "x" * 56 + ".fits.fz"),
    ],
)
def test_names_of_outputs_are_safe(name, safe):
    assert safe_name(name) == safe


def test_a_folder_a_pipe_and_a_hard_link_are_no_outputs(tmp_path):
    import os

    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_text("x")
    (tmp_path / "other").hardlink_to(tmp_path / "file")

    for name in ("folder", "pipe"):
        with pytest.raises(OutputError, match="not a regular file"):
            check_path(tmp_path / name, tmp_path)
    with pytest.raises(OutputError, match="hard link"):
        check_path(tmp_path / "file", tmp_path)


@pytest.mark.django_db(transaction=True)
def test_files_stay_when_the_answer_to_the_commit_is_lost(
    samples, make_product, target, monkeypatch
):
    """The rows are there, so their files must be; an error does not say that nothing was done."""
    from django.db.backends.base.base import BaseDatabaseWrapper

    commit = BaseDatabaseWrapper.commit
    lost: list[int] = []

    def commit_and_lose_the_answer(self):
        commit(self)
        if lost:
            return
        has_succeeded = PipelineProcess.objects.filter(state="succeeded").exists()
        commit(self)  # the look has begun a transaction of its own
        if has_succeeded:
            lost.append(1)
            raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(BaseDatabaseWrapper, "commit", commit_and_lose_the_answer)

    process = run("Copy", make_product(target))

    assert lost
    assert process.state == "succeeded"
    assert content(process.group.dataproduct_set.get())
