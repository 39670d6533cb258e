"""
Who may start a run: decided in the scheduler, where one thread does everything.

The functions travel to the scheduler by value, so it needs nothing installed.
"""

from __future__ import annotations

from typing import Any


def take(key: str, dask_scheduler: Any = None) -> bool:
    """Take the only ticket of a run; False if it was taken before."""
    taken: dict[str, None] = dask_scheduler.extensions.setdefault("tom_pipeline_core", {})
    if key in taken:
        return False
    taken[key] = None
    while len(taken) > 100_000:  # far more than can be under way
        del taken[next(iter(taken))]
    return True
