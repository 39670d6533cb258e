"""Only the fields that were asked for: ``?fields=id,state``."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from tom_pipeline_core.conf import nearest
from tom_pipeline_core.rest_api.problems import BadQuery


class SelectableSerializer(serializers.Serializer):
    """A representation that leaves out what ``fields`` does not name."""

    def __init__(self, *args: Any, fields: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        wanted = [name.strip() for name in fields.split(",") if name.strip()]
        for name in wanted:
            if name not in self.fields:
                text = f"There is no field {name[:50]!r}.{nearest(name, self.fields)}"
                raise BadQuery({"fields": [text]})
        if wanted:
            for name in set(self.fields) - set(wanted):
                self.fields.pop(name)
