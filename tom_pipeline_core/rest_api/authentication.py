"""Who asks: as the TOM decides for its own API, without the ways round its second factor."""

from __future__ import annotations

from typing import Any

from rest_framework.authentication import (
    BaseAuthentication,
    BasicAuthentication,
    SessionAuthentication,
    TokenAuthentication,
)
from rest_framework.settings import api_settings

try:  # tomtoolkit 3.1: tokens expire, and may ask for two-factor enrolment
    from tom_common.accounts.api_auth import TomTokenAuthentication
except ImportError:  # tomtoolkit 3.0
    TomTokenAuthentication = TokenAuthentication  # type: ignore[misc]


def authenticators() -> list[Any]:
    """
    Return the site's authenticators, tokens first.

    A password with every request (HTTP Basic) is left out: it would pass by the expiry of tokens
    and the second factor. A plain token class is replaced by the TOM's, which with neither setting
    does the same.
    """
    classes: list[type[BaseAuthentication]] = [
        cls
        for cls in api_settings.DEFAULT_AUTHENTICATION_CLASSES
        if not issubclass(cls, BasicAuthentication) and cls is not TokenAuthentication
    ]
    if not any(issubclass(cls, TokenAuthentication) for cls in classes):
        classes.insert(0, TomTokenAuthentication)
    if SessionAuthentication not in classes:
        classes.append(SessionAuthentication)
    return [cls() for cls in classes]
