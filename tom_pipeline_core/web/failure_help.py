"""What a failure means to the person who reads it: what happened, why, what to try."""

from __future__ import annotations

import signal
from dataclasses import dataclass

from tom_pipeline_core.models import PipelineProcess
from tom_pipeline_core.states import FailureKind


@dataclass(frozen=True)
class Help:
    """Sentences beside the message of the failure itself."""

    what: str
    cause: str
    advice: str


_HELP: dict[str, Help] = {
    FailureKind.PIPELINE.value: Help(
        "The pipeline stopped and said why.",
        "Most often the input files or the parameters do not suit it.",
        "Change what the message names and run again; files that cause trouble can be left out.",
    ),
    FailureKind.EXCEPTION.value: Help(
        "The pipeline met an error that its author did not expect.",
        "A fault in the pipeline, or an input file of a kind it was not made for.",
        "The last lines of the log show where it stopped. Try with fewer files to find the one "
        "that matters, and report it to the pipeline’s author.",
    ),
    FailureKind.TIME_LIMIT.value: Help(
        "The run took longer than this site allows, and was stopped.",
        "More or larger files than usual, or a step that does not come to an end.",
        "Run it on fewer files, or ask the site’s staff to raise the limit.",
    ),
    FailureKind.MEMORY_LIMIT.value: Help(
        "The run used more memory than this site allows, and was stopped.",
        "Large images held in memory at the same time.",
        "Run it on fewer files, or ask the site’s staff to raise the limit.",
    ),
    FailureKind.SIGNAL.value: Help(
        "The operating system ended the run.",
        "A crash in compiled code, or a machine short of memory.",
        "Run it again. If it happens again, try fewer files and tell the site’s staff.",
    ),
    FailureKind.WORKER_LOST.value: Help(
        "The machine that worked on it went silent.",
        "A restart, a lost network, or a full machine; the pipeline is not to blame.",
        "Run it again.",
    ),
    FailureKind.PLUGIN_MISSING.value: Help(
        "The worker could not load the pipeline.",
        "It was removed, renamed, or is not installed where the workers run.",
        "Ask the site’s staff; the page of plugins shows them what is wrong.",
    ),
    FailureKind.INPUT_MISSING.value: Help(
        "An input file could not be read.",
        "It was deleted or moved after the process was submitted, or the storage is away.",
        "Run it again without that file, or upload the file again.",
    ),
    FailureKind.SAVING.value: Help(
        "The run came to its end, and its outputs could not be saved. None was kept.",
        "An output that is missing or lies outside the run’s folder, or a storage that is full.",
        "The message names the output. If the storage is the reason, run it again later.",
    ),
    FailureKind.EXECUTOR.value: Help(
        "The run could not be started.",
        "The place where it should run is away or set up wrongly.",
        "Run it again later, or ask the site’s staff.",
    ),
}

_OTHER = Help(
    "The process failed.",
    "The message and the log are all that is known.",
    "Run it again, or ask the site’s staff.",
)


def help_for(process: PipelineProcess) -> Help:
    """Return the help for the way a process failed."""
    return _HELP.get(process.failure_kind, _OTHER)


def exit_in_words(code: int | None) -> str:
    """Say what an exit code means: ``9 (SIGKILL)`` for a signal."""
    if code is None:
        return ""
    if code < 0:
        try:
            return f"signal {-code} ({signal.Signals(-code).name})"
        except ValueError:
            return f"signal {-code}"
    return str(code)
