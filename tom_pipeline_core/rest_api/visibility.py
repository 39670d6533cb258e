"""Which data products of some rows the reader may see, in one query."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tom_pipeline_core import permissions


def mark_visible_products(user: Any, rows: Iterable[Any]) -> None:
    """Set ``visible_product`` of each row: the key of its data product, or None."""
    rows = list(rows)
    wanted = {row.product_id for row in rows if row.product_id is not None}
    seen: set[int] = set()
    if wanted:
        seen = set(
            permissions.visible_data_products(user)
            .filter(pk__in=wanted)
            .exclude(data="")
            .values_list("pk", flat=True)
        )
    for row in rows:
        row.visible_product = row.product_id if row.product_id in seen else None
