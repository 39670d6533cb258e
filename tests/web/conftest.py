"""What the tests of the pages share."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from tom_dataproducts.models import DataProduct
from tom_targets.base_models import BaseTarget

from tests.conftest import MakeProduct


@pytest.fixture
def product(target: BaseTarget, make_product: MakeProduct) -> DataProduct:
    return make_product(target)


@pytest.fixture
def signed_in(client: Client, user: User) -> Client:
    """A client with the session of ``user``."""
    client.force_login(user)
    return client
