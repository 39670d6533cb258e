"""
What executes one process, wherever an executor put it.

Loads the class, checks the inputs, makes the folder, calls ``do_pipeline`` and hands the outputs to
saving, which moves the process to ``succeeded``. Every other ending is the supervisor's to record.
"""

from __future__ import annotations

import inspect
import logging
import time
from pathlib import Path
from typing import Any

from django.db import Error as DjangoDatabaseError
from django.db.models import Q
from django.db.models.functions import Now

from tom_pipeline_core import permissions, registry
from tom_pipeline_core.exceptions import (
    AsyncError,
    InvalidPipelineError,
    OutputError,
    PipelineNotFound,
)
from tom_pipeline_core.models import ASYNC_STATUS_CREATED, PipelineProcess
from tom_pipeline_core.models.moves import move
from tom_pipeline_core.parameters import clean_parameters
from tom_pipeline_core.runner.failure import Fenced, RunFailed
from tom_pipeline_core.runner.reporter import Reporter
from tom_pipeline_core.runner.workdir import work_folder
from tom_pipeline_core.saving import keep_fates, normalise, save_outputs
from tom_pipeline_core.states import FailureKind, State

__all__ = ["Fenced", "Reporter", "RunFailed", "execute"]

logger = logging.getLogger(__name__)

SAVING_TRIES = 3
SAVING_PAUSE = 1.0  # seconds before the second try, doubled before the third


def execute(
    pk: int, attempt: int, reporter: Reporter, *, process: PipelineProcess | None = None
) -> None:
    """
    Run a claimed process to its successful end.

    Parameters
    ----------
    pk, attempt : int
        The process, and the number of the claim.
    reporter : Reporter
        Takes the log, the status and the progress.
    process : PipelineProcess, optional
        An object of the class that is to run, for code that runs its own; otherwise the registry
        says which class it is.

    Raises
    ------
    RunFailed
        With what the user is to read.
    Fenced
        If the process was cancelled or claimed by another worker meanwhile.
    """
    row = _fetch(pk, attempt)
    if process is None:
        process = row
        # The row becomes an object of the class that runs; proxies share the table.
        process.__class__ = _load(row)
    else:
        process.refresh_from_db()
    _check_inputs(process)
    parameters = _parameters(process)
    process._reporter = reporter
    with work_folder(pk, attempt) as folder:
        tmpdir = folder / "tmp"
        tmpdir.mkdir()
        process._work_folder = folder
        try:
            outputs = _run(process, tmpdir, parameters)
            _save(process, outputs, tmpdir, reporter)
        except Fenced:
            raise
        except RunFailed:
            _keep_what_failed_runs_know(process)
            raise


def _fetch(pk: int, attempt: int) -> PipelineProcess:
    process: PipelineProcess | None = PipelineProcess.objects.filter(
        pk=pk, attempt=attempt, state=State.RUNNING.value
    ).first()
    if process is None:
        raise Fenced(f"process {pk} no longer runs as attempt {attempt}")
    return process


def _load(process: PipelineProcess) -> type[PipelineProcess]:
    try:
        pipeline: type[PipelineProcess] = registry.load(
            process.pipeline_id or process.pipeline_name
        )
    except (PipelineNotFound, InvalidPipelineError) as error:
        raise RunFailed.because(error, str(error), FailureKind.PLUGIN_MISSING) from error
    return pipeline


def _check_inputs(process: PipelineProcess) -> None:
    """Look again: files and rights may have gone while the process was queued."""
    missing = []
    for row in process.inputs.select_related("product"):
        product = row.product
        if product is None or not product.data:
            missing.append(row.name or "a file without name")
        elif not product.data.storage.exists(str(product.data.name)):
            missing.append(Path(str(product.data.name)).name)
    if missing:
        raise RunFailed(
            f"Input files are gone since the process was submitted: {', '.join(missing)}. "
            "Run it again without them.",
            FailureKind.INPUT_MISSING,
        )
    if process.user is not None:
        chosen = set(process.input_files.values_list("pk", flat=True))
        seen = permissions.visible_data_products(process.user).filter(pk__in=chosen)
        if len(chosen) != seen.count():
            raise RunFailed(
                "Who submitted the process may no longer see its input files.",
                FailureKind.INPUT_MISSING,
            )


