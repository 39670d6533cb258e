"""What the demo starts with: a login, a target, and a series of frames of its field."""

from __future__ import annotations

import tempfile
from pathlib import Path

from django.contrib.auth.models import User
from django.core.files import File
from django.core.management import call_command
from django.db import transaction
from tom_dataproducts.models import DataProduct
from tom_targets.models import Target

from demo import LOGIN, PASSWORD
from tom_pipeline_core.testing.frames import Series, make_series

TARGET = "Demo variable"


def prepare() -> None:
    """Bring the database up to date, and fill it if that has not been done."""
    call_command("migrate", verbosity=0)
    if not Target.objects.filter(name=TARGET).exists():
        with tempfile.TemporaryDirectory() as folder:
            _fill(make_series(Path(folder), n_frames=24, seed=1))


@transaction.atomic
def _fill(series: Series) -> None:
    """All or nothing: a start that is interrupted here begins again the next time."""
    User.objects.create_superuser(LOGIN, password=PASSWORD)
    target = Target.objects.create(
        name=TARGET,
        type="SIDEREAL",
        ra=series.target_ra,
        dec=series.target_dec,
        epoch=2000,
        permissions="PUBLIC",
    )
    for path in series.paths:
        product = DataProduct(target=target, data_product_type="fits_file")
        with path.open("rb") as file:
            product.data.save(path.name, File(file), save=False)
        product.save()
