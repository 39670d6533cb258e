"""Run a TOM's pipelines from a script, a notebook or a shell."""

from tom_pipeline_client.asynchronous import AsyncClient, AsyncProcess
from tom_pipeline_client.client import Client, Output, Process
from tom_pipeline_client.errors import (
    ApiError,
    Conflict,
    DownloadError,
    NotFound,
    NotLoggedIn,
    ProcessFailed,
    Refused,
    Unreachable,
)
from tom_pipeline_client.records import LogLine, Pipeline

__all__ = [
    "ApiError",
    "AsyncClient",
    "AsyncProcess",
    "Client",
    "Conflict",
    "DownloadError",
    "LogLine",
    "NotFound",
    "NotLoggedIn",
    "Output",
    "Pipeline",
    "Process",
    "ProcessFailed",
    "Refused",
    "Unreachable",
]
