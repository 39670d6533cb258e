"""
A look at the input files before a run.

Headers are read once for each file, within limits, and kept in the database; pages, the API and
pipelines (:func:`facts_of`) use what is kept.
"""

from tom_pipeline_core.preflight.checks import Report, examine
from tom_pipeline_core.preflight.facts import facts_of, refresh

__all__ = ["Report", "examine", "facts_of", "refresh"]
