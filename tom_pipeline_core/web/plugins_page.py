"""What is installed: pipelines as a gallery, and for staff what is wrong and who works."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import importlib_metadata
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from tom_pipeline_core import hooks, permissions, registry
from tom_pipeline_core.exceptions import PipelineError
from tom_pipeline_core.models import PipelineProcess, Worker
from tom_pipeline_core.parameters import parameters_form
from tom_pipeline_core.registry import Entry
from tom_pipeline_core.states import State
from tom_pipeline_core.web import lookup
from tom_pipeline_core.web.process_head import worker_missing, workers_alive

RUNS_LOOKED_AT = 2000


@dataclass
class Record:
    """How a pipeline has done here lately."""

    succeeded: int = 0
    failed: int = 0
    durations: list[timedelta] = field(default_factory=list)

    @property
    def ended(self) -> int:
        return self.succeeded + self.failed

    @property
    def success_rate(self) -> int | None:
        """Per cent; cancelled ones do not count."""
        return round(100 * self.succeeded / self.ended) if self.ended else None

    @property
    def usual(self) -> timedelta | None:
        """The median duration of the successes."""
        return sorted(self.durations)[len(self.durations) // 2] if self.durations else None


@dataclass
class Card:
    """A pipeline in the gallery."""

    entry: Entry
    title: str
    description: str = ""
    version: str = ""
    suffixes: str = ""
    files: str = ""
    citation: str = ""
    author: str = ""
    links: list[tuple[str, str]] = field(default_factory=list)
    parameters: list[Any] = field(default_factory=list)
    problem: str = ""
    record: Record = field(default_factory=Record)


@never_cache
@require_safe
def plugin_list(request: HttpRequest) -> HttpResponse:
    """Show every pipeline that can be chosen; to staff also what cannot, and why."""
    is_staff = bool(request.user.is_staff)
    records = records_of(request)
    cards = []
    for entry in registry.entries().values():
        card = card_of(entry, is_staff)
        card.record = records.get(entry.qualified_id, Record())
        cards.append(card)
    context: dict[str, Any] = {
        "cards": cards,
        "is_staff": is_staff,
        "may_run": permissions.may_submit(request.user),
        "runs_looked_at": RUNS_LOOKED_AT,
        "no_worker": worker_missing(request),
    }
    if is_staff:
        offered = {entry.qualified_id for entry in registry.entries().values()}
        context |= {
            "faults": registry.faults(),
            "not_offered": [row for row in registry.listing() if row.qualified_id not in offered],
            "hook_modules": hooks.modules(),
            "workers": Worker.objects.all(),
            "alive": set(workers_alive().values_list("pk", flat=True)),
        }
    return render(request, "tom_pipeline_core/plugin_list.html", context)


def card_of(entry: Entry, is_staff: bool) -> Card:
    """Return what the class says of itself; one that cannot be loaded says so instead."""
    card = Card(entry=entry, title=entry.name, version=entry.version or "")
    try:
        pipeline = registry.load(entry.qualified_id)
        form = parameters_form(pipeline)()
    except PipelineError as error:
        card.problem = (
            str(error) if is_staff else "It cannot be used now; the site’s staff see why."
        )
        return card
    card.title = pipeline.verbose_name or entry.name
    card.description = reflowed(pipeline.get_description())
    card.version = pipeline.version or card.version
    card.suffixes = ", ".join(pipeline.allowed_suffixes or ())
    card.files = files_in_words(pipeline)
    card.citation = pipeline.citation
    card.author, links = facts_of_distribution(entry.distribution)
    card.links = [
        (label, address)
        for label, address in [("Documentation", pipeline.documentation_url), *links]
        if address.startswith(("https://", "http://"))
    ]
    card.parameters = list(form)
    return card


def facts_of_distribution(name: str) -> tuple[str, list[tuple[str, str]]]:
    """Return the author and the links that a distribution's metadata name."""
    try:
        facts = importlib_metadata.metadata(name) if name else None
    except importlib_metadata.PackageNotFoundError:
        facts = None
    if facts is None:
        return "", []
    address = str(facts.get("Author-Email") or "").partition("<")[0]
    author = str(facts.get("Author") or address).strip().strip('"')
    links = [line.partition(",") for line in facts.get_all("Project-URL") or []]
    return author, [(label.strip(), url.strip()) for label, _comma, url in links]


def reflowed(text: str) -> str:
    """Return a docstring's paragraphs without the line ends of its source; lists keep theirs."""
    return re.sub(r"(?<!\n)\n(?=[^\s*•-])", " ", text)


def files_in_words(pipeline: type[PipelineProcess]) -> str:
    """Say how many files a pipeline takes."""
    least, most = pipeline.min_inputs, pipeline.max_inputs
    if most is None:
        return f"{least} or more" if least else "any number"
    return str(least) if least == most else f"{least} to {most}"


def records_of(request: HttpRequest) -> dict[str, Record]:
    """Return how each pipeline did in the latest runs that the reader may see, in one query."""
    ended: Iterable[Any] = (
        lookup.processes(request)
        .filter(state__in=(State.SUCCEEDED.value, State.FAILED.value))
        .order_by("-pk")
        .values_list("pipeline_id", "state", "started_at", "terminal_timestamp")[:RUNS_LOOKED_AT]
    )
    records: dict[str, Record] = {}
    for pipeline_id, state, started, finished in ended:
        record = records.setdefault(pipeline_id, Record())
        if state == State.SUCCEEDED.value:
            record.succeeded += 1
            if started is not None and finished is not None:
                record.durations.append(finished - started)
        else:
            record.failed += 1
    return records
