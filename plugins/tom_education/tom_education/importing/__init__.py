"""
Carries the processes of the former package over: from its three tables into the core's.

Used by a migration, which has historical models, and by ``manage.py import_tom_education``. Each
process is written in one transaction, and one that is there already (by its identifier) is left
alone, so that it can be repeated after whatever happened.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps as installed_apps
from django.core.management.color import no_style
from django.db import transaction

from tom_education.importing.old_tables import OldProcess, OldTables, move_aside
from tom_education.importing.report import Report
from tom_education.importing.rows import Writer

__all__ = ["Report", "import_processes"]


def import_processes(connection: Any, apps: Any = None, *, keep_tables: bool = False) -> Report:
    """
    Import every process of the former package that is not there yet.

    Parameters
    ----------
    connection : database connection
        Where both the old tables and the core's are.
    apps : app registry, optional
        Historical models in a migration.
    keep_tables : bool
        Leave the old tables in place. Otherwise their content is copied to tables without
        constraints, and they are dropped: the constraints would forbid deleting targets and data
        products, and nothing of this distribution knows the tables.

    Raises
    ------
    InvalidOldTables
        If a table of that name has not the former package's columns; nothing was changed.
    """
    report = Report()
    tables = OldTables(connection)
    if not tables.exist:
        return report
    writer = Writer(apps or installed_apps, connection.alias, report)
    for process in _all(tables):
        report.found += 1
        with transaction.atomic(using=connection.alias):
            writer.write(process)
    _reset_sequence(connection, writer.process_model)
    orphans = tables.orphans()
    if orphans:
        report.notes.append(
            f"Rows {', '.join(map(str, orphans))} of tom_education_pipelineprocess have no row in "
            "tom_education_asyncprocess: nobody can tell what they were. The old tables are kept."
        )
    elif not keep_tables:
        with transaction.atomic(using=connection.alias):
            report.moved, held = move_aside(connection)
        report.notes.extend(held)
    return report


def _all(tables: OldTables) -> Iterator[OldProcess]:
    last = 0
    while chunk := tables.after(last):
        yield from chunk
        last = chunk[-1].pk


def _reset_sequence(connection: Any, model: Any) -> None:
    """Primary keys were given, which some databases do not count."""
    statements = connection.ops.sequence_reset_sql(no_style(), [model])
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
