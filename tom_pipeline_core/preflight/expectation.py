"""How long a run will probably take, from how long earlier ones took."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from django.db.models import Count, QuerySet

from tom_pipeline_core.models import PipelineProcess
from tom_pipeline_core.states import State

LOOKED_AT = 50


@dataclass(frozen=True)
class Expectation:
    """What earlier runs let expect."""

    seconds: float
    runs: int
    """On how many runs it rests."""


def expected(
    processes: QuerySet[PipelineProcess], pipeline_id: str, files: int
) -> Expectation | None:
    """
    Return how long a run on a number of files will take, or None without earlier runs.

    The time a run takes regardless of its files cannot be told from few runs, so the scale is the
    median time for each file, and no less than the quickest run.
    """
    rows = (
        processes.filter(pipeline_id=pipeline_id, state=State.SUCCEEDED.value)
        .annotate(files=Count("inputs"))
        .order_by("-pk")
        .values_list("started_at", "terminal_timestamp", "files")[:LOOKED_AT]
    )
    taken = [
        ((end - start).total_seconds(), number)
        for start, end, number in rows
        if start is not None and end is not None and number
    ]
    if not taken or not files:
        return None
    scaled = median(seconds / number for seconds, number in taken) * files
    return Expectation(max(scaled, min(seconds for seconds, _ in taken)), len(taken))
