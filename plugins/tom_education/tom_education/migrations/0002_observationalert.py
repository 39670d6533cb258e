"""Here for databases that list it; its table is made by 0005."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("tom_education", "0001_initial")]

    operations = []
