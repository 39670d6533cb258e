"""The former distribution beside this one is refused, with what to do."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured

from tests.installed import site_packages  # noqa: F401 - a fixture


def test_a_site_with_both_distributions_does_not_start(site_packages):  # noqa: F811
    config = apps.get_app_config("tom_education")
    config.ready()

    site_packages.install("tom_education", "1.1.9", requires="")

    with pytest.raises(
        ImproperlyConfigured,
        match=r"tom_education 1\.1\.9 is installed beside tom-pipeline-core-education.*"
        r"pip uninstall --yes tom_education; pip install --force-reinstall --no-deps "
        r"tom-pipeline-core-education",
    ):
        config.ready()
