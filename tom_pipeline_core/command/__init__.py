"""
Any command line program as a pipeline: in its own environment, in any language, without a shell.

Declared as a class::

    from tom_pipeline_core.command import CommandPipeline, OutputFile, Patterns

    class SourceList(CommandPipeline):
        short_name = 'sources'
        command = ['sextractor', '{input}', '-DETECT_THRESH', '{threshold}']
        per_file = True
        output_files = [OutputFile('*.cat')]

or in a TOML file of a package, see :func:`from_toml`.
"""

from tom_pipeline_core.command.arguments import Argument, When
from tom_pipeline_core.command.declaration import Environment, InputRole, OutputFile, Patterns
from tom_pipeline_core.command.pipeline import CommandPipeline
from tom_pipeline_core.command.toml import from_file, from_toml

__all__ = [
    "Argument",
    "CommandPipeline",
    "Environment",
    "InputRole",
    "OutputFile",
    "Patterns",
    "When",
    "from_file",
    "from_toml",
]
