"""
Which pipelines may be offered, by name, and what is wrong with those that may not.

Listing imports nothing: names and class paths come from the metadata of what is installed and
from the settings. A class is imported when it is asked for, and its failure stays its own.
"""

from tom_pipeline_core.registry.loading import load
from tom_pipeline_core.registry.precedence import Entry
from tom_pipeline_core.registry.table import (
    clear_cache,
    entries,
    faults,
    find,
    listing,
    static_faults,
)

__all__ = ["Entry", "clear_cache", "entries", "faults", "find", "listing", "load", "static_faults"]
