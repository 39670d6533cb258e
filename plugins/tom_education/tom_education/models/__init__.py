"""
All names that code written for tom_education imports from here.

The records live in the table of ``tom_pipeline_core``; the classes here are proxies of it.
"""

# Old code imports these from here as well, since the former package did so itself.
from tom_dataproducts.models import DataProduct, DataProductGroup, ReducedDatum
from tom_observations.models import ObservationRecord
from tom_targets.models import Target

from tom_education.models.async_process import (
    ASYNC_STATUS_CREATED,
    ASYNC_STATUS_FAILED,
    ASYNC_STATUS_PENDING,
    ASYNC_TERMINAL_STATES,
    AsyncError,
    AsyncProcess,
)
from tom_education.models.observation_alert import ObservationAlert
from tom_education.models.observation_template import ObservationTemplate
from tom_education.models.pipelines import InvalidPipelineError, PipelineOutput, PipelineProcess
from tom_education.models.timelapse import (
    TIMELAPSE_GIF,
    TIMELAPSE_MP4,
    TIMELAPSE_WEBM,
    TimelapsePipeline,
    crop_image,
    get_data_index,
    normalise_background,
)

__all__ = [
    "ASYNC_STATUS_CREATED",
    "ASYNC_STATUS_FAILED",
    "ASYNC_STATUS_PENDING",
    "ASYNC_TERMINAL_STATES",
    "TIMELAPSE_GIF",
    "TIMELAPSE_MP4",
    "TIMELAPSE_WEBM",
    "AsyncError",
    "AsyncProcess",
    "DataProduct",
    "DataProductGroup",
    "InvalidPipelineError",
    "ObservationAlert",
    "ObservationRecord",
    "ObservationTemplate",
    "PipelineOutput",
    "PipelineProcess",
    "ReducedDatum",
    "Target",
    "TimelapsePipeline",
    "crop_image",
    "get_data_index",
    "normalise_background",
]