def _parameters(process: PipelineProcess) -> dict[str, Any]:
    cleaned, errors = clean_parameters(type(process), process.parameters)
    if errors:
        text = "; ".join(f"{name}: {' '.join(messages)}" for name, messages in errors.items())
        raise RunFailed(
            f"The parameters are no longer accepted by this version of the pipeline: {text}",
            FailureKind.PIPELINE,
        )
    return cleaned


def _run(process: PipelineProcess, tmpdir: Path, parameters: dict[str, Any]) -> list[Any]:
    process.parameters = parameters
    try:
        # A generator runs while it is read, so reading belongs to the run.
        outputs = normalise(process, process.do_pipeline(tmpdir, **_keywords(process, parameters)))
    except OutputError as error:
        raise RunFailed.because(error, str(error), FailureKind.SAVING) from error
    except AsyncError as error:
        message = str(error) or "The pipeline failed and gave no reason."
        raise RunFailed.because(error, message, FailureKind.PIPELINE) from error
    except MemoryError as error:
        raise RunFailed.because(
            error,
            "The pipeline needed more memory than it may use. Try fewer or smaller files.",
            FailureKind.MEMORY_LIMIT,
        ) from error
    except SystemExit as error:
        raise RunFailed.because(
            error,
            f"The pipeline ended its program with exit code {error.code!r} instead of returning "
            "outputs.",
            FailureKind.EXCEPTION,
        ) from error
    except Exception as error:
        # Whatever an author's code raises ends the run, never the worker.
        logger.debug("Process %s failed", process.pk, exc_info=True)
        raise RunFailed.because(
            error,
            f"An unexpected error occurred: {type(error).__name__}: {error}",
            FailureKind.EXCEPTION,
        ) from error
    finally:
        process.finish_log()
    return outputs


def _keywords(process: PipelineProcess, parameters: dict[str, Any]) -> dict[str, Any]:
    """Return what ``do_pipeline`` gets: old pipelines may declare flags and take none."""
    if process.Parameters is not None or not process.flags:
        return parameters
    taken = inspect.signature(process.do_pipeline).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in taken.values()):
        return parameters
    return {name: value for name, value in parameters.items() if name in taken}


def _save(process: PipelineProcess, outputs: list[Any], tmpdir: Path, reporter: Reporter) -> None:
    def say(text: str, level: int) -> None:
        reporter.line(time.time(), "log", level, text)

    def commit() -> None:
        mine = Q(attempt=process.attempt, lease_until__gt=Now())
        if not move(
            process.pk,
            State.RUNNING,
            State.SUCCEEDED,
            where=mine,
            status=ASYNC_STATUS_CREATED,
            terminal_timestamp=Now(),
        ):
            raise Fenced(f"process {process.pk} was cancelled or taken over while saving")

    for tried in range(1, SAVING_TRIES + 1):
        try:
            save_outputs(process, outputs, tmpdir, commit=commit, say=say)
        except OutputError as error:
            raise RunFailed.because(error, str(error), FailureKind.SAVING) from error
        except (OSError, DjangoDatabaseError) as error:
            # The run may have taken hours, and storage and database have bad moments. Also, a
            # commit can hold although its answer is lost.
            if _has_succeeded(process):
                return
            if tried == SAVING_TRIES:
                raise RunFailed.because(
                    error,
                    f"The outputs could not be saved, {SAVING_TRIES} times: {error}. Nothing was "
                    "kept. Ask the site's staff whether storage and database have room.",
                    FailureKind.SAVING,
                ) from error
            say(f"Saving failed and is tried again: {error}", logging.WARNING)
            time.sleep(SAVING_PAUSE * 2 ** (tried - 1))
        else:
            return


def _has_succeeded(process: PipelineProcess) -> bool:
    try:
        return PipelineProcess.objects.filter(
            pk=process.pk, attempt=process.attempt, state=State.SUCCEEDED.value
        ).exists()
    except DjangoDatabaseError:
        return False


def _keep_what_failed_runs_know(process: PipelineProcess) -> None:
    """Skipped files and measurements explain a failure; they matter more then than ever."""
    try:
        keep_fates(process)
    except DjangoDatabaseError:
        logger.warning("Fates of the inputs of process %s were not kept", process.pk, exc_info=True)
