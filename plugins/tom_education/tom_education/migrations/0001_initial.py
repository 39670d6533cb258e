"""
What migrations of others refer to: ``tom_education.pipelineprocess`` exists from here on.

A database that comes from the former package lists this migration as applied, before any of
tom_pipeline_core's. So it must not depend on them (Django refuses a history in which a migration is
applied before its dependency), and makes stand-ins, which 0005 replaces by the real proxies.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="AsyncProcess",
            fields=[("id", models.AutoField(primary_key=True, serialize=False))],
            options={"managed": False},
        ),
        migrations.CreateModel(
            name="PipelineProcess",
            fields=[],
            options={"proxy": True, "indexes": [], "constraints": []},
            bases=("tom_education.asyncprocess",),
        ),
    ]
