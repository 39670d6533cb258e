"""The pipelines to choose from, each with what it takes and why it does not fit."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from tom_dataproducts.models import DataProduct

from tom_pipeline_core import registry
from tom_pipeline_core.exceptions import InvalidPipelineError, PipelineNotFound
from tom_pipeline_core.models import PipelineProcess
from tom_pipeline_core.submission import refusal_of

LOOKED_AT = 300
"""Of how many chosen files each pipeline is asked whether it takes them, for every view."""


@dataclass
class Card:
    """A pipeline as people choose it."""

    entry: registry.Entry
    pipeline: type[PipelineProcess]
    misfit: str = ""
    """Why the chosen files do not fit, or ``''``."""

    @property
    def name(self) -> str:
        return self.entry.name

    @property
    def slug(self) -> str:
        """A name that an id in HTML takes."""
        return hashlib.sha256(self.name.encode()).hexdigest()[:8]

    @property
    def title(self) -> str:
        return self.pipeline.verbose_name or self.entry.name

    @property
    def version(self) -> str:
        return self.pipeline.version or self.entry.version

    @property
    def summary(self) -> str:
        """The first paragraph of the description."""
        return " ".join(self.pipeline.get_description().split("\n\n")[0].split())

    @property
    def text(self) -> str:
        """What a search looks through."""
        words = (self.name, self.title, self.pipeline.get_description(), self.entry.distribution)
        return " ".join(words).lower()

    @property
    def documentation_url(self) -> str:
        """Where to read more; only addresses of the web become links."""
        url = self.pipeline.documentation_url
        return url if url.startswith(("https://", "http://")) else ""

    @property
    def rest(self) -> str:
        """What follows the first paragraph."""
        return self.pipeline.get_description().partition("\n\n")[2]

    @property
    def takes(self) -> str:
        """In words, which files and how many."""
        suffixes, most, least = (
            self.pipeline.allowed_suffixes,
            self.pipeline.max_inputs,
            self.pipeline.min_inputs,
        )
        files = ", ".join(suffixes) if suffixes else "any file"
        if most is not None and most == least:
            number = f"exactly {most}"
        elif most is not None:
            number = f"{least} to {most}"
        elif least > 1:
            number = f"{least} or more"
        else:
            return files
        return f"{files}; {number} files" if number != "exactly 1" else f"{files}; one file"


def cards(products: Sequence[DataProduct]) -> list[Card]:
    """Return every pipeline that can be loaded, those that fit first."""
    found = []
    for name, entry in registry.entries().items():
        try:
            pipeline = registry.load(name)
        except (InvalidPipelineError, PipelineNotFound):
            continue  # the page of plugins tells the staff
        found.append(Card(entry, pipeline, misfit_of(pipeline, products)))
    return sorted(found, key=lambda card: bool(card.misfit))


def misfit_of(pipeline: type[PipelineProcess], products: Sequence[DataProduct]) -> str:
    """Return why a pipeline does not take the chosen files, or ``''``."""
    if not products:
        return ""
    if pipeline.max_inputs is not None and len(products) > pipeline.max_inputs:
        return f"Takes at most {pipeline.max_inputs}; {len(products)} are selected."
    refusals = [
        reason for product in products[:LOOKED_AT] if (reason := refusal_of(pipeline, product))
    ]
    if not refusals:
        return ""
    more = f" And {len(refusals) - 1} more." if len(refusals) > 1 else ""
    return f"{refusals[0]}.{more}"
