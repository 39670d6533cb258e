"""
What every run needs, loaded and read once: imported by parents that runs are forked from.

Reading which pipelines are installed, and making the template engines that check a pipeline's form,
take longer than all the rest of a short run. No pipeline is imported, and a parent is made anew when
something is installed.
"""

from django.forms.renderers import get_default_renderer
from django.template import engines

from tom_pipeline_core import registry, runner

__all__ = ["runner"]

registry.entries()
engines.all()
get_default_renderer()
