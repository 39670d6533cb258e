"""Set up a throw-away TOM in this interpreter, and take its folder away again."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SETTINGS = "tom_pipeline_core.standalone.settings"
FOLDER_VARIABLE = "TOM_PIPELINES_STANDALONE"
CLASSES_VARIABLE = "TOM_PIPELINES_STANDALONE_CLASSES"


@contextmanager
def start() -> Iterator[Path]:
    """
    Make a TOM that lasts as long as the ``with`` statement; yields its folder.

    Django's settings are for life, so that an interpreter can do this once; child processes that
    inherit the environment see the same TOM.

    Raises
    ------
    RuntimeError
        If Django is configured already.
    """
    from django.conf import settings

    if settings.configured:
        raise RuntimeError(
            "Django is configured already, so that no throw-away TOM can be made in this process."
        )
    with tempfile.TemporaryDirectory(prefix="tom-pipelines-") as folder:
        os.environ[FOLDER_VARIABLE] = folder
        os.environ["DJANGO_SETTINGS_MODULE"] = SETTINGS
        _set_up()
        try:
            yield Path(folder)
        finally:
            from django.db import connections

            connections.close_all()


def _set_up() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tomtoolkit's own, which an author's tests may forbid
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", run_syncdb=True, verbosity=0, interactive=False)
        from django.db import connections

        connections.close_all()


def register(target: str) -> str:
    """Make ``module:Class`` known under its own path, also to child processes; return the name."""
    from django.conf import settings

    from tom_pipeline_core import conf, registry

    known = dict(getattr(settings, "TOM_EDUCATION_PIPELINES", None) or {})
    if target not in known:
        settings.TOM_EDUCATION_PIPELINES = {**known, target: target}
        classes = f"{os.environ.get(CLASSES_VARIABLE, '')} {target}"
        os.environ[CLASSES_VARIABLE] = classes.strip()
        conf.clear_cache()
        registry.clear_cache()
    return target
