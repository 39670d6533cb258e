"""
What a good pipeline fulfils; each condition is tried on synthetic frames or on an author's files.

The test class :class:`tom_pipeline_core.testing.contract.PipelineContract` and ``tom-pipelines check`` both
go through these, so that they agree.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tom_pipeline_core import standalone
from tom_pipeline_core.exceptions import SubmissionRefused
from tom_pipeline_core.standalone.run import add_product, add_target

CANCEL_SECONDS = 5.0
START_SECONDS = 120.0
TEXT_SUFFIXES = (".csv", ".ecsv", ".txt", ".json", ".dat", ".tsv")


class Broken(AssertionError):
    """A condition does not hold; the text says what was found."""


class NotTried(Exception):
    """A condition cannot be tried here; the text says why."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A pipeline and what to run it on."""

    pipeline: str
    """Its name as the registry knows it."""

    files: Sequence[Path]
    """Good input files."""

    ra: float | None = None
    """Of the target, ICRS degrees."""

    dec: float | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def cls(self) -> Any:
        """The pipeline's class."""
        from tom_pipeline_core import registry

        return registry.load(self.pipeline)

    def run(self, **options: Any) -> standalone.Result:
        """Run it on the good files."""
        return standalone.run(
            self.pipeline, self.files, ra=self.ra, dec=self.dec,
            parameters=self.parameters, **options,
        )  # fmt: skip


def it_says_what_it_does(case: Case) -> None:
    """The class has a docstring or a description, and a short name without white space."""
    if not case.cls.get_description():
        raise Broken(f"{case.cls.__name__} has neither a docstring nor a description.")
    name = case.cls.short_name
    if not name or len(name.split()) != 1:
        raise Broken(f"short_name is {name!r}; it begins file names, so write one word.")


def its_parameters_explain_themselves(case: Case) -> None:
    """Every parameter has a label or a help text, and a default that is valid."""
    from tom_pipeline_core.parameters import clean_parameters, parameters_form

    fields = parameters_form(case.cls).base_fields
    silent = [name for name, each in fields.items() if not (each.label or each.help_text)]
    if silent:
        raise Broken(f"These parameters have neither label nor help_text: {', '.join(silent)}.")
    _, errors = clean_parameters(case.cls, dict(case.parameters))
    if errors:
        problems = "; ".join(f"{name}: {' '.join(texts)}" for name, texts in errors.items())
        raise Broken(f"The defaults are not valid: {problems}")


def it_succeeds_on_good_files(case: Case) -> None:
    """It succeeds, and its outputs lie inside ``tmpdir``, or saving would have refused them."""
    result = case.run()
    if not result.ok:
        raise Broken(f"It failed: {result.message}\n{result.traceback}")


def two_runs_agree(case: Case) -> None:
    """The same files and parameters give the same outputs."""
    target = add_target(ra=case.ra, dec=case.dec)
    products = [add_product(target, Path(path)) for path in case.files]
    first, second = (
        standalone.run(
            case.pipeline, (), target=target, products=products, parameters=case.parameters
        )
        for _ in range(2)
    )
    if not (first.ok and second.ok):
        raise Broken(f"It failed: {first.message or second.message}")
    if sorted(first.outputs) != sorted(second.outputs):
        raise Broken(f"Outputs were {sorted(first.outputs)}, then {sorted(second.outputs)}.")
    for name, path in first.outputs.items():
        if path.suffix in TEXT_SUFFIXES and path.read_bytes() != second.outputs[name].read_bytes():
            raise Broken(f"{name} differs between two runs on the same files.")
    if first.measurements != second.measurements:
        raise Broken(f"It measured {first.measurements}, then {second.measurements}.")
    if _points(first) != _points(second):
        raise Broken("The photometry differs between two runs on the same files.")


def _points(result: standalone.Result) -> list[str]:
    # Text, because nan is not equal to itself. A second run updates the points of the first.
    return [] if result.photometry is None else result.photometry.pformat(max_lines=-1)


def a_file_that_is_no_data_is_refused_in_words(case: Case) -> None:
    """Garbage in a file of the right name ends with the pipeline's message, not a traceback."""
    if not case.files:
        raise NotTried("the pipeline was given no files")
    target = add_target(ra=case.ra, dec=case.dec)
    products = []
    for _ in range(max(case.cls.min_inputs, 1)):
        product = add_product(target, Path(case.files[0]))
        link = Path(product.data.path)
        link.unlink()
        link.write_bytes(b"this is no image\n" * 10)
        products.append(product)
    try:
        result = standalone.run(
            case.pipeline, (), target=target, products=products, parameters=case.parameters
        )
    except SubmissionRefused:
        return  # even better: refused before a process was made
    kind = result.process.failure_kind
    if not result.ok and kind != "pipeline error":
        raise Broken(
            f"On a file that is no data it ended with {kind}: {result.message}\n"
            "Raise AsyncError with a text that people understand, or call self.skip()."
        )


def it_stops_within_five_seconds(case: Case) -> None:
    """Cancelled while it runs, it is gone in time."""
    from django.db import connection

    from tom_pipeline_core import conf, submission
    from tom_pipeline_core.models import PipelineProcess
    from tom_pipeline_core.supervisor import Supervisor

    if connection.in_atomic_block:
        raise NotTried("the test's transaction hides the process from another one")
    alias = next(
        (name for name, it in conf.get().executors.items() if it.backend == "child_process"), None
    )
    if alias is None:
        raise NotTried("the settings have no executor with the backend child_process")
    target = add_target(ra=case.ra, dec=case.dec)
    process = submission.submit(
        case.pipeline, target=target, parameters=case.parameters, executor=alias,
        products=[add_product(target, Path(path)) for path in case.files],
    )  # fmt: skip
    supervisor = Supervisor()
    thread = threading.Thread(target=_supervise, args=(supervisor, process.pk))
    thread.start()
    try:
        # A run that is still loading Django cannot be blamed on the pipeline.
        if not _wait(lambda: _has_begun(process), START_SECONDS):
            submission.cancel(process)
            raise NotTried(f"nothing was heard of the run for {START_SECONDS:g} s")
        asked = time.monotonic()
        submission.cancel(process)
        thread.join(CANCEL_SECONDS)
        if thread.is_alive():
            thread.join(START_SECONDS)
            took = time.monotonic() - asked
            raise Broken(f"Cancelled while it ran, it took {took:.1f} s to stop.")
        ended = PipelineProcess.objects.get(pk=process.pk)
        if ended.failure_kind == "executor failed":
            raise NotTried(ended.failure_message)
        state = ended.state
        if state not in ("cancelled", "succeeded", "failed"):
            raise Broken(f"After it was cancelled its state is {state}.")
    finally:
        thread.join(START_SECONDS)
        supervisor.close()


def _supervise(supervisor: Any, pk: int) -> None:
    from django.db import connections

    try:
        supervisor.run(pk)
    finally:
        connections.close_all()


def _has_begun(process: Any) -> bool:
    """Whether the pipeline's own code was heard of, or the process is over."""
    process.refresh_from_db()
    return (
        process.is_terminal
        or process.progress_done is not None
        or process.log_lines.exists()
        or process.events.filter(kind="status").exists()
    )


def _wait(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


CONDITIONS: tuple[Callable[[Case], None], ...] = (
    it_says_what_it_does,
    its_parameters_explain_themselves,
    it_succeeds_on_good_files,
    two_runs_agree,
    a_file_that_is_no_data_is_refused_in_words,
    it_stops_within_five_seconds,
)
