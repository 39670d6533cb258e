"""Files of a process are sent by us, to those who may see them, and never as pages."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from pytest_django import Settings
from tom_dataproducts.models import DataProduct
from tom_targets.base_models import BaseTarget

from tests.conftest import MakeProduct, MakeTarget
from tests.running import run
from tom_pipeline_core.models import PipelineProcess

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("samples")]


def address(name: str, process: PipelineProcess, *args: int) -> str:
    return reverse(f"tom_pipeline_core:{name}", args=[process.pk, *args])


def body(response: Any) -> bytes:
    return b"".join(response.streaming_content)


def test_an_output_is_a_download_that_no_browser_takes_for_a_page(
    signed_in: Client, target: BaseTarget, make_product: MakeProduct
) -> None:
    process = PipelineProcess.objects.create(target=target)
    page = make_product(target, "evil.html", "<script>alert(1)</script>")
    output = process.outputs.create(kind="file", product=page, name='ev"il\r\n.html')

    response = signed_in.get(address("process-output-file", process, output.pk))

    assert body(response) == b"<script>alert(1)</script>"
    assert response["Content-Disposition"].startswith("attachment")
    assert "\n" not in response["Content-Disposition"]
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in response["Content-Security-Policy"]


def test_an_image_is_shown_and_nothing_else_is(
    signed_in: Client, user: User, product: DataProduct
) -> None:
    process = run("Typed", product, user=user)
    image, table = process.outputs.get(kind="plot"), process.outputs.get(kind="file")

    shown = signed_in.get(address("process-output-image", process, image.pk))

    assert shown["Content-Type"] == "image/png"
    assert shown["X-Content-Type-Options"] == "nosniff"
    assert body(shown).startswith(b"\x89PNG")
    assert signed_in.get(address("process-output-image", process, table.pk)).status_code == 404


def test_all_outputs_come_as_one_zip_and_a_missing_file_is_named_in_it(
    signed_in: Client, product: DataProduct
) -> None:
    process = run("SameNames", product)
    names = [output.name for output in process.outputs.all()]
    gone = process.outputs.first()
    assert gone is not None
    assert gone.product is not None
    Path(gone.product.data.path).unlink()

    response = signed_in.get(address("process-download-all", process))

    with zipfile.ZipFile(io.BytesIO(body(response))) as archive:
        assert archive.testzip() is None
        kept, note = archive.namelist()
        assert archive.read(kept) == b"b"
        assert note == "MISSING.txt"
        assert names[0] in archive.read("MISSING.txt").decode()
    expected = f'attachment; filename="{process.identifier}.zip"'
    assert response["Content-Disposition"] == expected


def test_a_file_missing_in_the_storage_is_no_server_error(
    signed_in: Client, product: DataProduct
) -> None:
    process = run("Copy", product)
    output = process.outputs.get()
    assert output.product is not None
    Path(output.product.data.path).unlink()

    assert signed_in.get(address("process-output-file", process, output.pk)).status_code == 404


def test_a_file_of_another_process_is_not_reached_through_this_one(
    signed_in: Client, target: BaseTarget, make_target: MakeTarget, make_product: MakeProduct
) -> None:
    mine = PipelineProcess.objects.create(target=target)
    hidden_target = make_target("Secret", permissions="PRIVATE")
    theirs = PipelineProcess.objects.create(target=hidden_target)
    secret = make_product(hidden_target, "secret.txt", "secret")
    output = theirs.outputs.create(kind="file", product=secret, name="secret.txt")
    given = theirs.inputs.create(product=secret, name="secret.txt")

    for process in (mine, theirs):
        for name, pk in (
            ("process-output-file", output.pk),
            ("process-output-image", output.pk),
            ("process-output-table", output.pk),
            ("process-input-file", given.pk),
        ):
            assert signed_in.get(address(name, process, pk)).status_code == 404
        assert signed_in.get(address("process-download-all", process)).status_code == 404


def test_with_permissions_of_their_own_files_are_hidden_one_by_one(
    signed_in: Client, settings: Settings, target: BaseTarget, make_product: MakeProduct
) -> None:
    process = PipelineProcess.objects.create(target=target)
    product = make_product(target, "result.txt", "text")
    output = process.outputs.create(kind="file", product=product, name="result.txt")
    assert body(signed_in.get(address("process-output-file", process, output.pk))) == b"text"

    settings.TARGET_PERMISSIONS_ONLY = False

    assert signed_in.get(address("process-output-file", process, output.pk)).status_code == 404
    content = signed_in.get(process.get_absolute_url(), {"tab": "outputs"}).content.decode()
    assert address("process-output-file", process, output.pk) not in content


def test_an_input_file_is_downloaded_under_its_name(
    signed_in: Client, user: User, product: DataProduct
) -> None:
    process = run("Copy", product, user=user)

    response = signed_in.get(address("process-input-file", process, process.inputs.get().pk))

    assert body(response) == b"SIMPLE  =                    T"
    assert 'filename="frame.fits"' in response["Content-Disposition"]
