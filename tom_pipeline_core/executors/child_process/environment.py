"""
The environment variables of a run.

Secrets often live in the environment of a worker: passwords, tokens, ``SECRET_KEY``. Pipelines and
the programs they start get a short list of harmless variables, and what the site adds to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from tom_pipeline_core.executors.child_process.options import Options

HARMLESS = (
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "LC_*",
    "TZ",
    "TMPDIR",
    "TEMP",
    "TMP",
    "LD_LIBRARY_PATH",
    "PYTHON*",
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "DJANGO_SETTINGS_MODULE",
    "XDG_*",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "MPLCONFIGDIR",
    "COVERAGE_*",
    "TOM_PIPELINES_*",
)
"""Patterns of names; anything else is named by ``pass_env``."""

MARK = "TOM_PIPELINES_RUN"
"""The variable by which programs of a run are found after its guard was killed."""

THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
"""What numerical libraries read when they are loaded."""


def threads(count: int) -> dict[str, str]:
    """Return the variables that bound the threads of numerical libraries."""
    return dict.fromkeys(THREADS, str(count))


def scrubbed(worker: Mapping[str, str], options: Options) -> dict[str, str]:
    """Return the variables of the worker that its runs get, and those of the options."""
    patterns = (*HARMLESS, *options.pass_env)
    kept = {
        name: value
        for name, value in worker.items()
        if any(fnmatchcase(name, pattern) for pattern in patterns)
    }
    return {**threads(options.threads), **kept, **options.env}
