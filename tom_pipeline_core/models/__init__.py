"""
The record of one run, and the base class that authors subclass.

``from tom_pipeline_core.models import AsyncError, PipelineProcess`` is all that a pipeline needs.
"""

from tom_pipeline_core.exceptions import AsyncError, InvalidPipelineError
from tom_pipeline_core.models.delivery import (
    Delivery,
    NotificationPreference,
    ProcessFollower,
)
from tom_pipeline_core.models.event import ProcessEvent
from tom_pipeline_core.models.file_facts import FileFacts, Thumbnail
from tom_pipeline_core.models.input_file import InputFile
from tom_pipeline_core.models.legacy import (
    ASYNC_STATUS_CREATED,
    ASYNC_STATUS_FAILED,
    ASYNC_STATUS_PENDING,
    ASYNC_TERMINAL_STATES,
    PipelineOutput,
)
from tom_pipeline_core.models.log_line import LogLine
from tom_pipeline_core.models.measurement import Measurement
from tom_pipeline_core.models.output_record import OutputRecord
from tom_pipeline_core.models.preset import Preset
from tom_pipeline_core.models.process import PipelineProcess
from tom_pipeline_core.models.worker import Worker

__all__ = [
    "ASYNC_STATUS_CREATED",
    "ASYNC_STATUS_FAILED",
    "ASYNC_STATUS_PENDING",
    "ASYNC_TERMINAL_STATES",
    "AsyncError",
    "Delivery",
    "FileFacts",
    "InputFile",
    "InvalidPipelineError",
    "LogLine",
    "Measurement",
    "NotificationPreference",
    "OutputRecord",
    "PipelineOutput",
    "PipelineProcess",
    "Preset",
    "ProcessEvent",
    "ProcessFollower",
    "Thumbnail",
    "Worker",
]
