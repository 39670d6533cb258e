"""The shared fixtures of the core's tests."""

from tests.conftest import (  # noqa: F401 - fixtures
    django_db_setup,
    make_product,
    make_target,
    media_root,
    samples,
    superuser,
    target,
    user,
)
