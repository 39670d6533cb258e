"""Where a run's words go."""

from tom_pipeline_core.models.authoring import Reporter

__all__ = ["Reporter"]
