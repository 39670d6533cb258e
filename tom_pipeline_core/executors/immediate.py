"""Runs in the calling thread: for tests and shells. Nothing can be cancelled or limited here."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout

from django.utils.module_loading import import_string

from tom_pipeline_core.executors.base import Executor, Handle, Outcome, RunSpec, Sink
from tom_pipeline_core.runner import Fenced, RunFailed
from tom_pipeline_core.runner.reporter import Reporter
from tom_pipeline_core.runner.streams import LineWriter, ReportHandler


class ImmediateHandle(Handle):
    """A run that is over."""

    def __init__(self, outcome: Outcome) -> None:
        self._outcome = outcome

    def wait(self, timeout: float) -> Outcome:
        return self._outcome

    def stop(self, force: bool = False) -> None:
        """Do nothing: the run is over."""


class ImmediateExecutor(Executor):
    """
    Runs the process before ``start`` returns.

    Parameters
    ----------
    entry : str
        What a run calls, ``module:function``.
    """

    blocks = True

    def __init__(self, entry: str = "tom_pipeline_core.runner:execute") -> None:
        self._entry = import_string(entry.replace(":", "."))

    def start(self, spec: RunSpec, sink: Sink) -> ImmediateHandle:
        try:
            with _captured(sink):
                self.execute(spec, sink)
        except RunFailed as failure:
            if failure.traceback:
                logging.getLogger(__name__).debug("%s", failure.traceback)
            return ImmediateHandle(
                Outcome(
                    ok=False,
                    exit_code=1,
                    error_kind=str(failure.kind),
                    error=failure.message,
                    traceback=failure.traceback,
                )
            )
        except Fenced as fenced:
            return ImmediateHandle(Outcome(ok=False, exit_code=1, reason=str(fenced)))
        return ImmediateHandle(Outcome(ok=True))

    def execute(self, spec: RunSpec, sink: Sink) -> None:
        """Run the process; raises what the runner raises."""
        self._entry(spec.pk, spec.attempt, sink)


@contextmanager
def _captured(reporter: Reporter) -> Iterator[None]:
    """Send prints, logging and warnings to the reporter while the run lasts."""
    root = logging.getLogger()
    handler = ReportHandler(reporter)
    level = root.level
    with (
        LineWriter(reporter, logging.INFO) as out,
        LineWriter(reporter, logging.INFO) as err,
        redirect_stdout(out),
        redirect_stderr(err),
        warnings.catch_warnings(),
    ):
        logging.captureWarnings(True)
        root.addHandler(handler)
        root.setLevel(min(level or logging.INFO, logging.INFO))
        try:
            yield
        finally:
            root.setLevel(level)
            root.removeHandler(handler)
            logging.captureWarnings(False)
