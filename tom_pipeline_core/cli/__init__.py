"""
``tom-pipelines``: the shell of pipeline authors. No server, project or settings are needed.

Exit codes: 0 for success, 1 when a pipeline or a check failed, 2 when the command was given
something it cannot use.
"""

from tom_pipeline_core.cli.main import main

__all__ = ["main"]
