"""The former package's tables and rows, written by SQL alone."""

from __future__ import annotations

import json
from typing import Any

TABLES = """
CREATE TABLE tom_education_asyncprocess (
    id integer PRIMARY KEY AUTOINCREMENT NOT NULL,
    identifier varchar(100) NOT NULL UNIQUE,
    created datetime NOT NULL,
    status varchar(50) NOT NULL,
    terminal_timestamp datetime NULL,
    failure_message varchar(255) NOT NULL,
    target_id integer NULL REFERENCES {target} (id) DEFERRABLE INITIALLY DEFERRED,
    process_type varchar(100) NULL
);
CREATE TABLE tom_education_pipelineprocess (
    asyncprocess_ptr_id integer NOT NULL PRIMARY KEY
        REFERENCES tom_education_asyncprocess (id) DEFERRABLE INITIALLY DEFERRED,
    logs text NULL,
    flags_json text NULL,
    group_id integer NULL
        REFERENCES tom_dataproducts_dataproductgroup (id) DEFERRABLE INITIALLY DEFERRED
);
CREATE TABLE tom_education_pipelineprocess_input_files (
    id integer PRIMARY KEY AUTOINCREMENT NOT NULL,
    pipelineprocess_id integer NOT NULL
        REFERENCES tom_education_pipelineprocess (asyncprocess_ptr_id)
        DEFERRABLE INITIALLY DEFERRED,
    dataproduct_id integer NOT NULL
        REFERENCES tom_dataproducts_dataproduct (id) DEFERRABLE INITIALLY DEFERRED
);
"""
OBSERVING = """
CREATE TABLE tom_education_observationtemplate (
    id integer PRIMARY KEY AUTOINCREMENT NOT NULL,
    name varchar(255) NOT NULL,
    facility varchar(255) NOT NULL,
    fields text NOT NULL,
    target_id integer NOT NULL REFERENCES {target} (id) DEFERRABLE INITIALLY DEFERRED,
    UNIQUE (name, target_id, facility)
);
CREATE TABLE tom_education_observationalert (
    id integer PRIMARY KEY AUTOINCREMENT NOT NULL,
    email varchar(254) NOT NULL,
    observation_id integer NOT NULL
        REFERENCES tom_observations_observationrecord (id) DEFERRABLE INITIALLY DEFERRED
);
"""


def make_tables(connection: Any, target: str = "tom_targets_basetarget") -> None:
    """Make the tables of the processes."""
    _execute(connection, TABLES.format(target=target))


def make_observing_tables(connection: Any, target: str) -> None:
    """Make the tables of templates and alerts."""
    _execute(connection, OBSERVING.format(target=target))


def _execute(connection: Any, statements: str) -> None:
    cursor = connection.cursor()
    for statement in statements.split(";"):
        if statement.strip():
            cursor.execute(statement)


def add_process(
    connection: Any,
    pk: int,
    identifier: str,
    *,
    status: str = "created",
    target: int | None,
    process_type: str | None = "Quiet",
    ended: str | None = "2020-05-01 10:05:00",
    failure: str = "",
    pipeline: bool = True,
    logs: str | None = None,
    flags: dict[str, Any] | str | None = None,
    group: int | None = None,
    inputs: tuple[int, ...] = (),
    mark: str = "%s",
) -> None:
    """Insert a process with its parts; ``mark`` is how the connection marks parameters."""
    cursor = connection.cursor()

    def insert(table: str, *values: Any) -> None:
        marks = ", ".join([mark] * len(values))
        cursor.execute(f"INSERT INTO {table} VALUES ({marks})", values)  # noqa: S608

    created = "2020-05-01 10:00:00"
    insert(
        "tom_education_asyncprocess",
        pk, identifier, created, status, ended, failure, target, process_type,
    )  # fmt: skip
    if pipeline:
        text = json.dumps(flags) if isinstance(flags, dict) else flags
        insert("tom_education_pipelineprocess", pk, logs, text, group)
        for number, product in enumerate(inputs):
            insert("tom_education_pipelineprocess_input_files", pk * 100 + number, pk, product)
