"""Sphinx: Markdown pages, and the docstrings of what authors and operators use."""

import os
import tempfile

import django

from tom_pipeline_core import __version__

# The classes are Django's, which wants settings before it shows them.
os.environ["TOM_PIPELINES_STANDALONE"] = tempfile.mkdtemp(prefix="tom-pipelines-docs-")
os.environ["DJANGO_SETTINGS_MODULE"] = "tom_pipeline_core.standalone.settings"
django.setup()

project = "tom_pipeline_core"
version = release = __version__
author = "the authors of tom_pipeline_core"
copyright = author

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = f"tom_pipeline_core {__version__}"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_class_signature = "separated"
napoleon_google_docstring = False
suppress_warnings = ["ref.python"]
