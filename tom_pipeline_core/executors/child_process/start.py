"""
How an interpreter for a guard or a preloaded parent is started.

The request follows on a pipe: command lines can be read by everybody on the machine.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import tom_pipeline_core

ROOT = str(Path(tom_pipeline_core.__file__).resolve().parent.parent)

# The package comes from where this process has it; nothing else is looked for there first.
_PROGRAM = """\
import sys
sys.path[:] = [sys.argv[1], *filter(None, sys.path)]
import tom_pipeline_core
del sys.path[0]
from tom_pipeline_core.executors.child_process import {module}
{module}.main(sys.argv[1], *map(int, sys.argv[2:]))
"""


def start_interpreter(
    module: str,
    *descriptors: int,
    environment: dict[str, str],
    output: int | None = None,
) -> subprocess.Popen[bytes]:
    """
    Start ``main`` of a module of this package in a fresh interpreter and a session of its own.

    Parameters
    ----------
    module : str
        ``guard`` or ``preloaded``.
    *descriptors : int
        Stay open in it, and are its arguments.
    environment : dict
        All of its environment variables.
    output : int, optional
        Descriptor that its output goes to; else to this process's standard error.
    """
    where = 2 if output is None else output
    return subprocess.Popen(
        [sys.executable, "-c", _PROGRAM.format(module=module), ROOT, *map(str, descriptors)],
        stdin=subprocess.DEVNULL,
        stdout=where,
        stderr=where,
        env=environment,
        pass_fds=descriptors,
        start_new_session=True,
    )


def run_path() -> list[str]:
    """Return the import path of this process, for a run: absolute, as a run may start elsewhere."""
    return [str(Path(entry or ".").resolve()) for entry in sys.path]
