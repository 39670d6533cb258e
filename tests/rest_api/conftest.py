"""Asking the API as somebody, with a real token."""

from __future__ import annotations

from typing import Any, Protocol

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient


class AsUser(Protocol):
    def __call__(self, user: User | None) -> APIClient: ...


@pytest.fixture(autouse=True)
def _fresh_rates(settings: Any) -> None:
    cache.clear()


@pytest.fixture
def as_user(db: None) -> AsUser:
    """Return a function that gives a client with a user's token; None is nobody."""

    def make(user: User | None) -> APIClient:
        client = APIClient(raise_request_exception=False)
        if user is not None:
            token, _ = Token.objects.get_or_create(user=user)
            client.credentials(HTTP_AUTHORIZATION=f"Token {token.key}")
        return client

    return make


@pytest.fixture
def api(as_user: AsUser, user: User) -> APIClient:
    """Ask as a person without special rights."""
    return as_user(user)
