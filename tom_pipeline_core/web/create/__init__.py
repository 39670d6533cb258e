"""Choosing files, a pipeline and parameters, and running them."""
