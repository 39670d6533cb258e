"""The run itself, in its own process: capture everything, call the runner, say how it ended."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from types import FrameType
from typing import Any

from tom_pipeline_core.executors.child_process import capture
from tom_pipeline_core.executors.child_process.environment import MARK
from tom_pipeline_core.executors.child_process.guard import CODE_STOPPED


class Stopped(BaseException):
    """
    The run was asked to stop.

    No ``Exception``, so that a pipeline's ``except Exception`` does not eat it.
    """


def main(request: dict[str, Any], records: int) -> int:
    """
    Run and report; return the exit code.

    Parameters
    ----------
    request : dict
        ``pk``, ``attempt``, ``entry`` (``module:function``), ``environment``, ``mark``; after a fork
        ``threads``, if not one; in a fresh interpreter ``settings_environment``.
    records : int
        Descriptor of the record pipe.
    """
    capture.capture_streams(records)
    reporter = capture.PipeReporter(records)
    _stop_on_sigterm()
    code = 1
    try:
        entry = _prepare(request, reporter)
        entry(request["pk"], request["attempt"], reporter)
        # It has ended well, whatever is asked from now on.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        reporter.end(ok=True)
        code = 0
    except Stopped:
        reporter.end(ok=False, reason="terminated")
        code = CODE_STOPPED
    except BaseException as error:  # noqa: BLE001 - reported, whatever it is
        code = _report(error, reporter)
    finally:
        _leave()
    return code


def _stop_on_sigterm() -> None:
    def stop(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once: ``finally`` blocks run in peace
        raise Stopped

    signal.signal(signal.SIGTERM, stop)
    # Processes that the pipeline forks must not inherit it: Pool.terminate() would hang.
    os.register_at_fork(after_in_child=lambda: signal.signal(signal.SIGTERM, signal.SIG_DFL))


class _CannotBegin(Exception):
    """Django or the entry could not be loaded; the cause says why."""


def _prepare(request: dict[str, Any], reporter: capture.PipeReporter) -> Any:
    """Bring Django up, scrub the environment and return the entry."""
    try:
        prepare_django(request.get("settings_environment"), request["environment"])
        os.environ[MARK] = request["mark"]
        if "threads" in request:
            _set_threads(request["threads"])
        _forget_random_state()
        capture.capture_logging(reporter)
        from django.utils.module_loading import import_string

        return import_string(request["entry"].replace(":", "."))
    except Exception as error:
        raise _CannotBegin from error


def prepare_django(
    settings_environment: dict[str, str] | None, environment: dict[str, str]
) -> None:
    """
    Load Django, unless it is loaded, and leave only ``environment`` in the environment.

    Settings may read secrets from the environment; a pipeline and its programs do not get them.
    """
    from django.apps import apps

    if not apps.ready:
        if settings_environment is not None:
            os.environ.clear()
            os.environ.update(settings_environment)
        import django

        django.setup()
    os.environ.clear()
    os.environ.update(environment)


def _set_threads(count: int) -> None:
    """Give numerical libraries that were loaded before the fork, with one thread, their share."""
    from threadpoolctl import threadpool_limits

    threadpool_limits(count)


def _forget_random_state() -> None:
    """Forked runs shall not all draw the same numbers; Python's own generator sees to itself."""
    if (numpy_random := sys.modules.get("numpy.random")) is not None:
        numpy_random.seed()


def _report(error: BaseException, reporter: capture.PipeReporter) -> int:
    from tom_pipeline_core.states import FailureKind

    trace = "".join(traceback.format_exception(error))
    if isinstance(error, _CannotBegin):
        cause = error.__cause__
        reporter.end(
            ok=False,
            kind=str(FailureKind.EXECUTOR),
            message=f"The run could not begin: {type(cause).__name__}: {cause}. Tell the site's "
            "staff.",
            trace=trace,
        )
        return 1
    if (failure := sys.modules.get("tom_pipeline_core.runner.failure")) is not None:
        if isinstance(error, failure.RunFailed):
            reporter.end(
                ok=False, kind=str(error.kind), message=error.message, trace=error.traceback
            )
            return 1
        if isinstance(error, failure.Fenced):
            reporter.end(ok=False, reason=str(error))
            return 1
    if isinstance(error, SystemExit):
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
        reporter.end(
            ok=False,
            kind=str(FailureKind.EXCEPTION),
            message=f"sys.exit({error.code!r}) was called instead of returning",
            trace=trace,
        )
        return code
    reporter.end(
        ok=False,
        kind=str(FailureKind.EXCEPTION),
        message=f"An unexpected error occurred: {type(error).__name__}: {error}",
        trace=trace,
    )
    return 1


def _leave() -> None:
    try:
        from django.db import connections

        connections.close_all()
    except Exception:  # noqa: BLE001 - the run is over, and its end reported
        traceback.print_exc()
    capture.flush()
