"""Processes that a test starts must work on the test's own database and files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tom_targets.base_models import BaseTarget

from tests.conftest import MakeProduct

READ = """
import django
django.setup()
from tom_dataproducts.models import DataProduct
for product in DataProduct.objects.all():
    print(product.target.name, product.data.path, product.data.read().decode())
"""


@pytest.mark.django_db(transaction=True)
def test_a_child_process_sees_the_database_and_the_files_of_the_test(
    target: BaseTarget, make_product: MakeProduct, media_root: Path
) -> None:
    product = make_product(target, "a.fits", "content")

    child = subprocess.run(
        [sys.executable, "-c", READ],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert child.stdout.split("\n")[0] == f"{target.name} {product.data.path} content"
    assert Path(product.data.path).is_relative_to(media_root)


@pytest.mark.django_db
def test_the_database_is_empty_again_for_the_next_test() -> None:
    assert not BaseTarget.objects.exists()
