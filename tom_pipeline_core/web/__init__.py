"""The pages: each view asks :mod:`tom_pipeline_core.permissions` what its user may see."""
