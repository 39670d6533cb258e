"""Where each endpoint is on the TOM's shared router."""

from __future__ import annotations

from typing import Any

from tom_pipeline_core.rest_api.available import PipelineViewSet
from tom_pipeline_core.rest_api.details import (
    EventViewSet,
    InputFileViewSet,
    MeasurementViewSet,
    PhotometryViewSet,
)
from tom_pipeline_core.rest_api.index import IndexViewSet
from tom_pipeline_core.rest_api.inputs import InputViewSet, PreflightViewSet
from tom_pipeline_core.rest_api.log import LogViewSet
from tom_pipeline_core.rest_api.openapi import SchemaViewSet
from tom_pipeline_core.rest_api.outputs import OutputViewSet
from tom_pipeline_core.rest_api.presets import PresetViewSet
from tom_pipeline_core.rest_api.processes import ProcessViewSet
from tom_pipeline_core.rest_api.targets import TargetViewSet

_PROCESS = r"pipelines/processes/(?P<process_id>[^/]+)"


def register(router: Any) -> None:
    """Add everything to the router that all apps of a TOM share."""
    for prefix, viewset, name in (
        (f"{_PROCESS}/log", LogViewSet, "log"),
        (f"{_PROCESS}/outputs", OutputViewSet, "outputs"),
        (f"{_PROCESS}/inputs", InputFileViewSet, "process-inputs"),
        (f"{_PROCESS}/events", EventViewSet, "events"),
        (f"{_PROCESS}/measurements", MeasurementViewSet, "measurements"),
        (f"{_PROCESS}/photometry", PhotometryViewSet, "photometry"),
        (r"pipelines/processes", ProcessViewSet, "processes"),
        (r"pipelines/available", PipelineViewSet, "available"),
        (r"pipelines/inputs", InputViewSet, "inputs"),
        (r"pipelines/preflight", PreflightViewSet, "preflight"),
        (r"pipelines/presets", PresetViewSet, "presets"),
        (r"pipelines/schema", SchemaViewSet, "schema"),
        (r"pipelines/targets", TargetViewSet, "targets"),
    ):
        router.register(prefix, viewset, f"pipelines-{name}")
    router.register(r"pipelines", IndexViewSet, "pipelines")
