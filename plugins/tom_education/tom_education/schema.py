"""Operations of our migrations that Django does not bring."""

from __future__ import annotations

from typing import Any

from django.db.migrations.operations import CreateModel
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ModelState


class MakeProxy(Operation):
    """
    Turn a model of the state into a proxy of another, without touching the database.

    Parameters
    ----------
    name : str
        The model.
    base : str
        Label and lower-case name of the model that it becomes a proxy of.
    """

    reduces_to_sql = False

    def __init__(self, name: str, base: str) -> None:
        self.name = name
        self.base = base

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Replace the model's state."""
        # Models of other apps inherit from it, so all are rendered anew when next asked for.
        state.__dict__.pop("apps", None)
        state.remove_model(app_label, self.name.lower())
        state.add_model(
            ModelState(
                app_label,
                self.name,
                fields=[],
                options={"proxy": True, "indexes": [], "constraints": []},
                bases=(self.base,),
            )
        )

    def database_forwards(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing: a proxy has no table."""

    def database_backwards(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing: a proxy has no table."""

    def describe(self) -> str:
        """Return what it does, for ``migrate --plan``."""
        return f"Make {self.name} a proxy of {self.base}"


class CreateUnlessThere(CreateModel):
    """Create a model whose table the former package may have made already."""

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        """Create the table unless the database has it."""
        table = to_state.apps.get_model(app_label, self.name)._meta.db_table
        connection = schema_editor.connection
        with connection.cursor() as cursor:
            if table in connection.introspection.table_names(cursor):
                return
        super().database_forwards(app_label, schema_editor, from_state, to_state)
