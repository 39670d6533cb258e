"""``manage.py import_tom_education``: the old processes, again or for the first time."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS, connections

from tom_education.importing import import_processes
from tom_education.importing.old_tables import InvalidOldTables


class Command(BaseCommand):
    help = (
        "Import the processes of the former tom_education, with logs, flags, input files, groups "
        "and outputs. 'migrate' does it too; this repeats it, for example after restoring the old "
        "tables from a backup. What is here already is left alone."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--database", default=DEFAULT_DB_ALIAS, help="alias of the database")
        parser.add_argument(
            "--keep-tables",
            action="store_true",
            help="leave the old tables; their constraints then forbid deleting targets and files",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            report = import_processes(
                connections[options["database"]], keep_tables=options["keep_tables"]
            )
        except InvalidOldTables as error:
            raise CommandError(str(error)) from error
        for line in report.lines():
            self.stdout.write(line)
