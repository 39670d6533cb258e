"""The tests' settings with the pipelines of the benchmarks installed."""

from tests.settings import *  # noqa: F403

TOM_EDUCATION_PIPELINES = {"Noop": "benchmarks.runs.Noop"}
