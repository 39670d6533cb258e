"""Input that says what is wrong with it: unknown names refused, types taken as they are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.http import QueryDict
from rest_framework import serializers
from rest_framework.request import Request

from tom_pipeline_core.conf import nearest
from tom_pipeline_core.rest_api.problems import BadQuery, Unprocessable, messages_by_field

ID_MAX = 2**63 - 1


class StrictSerializer(serializers.Serializer):
    """A serializer that refuses names it does not know, and suggests the nearest."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            unknown = [str(name) for name in data if name not in self.fields]
            if unknown:
                raise serializers.ValidationError({name: [self._unknown(name)] for name in unknown})
        return super().to_internal_value(data)

    def _unknown(self, name: str) -> str:
        hint = nearest(name, self.fields)
        if not hint and self.fields:
            hint = f" Known are {', '.join(self.fields)}."
        shown = name if len(name) <= 50 else f"{name[:50]}…"
        return f"There is no {shown!r} here.{hint}"


class WholeNumber(serializers.IntegerField):
    """An integer: in JSON never a text or a fraction, in an address digits alone."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(self.root.initial_data, QueryDict):
            if not re.fullmatch(r"-?[0-9]{1,19}", str(data), re.ASCII):
                self.fail("invalid")
        elif isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return int(data)


class Identifier(WholeNumber):
    """The number of a row."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=1, max_value=ID_MAX, **options)


class Text(serializers.CharField):
    """A text; numbers are not made into one."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return str(super().to_internal_value(data))


class Switch(serializers.BooleanField):
    """``true`` or ``false``."""

    def to_internal_value(self, data: Any) -> bool:
        if isinstance(self.root.initial_data, QueryDict):
            data = {"true": True, "false": False}.get(str(data).lower(), data)
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return bool(data)


def read_body(serializer: type[StrictSerializer], request: Request) -> dict[str, Any]:
    """
    Return the checked body of a request.

    Raises
    ------
    Unprocessable
        With messages per field.
    """
    read = serializer(data=request.data)
    if not read.is_valid():
        raise Unprocessable(messages_by_field(read.errors))
    return dict(read.validated_data)


def read_query(serializer: type[StrictSerializer], request: Request) -> dict[str, Any]:
    """
    Return the checked parameters of an address.

    Raises
    ------
    BadQuery
        With messages per name.
    """
    read = serializer(data=request.query_params)
    if not read.is_valid():
        raise BadQuery(messages_by_field(read.errors))
    return dict(read.validated_data)
