"""What a program sends to submit a process, and what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from tom_dataproducts.models import DataProduct

from tom_pipeline_core import permissions, preflight, registry, submission
from tom_pipeline_core.exceptions import (
    InvalidPipelineError,
    PipelineNotFound,
    SubmissionRefused,
)
from tom_pipeline_core.models import PipelineProcess
from tom_pipeline_core.parameters import clean_parameters
from tom_pipeline_core.preflight.checks import Finding
from tom_pipeline_core.rest_api import choosing
from tom_pipeline_core.rest_api.strict_input import Identifier, StrictSerializer, Text, read_body

PRODUCTS_MOST = 5000
READING = 5.0
"""Seconds to read headers that are not kept yet; files left over are not judged by them."""

NAMED = 10
"""Files that a message names."""


class SubmitBody(StrictSerializer):
    pipeline = Text(
        max_length=400,
        help_text="Name as shown, or qualified (`distribution:name`).",
        error_messages={"required": "Choose a pipeline.", "blank": "Choose a pipeline."},
    )
    target = Identifier(
        help_text="The target that the files belong to.",
        error_messages={"required": "Choose a target."},
    )
    products = serializers.ListField(
        child=Identifier(),
        max_length=PRODUCTS_MOST,
        required=False,
        help_text="Data products, by number.",
        error_messages={
            "max_length": "Select at most {max_length} files.",
        },
    )
    match = choosing.Match(
        required=False, help_text="Instead of `products`: all files of the target that match."
    )
    parameters = serializers.DictField(
        required=False,
        help_text="By name, as the pipeline's JSON Schema says; absent ones take their defaults.",
    )


@dataclass
class Asked:
    """A submission as it arrived, with what it names looked up for its user."""

    user: Any
    pipeline: str
    target: Any
    products: list[DataProduct]
    parameters: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, list[str]] = field(default_factory=dict)
    by_match: bool = False
    """Whether the files were named by what they are: the same words may mean more files later."""

    def checked(self) -> submission.Submission:
        """
        Return the submission with its parameters cleaned.

        Raises
        ------
        SubmissionRefused
            With all messages of a page's form.
        """
        found = submission.Submission(
            pipeline_name=self.pipeline,
            target=self.target,
            products=self.products,
            parameters=dict(self.parameters),
            user=self.user,
        )
        errors = submission.check(found)
        if self.errors:
            errors = {**errors, **self.errors}
        if errors:
            raise SubmissionRefused(errors)
        return found

    def submit(self, *, key: str | None, origin: str) -> PipelineProcess:
        """
        Make the process.

        Raises
        ------
        SubmissionRefused
            With messages per field.
        """
        report = None if self.errors else self.looked_at()
        blocking = report.errors if report is not None else []
        if self.errors or blocking:
            self.checked()  # its own words are the better ones
            raise SubmissionRefused({"products": [_told(found) for found in blocking]})
        return submission.submit(
            self.pipeline,
            target=self.target,
            products=self.products,
            parameters=self.parameters,
            user=self.user,
            key=key,
            origin=origin,
        )

    def looked_at(self) -> preflight.Report | None:
        """Return what a look at the files finds, as on the page; None if there is no pipeline."""
        try:
            pipeline = registry.load(self.pipeline)
        except (PipelineNotFound, InvalidPipelineError):
            return None
        cleaned, errors = clean_parameters(pipeline, self.parameters)
        return preflight.examine(
            pipeline,
            target=self.target,
            products=self.products,
            parameters=None if errors else cleaned,
            seconds=READING,
        )


def _told(found: Finding) -> str:
    files = [f"{name} ({detail})" if detail else name for name, detail in found.files]
    more = f" and {len(files) - NAMED} more" if len(files) > NAMED else ""
    return f"{found.issue.message} {', '.join(files[:NAMED])}{more}".strip()


def read(request: Request) -> Asked:
    """Return what a request asks for; what its user may not see is an error of that field."""
    body = read_body(SubmitBody, request)
    target = permissions.visible_targets(request.user).filter(pk=body["target"]).first()
    asked = Asked(
        user=request.user,
        pipeline=body["pipeline"],
        target=target,
        products=[],
        parameters=body.get("parameters") or {},
        by_match="match" in body,
    )
    if target is None:
        asked.errors["target"] = ["There is no such target."]
    if "match" in body and "products" in body:
        asked.errors["products"] = ["Give either products or match, not both."]
    elif "match" in body and target is not None:
        asked.products = choosing.matching(request.user, target, body["match"])
        if not asked.products:
            asked.errors["products"] = ["No file of the target matches."]
        elif len(asked.products) > PRODUCTS_MOST:
            asked.errors["products"] = [
                f"{len(asked.products)} files match; select at most {PRODUCTS_MOST} files."
            ]
    elif ids := set(body.get("products", ())):
        seen = (
            permissions.visible_data_products(request.user)
            .select_related("pipeline_facts")
            .in_bulk(ids)
        )
        if len(seen) != len(ids):
            asked.errors["products"] = ["One of the files does not exist."]
        asked.products = [seen[pk] for pk in body["products"] if pk in seen]
    return asked
