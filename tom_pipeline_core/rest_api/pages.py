"""Lists in pages that cost the same however far one reads."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request

from tom_pipeline_core.rest_api.problems import BadQuery

PAGE_ROWS, PAGE_MOST = 50, 500
NOT_OURS = "The cursor is not one that this list has given."


class CursorPages(CursorPagination):
    """
    Pages by primary key, newest first unless ``ordering`` says otherwise.

    The cursor is the key of the last row that was given: rows that arrive meanwhile neither
    repeat nor hide any.
    """

    page_size = PAGE_ROWS
    page_size_query_param = "page_size"
    max_page_size = PAGE_MOST
    ordering = "-id"

    def get_ordering(self, request: Request, queryset: Any, view: Any) -> tuple[str, ...]:
        return ("id",) if request.query_params.get("ordering") == "created" else ("-id",)

    def decode_cursor(self, request: Request) -> Any:
        try:
            cursor = super().decode_cursor(request)
        except NotFound:
            raise BadQuery({"cursor": [NOT_OURS]}) from None
        position = cursor.position if cursor is not None else None
        if position is not None and not (
            position.isascii() and position.isdigit() and len(position) < 19
        ):
            raise BadQuery({"cursor": [NOT_OURS]})
        return cursor
