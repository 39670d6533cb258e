"""
Every run in an operating system process of its own, watched by a guard.

::

    worker (threads that supervise, each with a handle)
      |  socket: one request a run, with three descriptors
      +-- preloaded parent    started by exec, one thread, Django and the TOM imported
      |     +-- guard         one per run; knows no Django; a session of its own
      |           +-- run     the pipeline; a process group of its own
      +-- lifeline pipe  ->   guard      orders; its end means that the supervisor is gone
      +-- record pipe    <-   run, guard
      +-- output pipe    <-   descriptors 1 and 2 of everything below the guard

``executor`` starts runs and ``handle`` listens to them, in the worker; ``guard`` keeps a run inside
its bounds; ``preloaded`` forks guards in milliseconds; ``run`` is the child itself.

Nothing is imported here, so that a guard started by exec stays small.
"""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    if name == "ChildProcessExecutor":
        from tom_pipeline_core.executors.child_process.executor import ChildProcessExecutor

        return ChildProcessExecutor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
