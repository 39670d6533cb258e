"""
Where a process's run executes: pure mechanism, no policy.

The names below are imported when they are asked for: the guard of a run lives in this package too,
and does without Django.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tom_pipeline_core.executors.pool import ExecutorPool, executor_class

__all__ = ["ExecutorPool", "executor_class"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from tom_pipeline_core.executors import pool

        return getattr(pool, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
