"""Processes are records of tom_pipeline_core; observation templates and alerts keep their tables."""

import django.db.models.deletion
from django.db import migrations, models

from tom_education.schema import CreateUnlessThere, MakeProxy


class Migration(migrations.Migration):
    dependencies = [
        ("tom_education", "0004_auto_20190925_1557"),
        ("tom_pipeline_core", "0001_initial"),
        ("tom_targets", "0021_rename_target_basetarget_alter_basetarget_options"),
        ("tom_observations", "0003_auto_20190503_2318"),
    ]

    operations = [
        MakeProxy("AsyncProcess", base="tom_pipeline_core.pipelineprocess"),
        CreateUnlessThere(
            name="ObservationTemplate",
            fields=[
                ("id", models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=255)),
                ("facility", models.CharField(max_length=255)),
                ("fields", models.TextField()),
                ("target", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="tom_targets.basetarget")),
            ],
            options={"unique_together": {("name", "target", "facility")}},
        ),
        CreateUnlessThere(
            name="ObservationAlert",
            fields=[
                ("id", models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("email", models.EmailField(max_length=254)),
                ("observation", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="tom_observations.observationrecord")),
            ],
        ),
    ]
