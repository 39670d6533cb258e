"""Here for databases that list it."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("tom_education", "0003_asyncprocess_process_type")]

    operations = []
