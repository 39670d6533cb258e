"""Facts are read once for each file, and again when it changes."""

from __future__ import annotations

import pytest
from django.core.files.base import ContentFile
from tom_dataproducts.models import DataProduct
from tom_targets.base_models import BaseTarget

from tests.conftest import MakeProduct
from tests.preflight.frames import frame
from tom_pipeline_core.models import FileFacts, Thumbnail
from tom_pipeline_core.preflight import facts_of, refresh

pytestmark = pytest.mark.django_db


def again(product: DataProduct) -> DataProduct:
    return DataProduct.objects.select_related("pipeline_facts").get(pk=product.pk)


def test_a_header_is_read_once(
    target: BaseTarget, make_product: MakeProduct, django_assert_num_queries
) -> None:
    product = make_product(target, "a.fits", frame())
    assert facts_of(again(product)) is None
    assert refresh([again(product)], target=target) == 0
    first = FileFacts.objects.get()
    assert (first.band, first.size) == ("r", len(frame()))

    known = again(product)
    with django_assert_num_queries(0):
        refresh([known], target=target)
    assert facts_of(known) == first


def test_a_replaced_file_is_read_again_and_its_picture_goes(
    target: BaseTarget, make_product: MakeProduct
) -> None:
    product = make_product(target, "a.fits", frame())
    refresh([again(product)], target=target)
    Thumbnail.objects.create(facts=FileFacts.objects.get(), image=b"old")

    path = product.data.path
    with open(path, "wb") as file:  # noqa: PTH123
        file.write(frame(FILTER="i", COMMENTS="x" * 60) + b"\0" * 2880)
    refresh([again(product)], target=target)

    assert FileFacts.objects.get().band == "i"
    assert not Thumbnail.objects.exists()


def test_another_file_under_the_same_product_has_no_facts_yet(
    target: BaseTarget, make_product: MakeProduct
) -> None:
    product = make_product(target, "a.fits", frame())
    refresh([again(product)], target=target)
    product.data.save("b.fits", ContentFile(frame(FILTER="g")), save=False)
    product.save()

    assert facts_of(again(product)) is None
    refresh([again(product)], target=target)
    kept = facts_of(again(product))
    assert kept is not None
    assert kept.band == "g"


def test_a_target_that_moved_is_looked_for_again(
    target: BaseTarget, make_product: MakeProduct
) -> None:
    product = make_product(target, "a.fits", frame())
    refresh([again(product)], target=target)
    target.ra = 150.2
    refresh([again(product)], target=target)
    where = FileFacts.objects.get().target_x
    assert where is not None
    assert where < 0


@pytest.mark.parametrize(
    ("name", "content", "kind", "problem"),
    [
        ("a.fits", "hello", "broken", "It is not a FITS file: it begins with “hello”."),
        ("a.txt", "hello", "other", ""),
        ("a.dat", frame(), "image", ""),
        ("a.fits", "", "broken", "It is not a FITS file: it is empty."),
    ],
)
def test_files_are_told_apart(
    target: BaseTarget,
    make_product: MakeProduct,
    name: str,
    content: bytes | str,
    kind: str,
    problem: str,
) -> None:
    refresh([make_product(target, name, content)], target=target)
    facts = FileFacts.objects.get()
    assert (facts.kind, facts.problem) == (kind, problem)


def test_a_missing_file_and_a_product_without_one_are_facts_too(
    target: BaseTarget, make_product: MakeProduct
) -> None:
    gone = make_product(target, "a.fits", frame())
    gone.data.storage.delete(gone.data.name)
    refresh([gone, DataProduct.objects.create(target=target)], target=target)
    assert set(FileFacts.objects.values_list("kind", flat=True)) == {"missing"}


def test_reading_stops_when_its_time_is_over_and_tells_what_is_left(
    target: BaseTarget, make_product: MakeProduct
) -> None:
    products = [make_product(target, f"{number}.fits", frame()) for number in range(3)]
    assert refresh(products, target=target, seconds=0) == 3
    assert refresh(products, target=target, seconds=60) == 0


def test_the_names_of_raw_and_reduced_frames_count_where_headers_are_silent(
    target: BaseTarget, make_product: MakeProduct
) -> None:
    for name in ("cpt1m010-fa16-20260301-0100-e91.fits", "cpt1m010-fa16-20260301-0100-e00.fits"):
        refresh([make_product(target, name, frame())], target=target)
    assert list(FileFacts.objects.order_by("pk").values_list("reduced", flat=True)) == [True, False]


@pytest.mark.django_db(transaction=True)
def test_a_product_that_is_deleted_while_headers_are_read_harms_nothing(
    target: BaseTarget, make_product: MakeProduct
) -> None:
    gone = make_product(target, "a.fits", frame())
    held = again(gone)
    gone.delete()
    refresh([held], target=target)
    assert not FileFacts.objects.exists()


def test_a_header_that_claims_an_absurd_size_can_be_kept(
    target: BaseTarget, make_product: MakeProduct
) -> None:
    content = frame().replace(b"NAXIS1  =                   20", b"NAXIS1  =           9000000000")
    refresh([make_product(target, "a.fits", content)], target=target)
    facts = FileFacts.objects.get()
    assert facts.kind == "broken"
    assert facts.width == 2**31 - 1
