"""Names by which old code reaches processes from targets and groups."""

from __future__ import annotations

from typing import Any

from tom_dataproducts.models import DataProductGroup
from tom_targets.base_models import BaseTarget


def _processes(holder: Any) -> Any:
    return holder.pipeline_processes


def add() -> None:
    """Give targets ``asyncprocess_set`` and groups ``pipelineprocess_set``."""
    BaseTarget.asyncprocess_set = property(_processes)  # type: ignore[attr-defined]
    DataProductGroup.pipelineprocess_set = property(_processes)  # type: ignore[attr-defined]
