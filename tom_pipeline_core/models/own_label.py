"""
Which pipelines keep the label of their own app: those that the app's migrations hold already.

Old plugins have migrations that create their pipelines as proxies. With a label that is not
installed, ``makemigrations`` would want to delete those models. An app whose migrations do not hold
the class must not lend its label: it would be asked for a migration.
"""

from __future__ import annotations

import ast
import importlib.util
from functools import cache
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.core.exceptions import AppRegistryNotReady


def own_label(module: str, name: str) -> str | None:
    """Return the label of the installed app that a class belongs to and whose migrations hold it."""
    try:
        config = apps.get_containing_app_config(module)
    except AppRegistryNotReady:
        return None
    if config is None:
        return None
    package = settings.MIGRATION_MODULES.get(config.label, f"{config.name}.migrations")
    return config.label if package and name.lower() in _models_of(package) else None


@cache
def _models_of(package: str) -> frozenset[str]:
    """
    Return the models, in lower case, that a package's migrations leave behind.

    The files are read, not imported: this runs while models are still being imported.
    """
    try:
        spec = importlib.util.find_spec(package)
    except ImportError:
        return frozenset()
    held: set[str] = set()
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for path in sorted(Path(folder).glob("[0-9]*.py")):
            for operation, names in _operations(path):
                if operation == "CreateModel":
                    held.update(names[:1])
                elif operation == "DeleteModel":
                    held.difference_update(names[:1])
                elif operation == "RenameModel" and names[0:1] and names[0] in held:
                    held.remove(names[0])
                    held.update(names[1:2])
    return frozenset(held)


def _operations(path: Path) -> list[tuple[str, list[str]]]:
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError):
        return []
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name):
            function = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
            values = [*node.args, *(keyword.value for keyword in node.keywords)]
            names = [
                value.value.lower()
                for value in values
                if isinstance(value, ast.Constant) and isinstance(value.value, str)
            ]
            found.append((node.lineno, function, names))
    return [(function, names) for _line, function, names in sorted(found, key=lambda f: f[0])]
