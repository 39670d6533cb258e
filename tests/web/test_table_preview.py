"""Tables among the outputs, page by page."""

from __future__ import annotations

import io

import pytest
from astropy import units
from astropy.table import QTable
from django.test import Client
from django.urls import reverse
from tom_targets.base_models import BaseTarget

from tests.conftest import MakeProduct
from tom_pipeline_core.models import PipelineProcess
from tom_pipeline_core.web.table_preview import read_table


def ecsv(**columns: object) -> str:
    stream = io.StringIO()
    QTable(columns).write(stream, format="ascii.ecsv")
    return stream.getvalue()


def test_units_of_an_ecsv_are_shown_with_its_columns() -> None:
    text = ecsv(mjd=[1.5, 2.5] * units.day, mag=[15.25, 16.0] * units.mag, name=["a b", "c"])

    page = read_table(text, 0)

    assert page.header == [("mjd", "d"), ("mag", "mag"), ("name", "")]
    assert page.rows == [["1.5", "15.25", "a b"], ["2.5", "16.0", "c"]]
    assert page.total == 2


def test_a_later_page_has_its_own_rows_and_the_same_total() -> None:
    text = "number\n" + "".join(f"{number}\n" for number in range(1000))

    page = read_table(text, 100, 50)

    assert page.rows[0] == ["100"]
    assert page.rows[-1] == ["149"]
    assert page.total == 1000


@pytest.mark.parametrize("text", ["", "\n\n", "# %ECSV 1.0\n# ---\n# nonsense: [\n"])
def test_an_empty_or_broken_table_says_so(text: str) -> None:
    assert read_table(text, 0).refusal


def test_quotes_commas_and_semicolons() -> None:
    assert read_table('a,b\n"x, y",2\n', 0).rows == [["x, y", "2"]]
    assert read_table("a;b\n1,5;2\n", 0).rows == [["1,5", "2"]]


@pytest.mark.django_db
def test_the_page_shows_rows_as_text_with_and_without_scripts(
    signed_in: Client, target: BaseTarget, make_product: MakeProduct
) -> None:
    process = PipelineProcess.objects.create(target=target)
    product = make_product(target, "t.csv", "name,<b>\n<script>,1\n" + "x,2\n" * 60)
    output = process.outputs.create(kind="file", product=product, name="t.csv")
    address = reverse("tom_pipeline_core:process-output-table", args=[process.pk, output.pk])

    whole = signed_in.get(address).content.decode()
    part = signed_in.get(address, {"page": 2}, headers={"HX-Request": "true"}).content.decode()

    assert "<td>&lt;script&gt;</td>" in whole
    assert "61 rows, page 1 of 2" in whole
    assert "<html" in whole
    assert "<html" not in part
    assert part.count("<tr>") == 1 + 11
