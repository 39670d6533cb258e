"""An output of this plugin's own: facts about the target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tom_pipeline_core.outputs import Output


@dataclass(frozen=True)
class TargetFacts(Output):
    """
    Facts to keep as extra fields of the target; a fact that is there already is replaced.

    Parameters
    ----------
    facts : mapping of str to float, bool or str
    """

    facts: Mapping[str, float | bool | str]
