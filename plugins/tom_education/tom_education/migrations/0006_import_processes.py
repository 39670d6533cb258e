"""Carry the processes of the former tables over; does nothing where there are none."""

from django.db import migrations

from tom_education.importing import import_processes


def forwards(apps, schema_editor):
    report = import_processes(schema_editor.connection, apps)
    if report.found:
        for line in ("", *report.lines()):
            print(f"    {line}" if line else "")


class Migration(migrations.Migration):
    dependencies = [("tom_education", "0005_on_tom_pipeline_core")]

    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
