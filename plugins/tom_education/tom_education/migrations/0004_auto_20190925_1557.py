"""The timelapse pipeline, as databases and migrations of others know it."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("tom_education", "0003_asyncprocess_process_type")]

    operations = [
        migrations.CreateModel(
            name="TimelapsePipeline",
            fields=[],
            options={"proxy": True, "indexes": [], "constraints": []},
            bases=("tom_education.pipelineprocess",),
        ),
    ]
