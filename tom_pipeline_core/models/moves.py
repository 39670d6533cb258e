"""
Moves of a process between states.

Every move is one conditional UPDATE that names the state it comes from, with its row of history in
the same transaction; nothing is read first and written later.
"""

from __future__ import annotations

from typing import Any

from django.db import models, transaction
from django.db.models.functions import Now
from django.dispatch import Signal

from tom_pipeline_core.models.event import ProcessEvent
from tom_pipeline_core.models.process import PipelineProcess
from tom_pipeline_core.states import MOVES, State

process_moved = Signal()
"""Sent after commit with ``pk``, ``old`` and ``new``."""


def move(
    pk: int,
    old: State,
    new: State,
    *,
    where: models.Q | None = None,
    detail: str = "",
    user: Any = None,
    origin: str = "",
    **changes: Any,
) -> bool:
    """
    Move one process from ``old`` to ``new`` if it is in ``old`` and fulfils ``where``.

    Parameters
    ----------
    pk : int
        The process.
    old, new : State
        A move that :data:`tom_pipeline_core.states.MOVES` allows.
    where : Q
        Further conditions, such as the attempt and the worker.
    detail : str
        Kept in the history.
    **changes
        Further columns of the same UPDATE.

    Returns
    -------
    bool
        Whether this call made the move.
    """
    if new not in MOVES[old]:
        raise ValueError(f"A process cannot move from {old} to {new}")
    with transaction.atomic():
        rows = PipelineProcess.objects.filter(where or models.Q(), pk=pk, state=old.value)
        if not rows.update(state=new.value, **changes):
            return False
        attempt = PipelineProcess.objects.values_list("attempt", flat=True).get(pk=pk)
        ProcessEvent.objects.create(
            process_id=pk,
            attempt=attempt,
            time=Now(),
            kind=ProcessEvent.Kind.STATE,
            value=new.value,
            detail=detail,
            user=user,
            origin=origin,
        )
        transaction.on_commit(lambda: send_moved(pk, old, new))
    return True


def send_moved(pk: int, old: State | None, new: State) -> None:
    """Tell observers of a move; what they raise never harms the process."""
    process_moved.send_robust(sender=PipelineProcess, pk=pk, old=old, new=new)
