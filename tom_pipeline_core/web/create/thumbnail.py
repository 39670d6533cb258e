"""Small pictures of files in the table, drawn once and kept."""

from __future__ import annotations

from typing import BinaryIO, cast

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from tom_dataproducts.models import DataProduct

from tom_pipeline_core import permissions
from tom_pipeline_core.models import FileFacts, Thumbnail
from tom_pipeline_core.preflight import refresh
from tom_pipeline_core.preflight.facts import facts_of
from tom_pipeline_core.preflight.pictures import NoPicture, render

NOTHING = (
    b'<svg xmlns="http://www.w3.org/2000/svg" width="48" height="48" viewBox="0 0 48 48">'
    b'<path d="M12 6h16l8 8v28H12z" fill="none" stroke="#808080" stroke-width="2"/></svg>'
)
"""What stands where there is no picture."""


@require_safe
def create_thumbnail(request: HttpRequest, pk: int) -> HttpResponse:
    """Send the picture of a file that the user may see."""
    product = (
        permissions.visible_data_products(request.user)
        .select_related("pipeline_facts", "target")
        .filter(pk=pk)
        .first()
    )
    if product is None:
        raise Http404("There is no such file.")
    thumbnail = _thumbnail(product)
    etag = f'"{pk}-{thumbnail.facts_id}-{thumbnail.pk}"'
    if request.headers.get("If-None-Match") == etag:
        response = HttpResponse(status=304)
    elif thumbnail.image:
        response = HttpResponse(bytes(thumbnail.image), content_type="image/png")
    else:
        response = HttpResponse(NOTHING, content_type="image/svg+xml")
    response["ETag"] = etag
    response["Cache-Control"] = "private, max-age=3600"
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    return response


def _thumbnail(product: DataProduct) -> Thumbnail:
    facts = facts_of(product)
    if facts is None:
        refresh([product], target=product.target)
        facts = FileFacts.objects.filter(product=product.pk).first()
    if facts is None:
        raise Http404("There is no such file.")
    kept = Thumbnail.objects.filter(facts=facts).first()
    if kept is not None:
        return kept
    image, problem = b"", ""
    if facts.kind in (FileFacts.Kind.IMAGE, FileFacts.Kind.OTHER):
        try:
            with product.data.storage.open(str(product.data.name), "rb") as stream:
                image = render(cast("BinaryIO", stream), facts.size or 0)
        except NoPicture as error:
            problem = str(error)
        except OSError:
            problem = "it cannot be opened"
    thumbnail, _ = Thumbnail.objects.update_or_create(
        facts=facts, defaults={"image": image, "problem": problem[:200]}
    )
    return thumbnail
