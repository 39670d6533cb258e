"""Tables among the outputs, some rows at a time, with the units of their columns."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from tom_pipeline_core.web import file_kinds, log_view, process_files

PAGE_ROWS = 50
COLUMNS_MAX = 60
CELL_MAX = 200
BYTES_MAX = 20 << 20
"""Larger tables are for downloading: a web server reads no more than this for a preview."""


@dataclass
class TablePage:
    """Some rows of a table, as text."""

    names: list[str] = field(default_factory=list)
    units: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    total: int = 0
    hidden_columns: int = 0
    refusal: str = ""

    @property
    def header(self) -> list[tuple[str, str]]:
        return list(zip(self.names, self.units, strict=True))


@never_cache
@require_safe
def process_output_table(request: HttpRequest, pk: int, output_pk: int) -> HttpResponse:
    """Show rows of a table."""
    record = process_files.record_or_404(request, pk, output_pk, "outputs")
    name = str(record.product.data.name)
    number = max(1, log_view.number(request.GET.get("page")) or 1)
    if not file_kinds.is_table(name):
        page = TablePage(refusal="This output is no table that can be shown here.")
    elif (record.size or 0) > BYTES_MAX:
        page = TablePage(refusal="This table is too large to be shown here; download it.")
    else:
        with process_files.open_file(record.product) as stream:
            text = stream.read(BYTES_MAX).decode("utf-8", errors="replace")
        page = read_table(text, (number - 1) * PAGE_ROWS)
    last = max(1, -(-page.total // PAGE_ROWS))
    context: dict[str, Any] = {
        "process_pk": pk,
        "record": record,
        "table": page,
        "number": number,
        "last": last,
        "first_row": (number - 1) * PAGE_ROWS + 1,
    }
    template = "table" if request.headers.get("HX-Request") else "table_page"
    return render(request, f"tom_pipeline_core/process/{template}.html", context)


def read_table(text: str, start: int, count: int = PAGE_ROWS) -> TablePage:
    """
    Return rows of an ECSV or CSV table.

    The header of ECSV is read by astropy, the rows by the standard library: a page of a long
    table does not need the whole of it as an astropy table.
    """
    body, delimiter, units = _split(text)
    reader = csv.reader(io.StringIO(body), delimiter=delimiter)
    try:
        names = [name.strip() for name in next(reader, [])]
        rows = list(islice(reader, start, start + count))
        total = start + len(rows) + sum(1 for _ in reader)
    except csv.Error as problem:
        return TablePage(refusal=f"The table cannot be read: {problem}")
    if not names:
        return TablePage(refusal="The table is empty.")
    shown = names[:COLUMNS_MAX]
    return TablePage(
        names=shown,
        units=[units.get(name, "") for name in shown],
        rows=[[cell[:CELL_MAX] for cell in row[:COLUMNS_MAX]] for row in rows],
        total=total if rows else min(total, start),
        hidden_columns=len(names) - len(shown),
    )


def _split(text: str) -> tuple[str, str, dict[str, str]]:
    """Return the rows, their delimiter, and the units that an ECSV header names."""
    lines = text.splitlines(keepends=True)
    head = [line for line in lines if line.startswith("#")]
    body = "".join(line for line in lines if not line.startswith("#") and line.strip())
    if not head or "%ECSV" not in head[0]:
        first = body.partition("\n")[0]
        return body, max(",;\t", key=first.count), {}
    units: dict[str, str] = {}
    delimiter = " "
    from astropy.table import meta

    try:
        header = meta.get_header_from_yaml([line[2:].rstrip("\n") for line in head])
    except Exception:  # noqa: BLE001 - a header of others; without it the rows are still shown
        return body, " ", {}
    delimiter = header.get("delimiter", " ")
    units = {
        str(column["name"]): str(column["unit"])
        for column in header.get("datatype", [])
        if column.get("unit")
    }
    return body, delimiter, units
