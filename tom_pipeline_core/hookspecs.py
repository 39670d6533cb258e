"""
The hooks a plugin may implement, and what they are given; nothing else.

A plugin names a light module in the entry-point group ``tom_pipeline_core.hooks``::

    from tom_pipeline_core.hookspecs import hookimpl

    @hookimpl
    def process_state_changed(process, old, new):
        ...

An implementation takes as many of the arguments as it needs; arguments are only ever added. Keep
the module light: web servers and workers import it when they start.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from django.http import HttpRequest
    from tom_dataproducts.models import DataProduct

    from tom_pipeline_core.models import OutputRecord, PipelineProcess
    from tom_pipeline_core.outputs import Output
    from tom_pipeline_core.states import State

PROJECT = "tom_pipeline_core"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@dataclass(frozen=True, kw_only=True)
class Submission:
    """What somebody is about to submit, already valid by the pipeline's own rules."""

    pipeline: type[PipelineProcess]
    pipeline_name: str
    target: Any
    """The site's own Target."""

    products: Sequence[DataProduct]
    parameters: Mapping[str, Any]
    """Checked, and JSON-able, as they are stored."""

    user: Any
    """None when a program submits without a user."""

    executor: str = ""
    """The alias that was asked for; empty if none was."""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A card on the page of a process."""

    title: str
    template: str
    """Name of a Django template; it is rendered with ``context``, ``process`` and the request."""

    context: Mapping[str, Any] = field(default_factory=dict)
    order: int = 100
    """Lower comes first."""


@hookspec
def register_pipelines() -> Mapping[str, str] | None:
    """
    Register pipelines that are not known when a package is built, one per recipe file say.

    When: once, when the registry is made, in every process that lists pipelines.
    Result: names to ``module:Class``; they join the entry points under the same precedence.
    Exception: the plugin's pipelines of this hook are missing, a fault says so; others are unharmed.
    """


@hookspec
def validate_submission(submission: Submission) -> Iterable[str] | None:
    """
    Refuse a submission: quotas, opening times, rules of the site.

    When: before a process is made, in the web server or shell that submits.
    Result: reasons; any reason refuses, and the user reads them.
    Exception: the submission is refused with a message that names the plugin.
    """


@hookspec(firstresult=True)
def choose_executor(submission: Submission) -> str | None:
    """
    Choose where a process runs.

    When: before a process is made, unless the submission itself names an executor.
    Result: an alias of ``TOM_PIPELINES['EXECUTORS']``, or None to leave it to the next one.
    Exception: it is logged and the next implementation is asked.
    """


@hookspec
def process_state_changed(process: PipelineProcess, old: State | None, new: State) -> None:
    """
    Hear that a process moved from one state to another; ``old`` is None when it was submitted.

    When: after the change was committed, where it was made: the web server (submitted,
    cancelled), a worker (running, failed, queued again), the run itself (succeeded).
    Result: ignored.
    Exception: it is logged and counted against the plugin; the process and other plugins go on.
    """


@hookspec(firstresult=True)
def save_output(process: PipelineProcess, output: Output) -> object | None:
    """
    Save an output of a kind of your own, or save a known kind elsewhere.

    When: once for each output of a run that came to its end, inside the transaction that makes
    the process ``succeeded``, in the run's own process. Only this hook may be wrapped
    (``hookimpl(wrapper=True)``).
    Result: the saved object (a DataProduct is shared and listed like the core's own); None
    leaves the output to the next one, at last to the core.
    Exception: nothing of the run is saved, and the process fails with a message that names the
    plugin.
    """


@hookspec
def outputs_saved(process: PipelineProcess, outputs: Sequence[OutputRecord]) -> None:
    """
    Hear that a process succeeded and its outputs are saved: chain another pipeline here.

    When: after the commit that saved them, where ``process_state_changed`` is called too.
    Result: ignored.
    Exception: it is logged and counted against the plugin; the outputs stay saved.
    """


@hookspec
def process_panels(process: PipelineProcess, request: HttpRequest) -> Iterable[Panel] | None:
    """
    Show something of your own on the page of a process.

    When: each time the page is shown, in the web server; the user may see the process.
    Result: panels, shown by ``order``.
    Exception: a card in its place names the plugin; the rest of the page is shown.
    """
