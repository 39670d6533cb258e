"""Facts of files: read when they are new or have changed, kept in the database."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any, BinaryIO, cast

from django.db import IntegrityError, transaction
from django.utils import timezone
from tom_dataproducts.models import DataProduct

from tom_pipeline_core.models import FileFacts, Thumbnail
from tom_pipeline_core.preflight.fits_headers import GZIP
from tom_pipeline_core.preflight.frame import Frame, NotFits, look_at

logger = logging.getLogger(__name__)

FITS_NAME = re.compile(r"\.(fits?|fts|fz)(\.(fz|gz))?$", re.IGNORECASE)
LEVEL_IN_NAME = re.compile(r"-[a-z](\d\d)\.fits", re.IGNORECASE)
"""LCO's names end in ``-e00`` for raw frames and ``-e91`` for reduced ones."""

WRITTEN = [
    field.name for field in FileFacts._meta.concrete_fields if field.name not in ("id", "product")
]


def facts_of(product: DataProduct) -> FileFacts | None:
    """
    Return what is known of a product's present file, or None if it was not read yet.

    Asks the database only, and not even that if the product came with ``pipeline_facts``.
    """
    facts: FileFacts | None = getattr(product, "pipeline_facts", None)
    return facts if facts is not None and facts.storage_name == str(product.data.name) else None


def refresh(
    products: Iterable[DataProduct], *, target: Any = None, seconds: float | None = None
) -> int:
    """
    Read the facts of files that are new or have changed, and attach them to the products.

    Parameters
    ----------
    products : iterable of DataProduct
        Best fetched with ``select_related("pipeline_facts")``.
    target : Target, optional
        To find on the frames; needed to notice that its coordinates have changed.
    seconds : float, optional
        Stop reading after this time. The storage is asked for every file in any case.

    Returns
    -------
    int
        How many files are still to be read.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    changed: list[FileFacts] = []
    left = 0
    for product in products:
        if deadline is not None and time.monotonic() >= deadline:
            left += facts_of(product) is None
            continue
        kept = facts_of(product)
        size, modified = _stat(product)
        if kept is not None and _is_current(kept, size, modified, target):
            continue
        facts = _read(product, size, modified, target)
        changed.append(facts)
    if changed:
        _keep(changed)
    return left


def _stat(product: DataProduct) -> tuple[int | None, datetime | None]:
    """Return size and time of the file in the storage; no size means that it is not there."""
    if not product.data:
        return None, None
    storage, name = product.data.storage, str(product.data.name)
    try:
        size = int(storage.size(name))
    except Exception:  # noqa: BLE001 - each storage has errors of its own
        return None, None
    try:
        modified = storage.get_modified_time(name)
    except Exception:  # noqa: BLE001 - a storage need not know
        return size, None
    return size, modified if timezone.is_aware(modified) else timezone.make_aware(modified)


def _is_current(facts: FileFacts, size: int | None, modified: datetime | None, target: Any) -> bool:
    if (facts.size, facts.modified) != (size, modified):
        return False
    if target is None or facts.wcs is None:
        return True
    return (facts.target_ra, facts.target_dec) == _coordinates(target)


def _coordinates(target: Any) -> tuple[float | None, float | None]:
    ra, dec = getattr(target, "ra", None), getattr(target, "dec", None)
    return (None, None) if ra is None or dec is None else (float(ra), float(dec))


def _read(
    product: DataProduct, size: int | None, modified: datetime | None, target: Any
) -> FileFacts:
    name = str(product.data.name) if product.data else ""
    ra, dec = _coordinates(target if target is not None else product.target)
    frame = _look(product, name, size, ra, dec)
    if frame.reduced is None and (level := LEVEL_IN_NAME.search(name)):
        frame.reduced = level[1] != "00"
    facts = FileFacts(
        product=product,
        storage_name=name,
        size=size,
        modified=modified,
        read_at=timezone.now(),
        target_ra=ra,
        target_dec=dec,
        **asdict(frame),
    )
    # The object a reader holds must not show the facts of a file that was replaced.
    product.pipeline_facts = facts
    return facts


def _look(
    product: DataProduct, name: str, size: int | None, ra: float | None, dec: float | None
) -> Frame:
    if not name:
        return Frame(FileFacts.Kind.MISSING.value, "It has no file.")
    if size is None:
        return Frame(FileFacts.Kind.MISSING.value, "It is missing in the storage.")
    promised = bool(FITS_NAME.search(name))
    try:
        with product.data.storage.open(name, "rb") as stream:
            if not promised and not _looks_like_fits(stream):
                return Frame(FileFacts.Kind.OTHER.value)
            return look_at(cast("BinaryIO", stream), size, ra=ra, dec=dec)
    except NotFits as error:
        problem = f"It is not a FITS file: {error}." if promised else ""
        kind = FileFacts.Kind.BROKEN if promised else FileFacts.Kind.OTHER
        return Frame(kind.value, problem)
    except Exception as error:
        logger.warning("Could not read %s: %s", name, error, exc_info=True)
        return Frame(FileFacts.Kind.BROKEN.value, f"It cannot be read ({type(error).__name__}).")


def _looks_like_fits(stream: Any) -> bool:
    first = stream.read(9)
    stream.seek(0)
    return bool(first == b"SIMPLE  =" and not first.startswith(GZIP))


def _keep(changed: list[FileFacts]) -> None:
    try:
        with transaction.atomic():
            FileFacts.objects.bulk_create(
                changed, update_conflicts=True, unique_fields=["product"], update_fields=WRITTEN
            )
            products = [facts.product_id for facts in changed]
            Thumbnail.objects.filter(facts__product__in=products).delete()
    except IntegrityError:
        # A product was deleted meanwhile. The others are read again the next time.
        logger.info("Facts of %d files were not kept: one of them is gone", len(changed))
