"""What the page says before Run: what speaks against it, how long it will take, who is before."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.http import QueryDict
from django.urls import reverse

from tom_pipeline_core.models import PipelineProcess
from tom_pipeline_core.preflight.checks import Finding, Report, bands
from tom_pipeline_core.preflight.expectation import Expectation, expected
from tom_pipeline_core.states import State
from tom_pipeline_core.web.create import id_ranges
from tom_pipeline_core.web.create.draft import PREFIX

if TYPE_CHECKING:
    from tom_pipeline_core.web.create.page import CreatePage

NAMED = 5
"""Files of one finding that are named in a message; all are in the list that opens."""

LONGEST_LINK = 2000


class Outlook:
    """The panel beside Run."""

    def __init__(self, page: CreatePage, report: Report) -> None:
        self.page, self.report = page, report

    @property
    def asked(self) -> bool:
        """Whether the warnings were shown at Run, and pressing it again accepts them."""
        return bool(self.report.digest) and self.report.digest == self.page.draft.confirmed

    @property
    def count(self) -> int:
        return len(self.page.chosen)

    @property
    def incomplete(self) -> bool:
        """Whether headers of chosen files are still to be read."""
        return self.report.unread > 0

    @cached_property
    def bands(self) -> dict[str, int]:
        return bands(self.page.chosen)

    @cached_property
    def expectation(self) -> Expectation | None:
        if self.page.entry is None or not self.count:
            return None
        return expected(self.page.processes, self.page.entry.qualified_id, self.count)

    @cached_property
    def before(self) -> int | None:
        """How many processes wait in the queue that the pipeline would join."""
        if self.page.pipeline is None:
            return None
        queue = self.page.pipeline.queue or "default"
        waiting = PipelineProcess.objects.filter(state=State.QUEUED.value, queue_alias=queue)
        return waiting.order_by().count()

    @property
    def link(self) -> str:
        """The address that opens the page like this, or ``''`` if it would be too long."""
        draft = self.page.draft
        query = QueryDict(mutable=True)
        query["target"] = str(self.page.target.pk)
        if draft.pipeline:
            query["pipeline"] = draft.pipeline
        if draft.selected:
            query["selected"] = id_ranges.encode(draft.selected)
        section = self.page.parameters
        if section is not None:
            for parameter in section.all:
                value: Any = parameter.field.value()
                if parameter.changed and isinstance(value, str | int | float):
                    query[f"{PREFIX}-{parameter.field.name}"] = str(value)
        link = f"{reverse('tom_pipeline_core:process-create')}?{query.urlencode()}"
        return link if len(link) <= LONGEST_LINK else ""


def in_words(finding: Finding) -> str:
    """Return a finding as one sentence that names its files."""
    named = [f"{name} ({detail})" if detail else name for name, detail in finding.files[:NAMED]]
    more = len(finding.files) - len(named)
    text = "; ".join(named) + (f"; and {more} more" if more else "")
    return f"{finding.issue.message} {text}".strip()
