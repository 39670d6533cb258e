"""Submitting and running sample pipelines in tests, by the real supervisor in this thread."""

from __future__ import annotations

from typing import Any

from tom_pipeline_core import submission
from tom_pipeline_core.models import PipelineProcess
from tom_pipeline_core.supervisor import Supervisor

SAMPLES = "tests.sample_pipelines"


def names_of_samples() -> dict[str, str]:
    """Return ``TOM_EDUCATION_PIPELINES`` with every sample under its class name."""
    from tests import sample_pipelines

    return {
        name: f"{SAMPLES}.{name}"
        for name, value in vars(sample_pipelines).items()
        if isinstance(value, type)
        and issubclass(value, PipelineProcess)
        and value is not PipelineProcess
    }


def run(pipeline: str, *products: Any, **options: Any) -> PipelineProcess:
    """Submit a process on products of one target, run it to its end, and return its row."""
    process = submission.submit(pipeline, target=products[0].target, products=products, **options)
    Supervisor().run(process.pk)
    return PipelineProcess.objects.get(pk=process.pk)


def content(product: Any) -> str:
    """Return the text of a data product's file."""
    with product.data.open("rb") as stream:
        text: str = stream.read().decode()
    return text
