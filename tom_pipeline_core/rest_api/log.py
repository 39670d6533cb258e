"""The log of a process, in parts after a cursor."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from tom_pipeline_core import permissions, process_log
from tom_pipeline_core.models import LogLine
from tom_pipeline_core.rest_api import described
from tom_pipeline_core.rest_api.conditional import respond
from tom_pipeline_core.rest_api.endpoint import ProcessEndpoint
from tom_pipeline_core.rest_api.representations import LogSerializer
from tom_pipeline_core.rest_api.strict_input import (
    ID_MAX,
    StrictSerializer,
    WholeNumber,
    read_query,
)

LINES, LINES_MOST = 500, 5000


class LogQuery(StrictSerializer):
    after = WholeNumber(
        required=False, min_value=0, max_value=ID_MAX, help_text="Number of the last line you have."
    )
    limit = WholeNumber(required=False, min_value=1, max_value=LINES_MOST)


class LogViewSet(ProcessEndpoint):
    """What a process said."""

    queryset = LogLine.objects.none()
    serializer_class = LogSerializer
    pagination_class = None

    @described.operation(
        parameters=[described.path_id("process_id"), LogQuery, described.IF_NONE_MATCH],
        responses=described.answers(304, 400, 404, status_200=LogSerializer),
    )
    def list(self, request: Request, **kwargs: Any) -> Response:
        """Read the lines after a cursor, oldest first; the cursor of the answer goes on from it."""
        query = read_query(LogQuery, request)
        process = self.process(
            permissions.visible_processes(request.user).only("pk", "state", "process_type")
        )
        after, limit = query.get("after", 0), query.get("limit", LINES)
        lines = list(process_log.lines_after(process, after, limit + 1))
        part = {
            "lines": lines[:limit],
            "after": lines[:limit][-1].pk if lines else after,
            "more": len(lines) > limit,
            "ended": process.is_terminal,
        }
        return respond(request, LogSerializer(part).data)
