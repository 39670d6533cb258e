"""Reading a request's body: JSON objects of bounded size and depth, without unstorable text."""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from tom_pipeline_core.rest_api.problems import TooLarge

DEPTH_MAX = 32
DRAINED_MAX = 64 << 20
CHUNK = 1 << 16

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class JsonObjectParser(BaseParser):
    """
    Take a JSON object no larger than the site's ``DATA_UPLOAD_MAX_MEMORY_SIZE``.

    What no database stores (NUL, lone surrogates, numbers that are not finite) is refused here, so
    that nothing behind has to expect it.
    """

    media_type = "application/json"

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Any = None
    ) -> dict[str, Any]:
        try:
            value = json.loads(_read(stream).decode(), parse_constant=_refuse_constant)
        except RecursionError as error:
            raise ParseError(f"The JSON is nested deeper than {DEPTH_MAX} levels.") from error
        except UnicodeDecodeError as error:
            raise ParseError(f"The body is not UTF-8: {error}") from error
        except ValueError as error:
            raise ParseError(f"The body is not JSON: {error}") from error
        if not isinstance(value, dict):
            raise ParseError(f"The body must be a JSON object, not {_kind(value)}.")
        _check(value)
        return value


def _read(stream: Any) -> bytes:
    limit: int | None = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    if limit is None:
        return bytes(stream.read())
    body = bytes(stream.read(limit + 1))
    if len(body) > limit:
        # A client that is still sending reads the answer only when its sending succeeded.
        drained = len(body)
        while drained < DRAINED_MAX and (chunk := stream.read(CHUNK)):
            drained += len(chunk)
        raise TooLarge(f"The body is larger than the {limit} bytes that this site takes.")
    return body


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number in JSON")


def _check(value: dict[str, Any]) -> None:
    waiting: list[tuple[Any, int]] = [(value, 1)]
    while waiting:
        item, depth = waiting.pop()
        if depth > DEPTH_MAX:
            raise ParseError(f"The JSON is nested deeper than {DEPTH_MAX} levels.")
        if isinstance(item, dict):
            waiting.extend((inner, depth + 1) for pair in item.items() for inner in pair)
        elif isinstance(item, list):
            waiting.extend((inner, depth + 1) for inner in item)
        elif isinstance(item, str) and _UNSTORABLE.search(item):
            raise ParseError("A text has a NUL character or half of a surrogate pair.")
        elif isinstance(item, float) and not math.isfinite(item):
            raise ParseError("A number is too large.")


def _kind(value: Any) -> str:
    names = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
