"""
What somebody has chosen so far for a new process.

The whole page is one form, and every button of it sends everything: so it works without scripts,
and an address with the same names opens the page prefilled.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest, QueryDict

from tom_pipeline_core.web.create import id_ranges

PREFIX = "param"
"""Before the names of parameters, so that they cannot collide with the page's own fields."""


@dataclass
class Draft:
    """The state of the page."""

    data: QueryDict
    """Everything that was sent; filters and parameters are read from it."""

    selected: set[int] = field(default_factory=set)
    """Primary keys of the chosen data products, as sent: nothing is checked yet."""

    pipeline: str = ""
    key: str = ""
    confirmed: str = ""
    """Digest of the warnings that were shown and accepted."""

    page: int = 1
    initial: dict[str, Any] | None = None
    """Parameters to start from, if not those sent."""

    @classmethod
    def of(cls, request: HttpRequest) -> Draft:
        """Read the draft from a request."""
        data = request.POST if request.method == "POST" else request.GET
        shown = id_ranges.decode(data.get("shown", ""))
        ticked = id_ranges.decode(",".join(data.getlist("product")))
        page = data.get("page", "")
        return cls(
            data=data,
            selected=(id_ranges.decode(data.get("selected", "")) - shown) | ticked,
            pipeline=data.get("pipeline", ""),
            key=_uuid(data.get("key", "")),
            confirmed=data.get("confirmed", ""),
            page=int(page) if page.isascii() and page.isdigit() and len(page) < 9 else 1,
        )

    @property
    def has_parameters(self) -> bool:
        """Whether the parameters of the chosen pipeline were on the page that was sent."""
        return bool(self.pipeline) and self.data.get("parameters_of") == self.pipeline

    def submission_key(self, parameters: dict[str, Any]) -> str:
        """
        Return what makes two requests of this page one process.

        It covers what was asked for: after going back and changing something, Run is a new one.
        """
        asked = json.dumps(
            [self.pipeline, sorted(self.selected), parameters], sort_keys=True, default=str
        )
        return f"{self.key}:{hashlib.sha256(asked.encode()).hexdigest()[:32]}"


def _uuid(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return str(uuid.uuid4())
