"""``manage.py create_timelapse``: a timelapse of the frames that were put into a group."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from tom_dataproducts.models import DataProduct, DataProductGroup
from tom_targets.models import Target

from tom_education.constants import RAW_FILE_EXTENSION
from tom_education.models import TimelapsePipeline
from tom_pipeline_core.exceptions import AsyncError

SETTING = "TOM_EDUCATION_TIMELAPSE_GROUP_NAME"


class Command(BaseCommand):
    help = (
        "Make a timelapse of a target's data products that are in the group named by the setting "
        f"{SETTING}; raw frames are left out."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("target_pk", type=int, help="primary key of the target")

    def handle(self, *args: Any, **options: Any) -> None:
        name = getattr(settings, SETTING, "")
        if not name:
            raise CommandError(f"The setting {SETTING} is missing: name the group of good frames.")
        target = Target.objects.filter(pk=options["target_pk"]).first()
        if target is None:
            raise CommandError(f"There is no target {options['target_pk']}.")
        groups = list(DataProductGroup.objects.filter(name=name))
        if len(groups) > 1:
            raise CommandError(f"{len(groups)} groups are called {name!r}; rename the others.")
        products = [
            product
            for group in groups
            for product in group.dataproduct_set.filter(target=target).order_by("pk")
            if product.data and not str(product.data.name).endswith(RAW_FILE_EXTENSION)
        ]
        self.stdout.write(f"Creating timelapse of {len(products)} files for target '{target.name}'")
        if not products:
            self.stdout.write("Nothing to do")
            return
        process = TimelapsePipeline.create_timestamped(target, products)
        try:
            process.run()
        except AsyncError as error:
            raise CommandError(f"Failed to create timelapse: {error}") from error
        made: Any = DataProduct.objects.filter(group=process.group).first()
        self.stdout.write(self.style.SUCCESS(f"Created timelapse {made.data.name}"))
