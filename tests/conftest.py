"""What tests of every area use: users, targets, and data products with real files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest
from pytest_django import Settings

from tests.installed import site_packages  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from tom_dataproducts.models import DataProduct
    from tom_targets.base_models import BaseTarget


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    """Name the test database to the processes that tests start."""
    from django.db import connection

    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TOM_PIPELINES_TEST_DB", str(connection.settings_dict["NAME"]))
        yield


@pytest.fixture(autouse=True)
def media_root(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give this test, and the processes it starts, a folder of its own for uploaded files."""
    root = tmp_path / "media"
    settings.MEDIA_ROOT = str(root)
    monkeypatch.setenv("TOM_PIPELINES_TEST_MEDIA", str(root))
    return root


@pytest.fixture
def user(db: None) -> User:
    """A person without special rights."""
    from django.contrib.auth.models import User

    return User.objects.create_user("hypatia", password="stars")


@pytest.fixture
def superuser(db: None) -> User:
    from django.contrib.auth.models import User

    return User.objects.create_superuser("admin", password="stars")


class MakeTarget(Protocol):
    def __call__(
        self, name: str = ..., *, ra: float = ..., dec: float = ..., permissions: str = ...
    ) -> BaseTarget: ...


@pytest.fixture
def make_target(db: None) -> MakeTarget:
    """Return a function that makes sidereal targets; PUBLIC ones unless told otherwise."""
    from tom_targets.models import Target

    def make(
        name: str = "SN 2026abc",
        *,
        ra: float = 150.1163,
        dec: float = 2.2058,
        permissions: str = "PUBLIC",
    ) -> BaseTarget:
        target: BaseTarget = Target.objects.create(
            name=name, type="SIDEREAL", ra=ra, dec=dec, epoch=2000, permissions=permissions
        )
        return target

    return make


@pytest.fixture
def target(make_target: MakeTarget) -> BaseTarget:
    return make_target()


class MakeProduct(Protocol):
    def __call__(
        self,
        target: BaseTarget,
        name: str = ...,
        content: bytes | str = ...,
        *,
        data_product_type: str = ...,
    ) -> DataProduct: ...


@pytest.fixture
def make_product(media_root: Path) -> MakeProduct:
    """Return a function that saves a data product with a file of the given name and content."""
    from django.core.files.base import ContentFile
    from tom_dataproducts.models import DataProduct

    def make(
        target: BaseTarget,
        name: str = "frame.fits",
        content: bytes | str = b"SIMPLE  =                    T",
        *,
        data_product_type: str = "fits_file",
    ) -> DataProduct:
        product = DataProduct(target=target, data_product_type=data_product_type)
        # The file first: a row without one breaks the stock pages.
        product.data.save(name, ContentFile(content), save=False)
        product.save()
        return product

    return make


@pytest.fixture
def samples(settings: Settings) -> None:
    """Install every sample pipeline under its class name, to be run in the calling thread."""
    from tests.running import names_of_samples

    settings.TOM_EDUCATION_PIPELINES = names_of_samples()
    settings.TOM_PIPELINES = {
        **settings.TOM_PIPELINES,
        "EXECUTORS": {"default": {"BACKEND": "immediate"}},
    }
