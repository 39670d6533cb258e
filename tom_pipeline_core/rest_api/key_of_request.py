"""``Idempotency-Key``: a request that is sent again makes no second process."""

from __future__ import annotations

import re
from typing import Any

from rest_framework.exceptions import ParseError
from rest_framework.request import Request

from tom_pipeline_core import registry
from tom_pipeline_core.exceptions import InvalidPipelineError, PipelineNotFound
from tom_pipeline_core.models import PipelineProcess
from tom_pipeline_core.parameters import clean_parameters, to_json
from tom_pipeline_core.rest_api.problems import Unprocessable
from tom_pipeline_core.rest_api.submitting import Asked

HEADER = "Idempotency-Key"


def read(request: Request) -> str | None:
    """Return the key of a request, or None."""
    key = request.headers.get(HEADER)
    if key is None:
        return None
    if not re.fullmatch("[!-~]{1,100}", key):
        raise ParseError(
            f"{HEADER} must be 1 to 100 printable ASCII characters without white space."
        )
    return str(key)


def made_before(user: Any, key: str | None) -> PipelineProcess | None:
    """Return the process that this user made with this key."""
    if key is None:
        return None
    found: PipelineProcess | None = PipelineProcess.objects.filter(
        user=user, submission_key=key
    ).first()
    return found


def must_be_same(process: PipelineProcess, asked: Asked) -> None:
    """Refuse a key that was used for something else: answering with that would mislead."""
    same = (
        asked.pipeline in (process.pipeline_name, process.pipeline_id)
        and asked.target is not None
        and asked.target.pk == process.target_id
        and (asked.by_match or _products(asked) == _given(process))
        and _parameters(process, asked) == process.parameters
    )
    if not same:
        _refuse(process)


def _products(asked: Asked) -> set[int]:
    return {product.pk for product in asked.products}


def _given(process: PipelineProcess) -> set[int | None]:
    return set(process.inputs.values_list("product_id", flat=True))


def _parameters(process: PipelineProcess, asked: Asked) -> dict[str, Any]:
    try:
        cleaned, errors = clean_parameters(registry.load(process.pipeline_id), asked.parameters)
    except (InvalidPipelineError, PipelineNotFound):  # gone since; nothing is left to compare with
        return dict(process.parameters)
    return asked.parameters if errors else to_json(cleaned)


def must_be_again(process: PipelineProcess, earlier: PipelineProcess) -> None:
    """Refuse a key that was used for something else than running that process again."""
    if (process.pipeline_id, process.target_id) != (earlier.pipeline_id, earlier.target_id):
        _refuse(process)


def _refuse(process: PipelineProcess) -> None:
    raise Unprocessable(
        {HEADER: [f"This key made process {process.pk} from another request; use a new one."]}
    )
