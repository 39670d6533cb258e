"""A real server and a real worker for the client."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from tom_pipeline_client import Client

from tests.browser.conftest import worker  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from pytest_django.live_server_helper import LiveServer


@pytest.fixture
def token(user: User) -> str:
    from rest_framework.authtoken.models import Token

    return str(Token.objects.get_or_create(user=user)[0].key)


@pytest.fixture
def tom(live_server: LiveServer, token: str, samples: None) -> Iterator[Client]:
    """Return a client of the server under test."""
    with Client(live_server.url, token) as client:
        yield client
