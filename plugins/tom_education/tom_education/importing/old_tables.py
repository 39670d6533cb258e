"""The former package's tables, read as they are and without its models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from django.apps.registry import Apps
from django.db import models

PROCESSES = "tom_education_asyncprocess"
PIPELINES = "tom_education_pipelineprocess"
INPUTS = "tom_education_pipelineprocess_input_files"
TIMELAPSES = (
    "tom_education_timelapsedataproduct_frames",
    "tom_education_timelapseprocess",
    "tom_education_timelapsedataproduct",
)
"""Of the first releases, which kept timelapses apart."""

CHUNK = 100


class InvalidOldTables(Exception):
    """A table has the name of one of the former package's, and not its columns."""


@dataclass(frozen=True, kw_only=True)
class OldProcess:
    """A process as the former package stored it."""

    pk: int
    identifier: str
    created: datetime
    status: str
    process_type: str | None = None
    terminal_timestamp: datetime | None = None
    failure_message: str = ""
    target_id: int | None = None
    is_pipeline: bool = False
    logs: str | None = None
    flags_json: str | None = None
    group_id: int | None = None
    product_ids: Sequence[int] = field(default=())


@cache
def _models() -> tuple[Any, Any, Any]:
    """Return models of the three tables; keys are plain numbers, since rows may be gone."""
    registry = Apps()

    class Meta:
        apps = registry
        app_label = "tom_education_old_tables"
        managed = False

    def make(name: str, table: str, **fields: models.Field[Any, Any]) -> Any:
        meta = type("Meta", (Meta,), {"db_table": table})
        return type(name, (models.Model,), {"__module__": __name__, "Meta": meta, **fields})

    return (
        make(
            "Process",
            PROCESSES,
            id=models.IntegerField(primary_key=True),
            identifier=models.TextField(),
            created=models.DateTimeField(),
            status=models.TextField(),
            process_type=models.TextField(null=True),
            terminal_timestamp=models.DateTimeField(null=True),
            failure_message=models.TextField(),
            target_id=models.IntegerField(null=True),
        ),
        make(
            "Pipeline",
            PIPELINES,
            asyncprocess_ptr_id=models.IntegerField(primary_key=True),
            logs=models.TextField(null=True),
            flags_json=models.TextField(null=True),
            group_id=models.IntegerField(null=True),
        ),
        make(
            "Input",
            INPUTS,
            id=models.IntegerField(primary_key=True),
            pipelineprocess_id=models.IntegerField(),
            dataproduct_id=models.IntegerField(),
        ),
    )


NEEDED = {
    PROCESSES: {"id", "identifier", "created", "status"},
    PIPELINES: {"asyncprocess_ptr_id"},
    INPUTS: {"id", "pipelineprocess_id", "dataproduct_id"},
}


class OldTables:
    """Those of the three tables that a database has, with the columns that they have."""

    def __init__(self, connection: Any) -> None:
        self._alias = connection.alias
        self._columns: dict[str, list[str]] = {}
        with connection.cursor() as cursor:
            present = set(connection.introspection.table_names(cursor))
            for model in _models():
                table = model._meta.db_table
                if table not in present:
                    continue
                found = {
                    column.name
                    for column in connection.introspection.get_table_description(cursor, table)
                }
                missing = NEEDED[table] - found
                if missing:
                    raise InvalidOldTables(
                        f"The table {table} has no column {', '.join(sorted(missing))}, so it is "
                        "not the one of tom_education. Nothing was imported. Rename the table if it "
                        "is something else; restore it from a backup if it was damaged."
                    )
                self._columns[table] = [
                    f.name for f in model._meta.fields if f.name in found
                ]  # releases differ

    @property
    def exist(self) -> bool:
        """Whether there is anything to import."""
        return PROCESSES in self._columns

    def after(self, pk: int) -> list[OldProcess]:
        """Return the next processes by primary key, at most a hundred."""
        processes, pipelines, inputs = _models()
        rows = self._read(processes, id__gt=pk).order_by("id")[:CHUNK]
        by_pk = {row.pop("id"): row for row in rows}
        products: dict[int, list[int]] = {}
        for row in self._read(inputs, pipelineprocess_id__in=by_pk):
            products.setdefault(row["pipelineprocess_id"], []).append(row["dataproduct_id"])
        for row in self._read(pipelines, asyncprocess_ptr_id__in=by_pk):
            pk = row.pop("asyncprocess_ptr_id")
            by_pk[pk].update(row, is_pipeline=True, product_ids=tuple(products.get(pk, ())))
        return [OldProcess(pk=pk, **row) for pk, row in by_pk.items()]

    def orphans(self) -> list[int]:
        """Return the keys of pipelines' rows whose process's row is gone."""
        processes, pipelines, _inputs = _models()
        known = set(self._read(processes).values_list("id", flat=True))
        kept = self._read(pipelines).values_list("asyncprocess_ptr_id", flat=True)
        return sorted(set(kept) - known)

    def _read(self, model: Any, **filters: Any) -> Any:
        columns = self._columns.get(model._meta.db_table)
        if columns is None:
            return model.objects.none()
        query = model.objects.using(self._alias).filter(**filters)
        return query.order_by(model._meta.pk.name).values(*columns)


def move_aside(connection: Any) -> tuple[list[tuple[str, str]], list[str]]:
    """
    Copy the old tables to others without constraints, and drop them.

    Returns
    -------
    moved : list of (str, str)
        Old and new names.
    held : list of str
        Why a table was left, in a sentence each.
    """
    moved, held = [], []
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        present = set(connection.introspection.table_names(cursor))
        ours = [t for t in (INPUTS, *TIMELAPSES, PIPELINES, PROCESSES) if t in present]
        references = {
            table: {
                other
                for _c, other in connection.introspection.get_relations(cursor, table).values()
            }
            for table in present
        }
        for table in ours:
            holders = sorted(
                other for other in present - {table} if table in references.get(other, ())
            )
            if holders:
                held.append(
                    f"The table {table} is kept, because {', '.join(holders)} refers to it."
                )
                continue
            copy = f"{table}_old"
            while copy in present:
                copy += "_old"
            cursor.execute(f"CREATE TABLE {quote(copy)} AS SELECT * FROM {quote(table)}")  # noqa: S608
            cursor.execute(f"DROP TABLE {quote(table)}")
            present = (present - {table}) | {copy}
            moved.append((table, copy))
    return moved, held
