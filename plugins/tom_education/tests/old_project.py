"""A project as it was with tom_education on an older toolkit: settings, apps, database."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

SETTINGS = """
from pathlib import Path
from tom_common.default_settings import *

BASE_DIR = Path(__file__).parent
SECRET_KEY = "for this test only"
DEBUG = False
ALLOWED_HOSTS = ["*"]
SITE_ID = 1
INSTALLED_APPS = TOMTOOLKIT_INSTALLED_APPS + ["django_dramatiq", "tom_education", "old_app"]
MIDDLEWARE = TOMTOOLKIT_MIDDLEWARE
ROOT_URLCONF = "urls"
TEMPLATES = [{
    "BACKEND": "django.template.backends.django.DjangoTemplates",
    "APP_DIRS": True,
    "OPTIONS": {"context_processors": [
        "django.template.context_processors.request",
        "django.contrib.auth.context_processors.auth",
        "django.contrib.messages.context_processors.messages",
    ]},
}]
CRISPY_TEMPLATE_PACK = "bootstrap5"
DATABASES = {"default": {
    "ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3",
    "OPTIONS": {"timeout": 20, "transaction_mode": "IMMEDIATE"},
}}
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
STATIC_URL, MEDIA_ROOT, MEDIA_URL = "/static/", BASE_DIR / "media", "/data/"
USE_TZ, TIME_ZONE = True, "UTC"
TARGET_TYPE, AUTH_STRATEGY, TARGET_PERMISSIONS_ONLY = "SIDEREAL", "READ_ONLY", True
TOM_FACILITY_CLASSES = ["tom_observations.facilities.lco.LCOFacility"]
FACILITIES, EXTRA_FIELDS, HOOKS = {"LCO": {"portal_url": "", "api_key": ""}}, [], {}
DATA_PRODUCT_TYPES = {
    "photometry": ("photometry", "Photometry"), "fits_file": ("fits_file", "FITS File"),
    "image_file": ("image_file", "Image File"), "plot": ("plot", "Plot"),
}
DRAMATIQ_BROKER = {"BROKER": "dramatiq.brokers.redis.RedisBroker"}
TOM_EDUCATION_PIPELINES = {
    "Inside an app": "old_app.models.Inside",
    "Outside an app": "outside.Outside",
}
"""
URLS = """
from django.urls import include, path

urlpatterns = [path('', include('tom_education.urls')), path('', include('tom_common.urls'))]
"""
MODELS = """
from tom_dataproducts.models import DataProduct, ReducedDatum
from tom_education.models import AsyncError, PipelineOutput, PipelineProcess


class Inside(PipelineProcess):
    short_name = 'inside'
    flags = {'plot': {'default': False, 'long_name': 'Make a plot'}}

    class Meta:
        proxy = True

    def do_pipeline(self, tmpdir, **flags):
        with self.update_status('Working'):
            self.log(f"plot is {flags['plot']}")
        (tmpdir / 'table.csv').write_text('1,2')
        yield PipelineOutput(tmpdir / 'table.csv', DataProduct, 'photometry', None)
        yield PipelineOutput(
            path=None, output_type=ReducedDatum, data_product_type='photometry',
            data=(59000.25, 12.5, 0.01, self.input_files.first().data.name),
        )
"""
OUTSIDE = """
from tom_education.models import AsyncError, PipelineProcess


class Outside(PipelineProcess):
    short_name = 'outside'

    def do_pipeline(self, tmpdir):
        self.log('looking')
        raise AsyncError('there is nothing to see')
"""
MIGRATIONS = {
    "0001_initial": """
        from django.db import migrations


        class Migration(migrations.Migration):
            initial = True
            dependencies = [('tom_education', '0001_initial')]
            operations = [
                migrations.CreateModel(
                    name='Former',
                    fields=[],
                    options={'proxy': True, 'indexes': [], 'constraints': []},
                    bases=('tom_education.pipelineprocess',),
                ),
            ]
        """,
    "0002_auto_20190730_1232": """
        from django.db import migrations


        class Migration(migrations.Migration):
            dependencies = [('tom_education', '0001_initial'), ('old_app', '0001_initial')]
            operations = [
                migrations.DeleteModel(name='Former'),
                migrations.CreateModel(
                    name='Inside',
                    fields=[],
                    options={'proxy': True, 'indexes': [], 'constraints': []},
                    bases=('tom_education.pipelineprocess',),
                ),
            ]
        """,
}
MANAGE = """
import os, sys

os.environ['DJANGO_SETTINGS_MODULE'] = 'settings'
from django.core.management import execute_from_command_line

execute_from_command_line(sys.argv)
"""
BEFORE = '''
"""The database as the old site left it: the toolkit before its targets were renamed, and rows."""
import django
from django.conf import settings

from settings import *

INSTALLED_APPS = TOMTOOLKIT_INSTALLED_APPS
settings.configure(**{k: v for k, v in globals().items() if k.isupper()})
django.setup()

from django.db import connection
from django.db.migrations.executor import MigrationExecutor

executor = MigrationExecutor(connection)
graph = executor.loader.graph
plan = [
    node
    for label in ("contenttypes", "auth", "sites", "admin", "sessions", "guardian")
    for node in graph.leaf_nodes(label)
]
for label, start in (
    ("tom_targets", "0020"), ("tom_observations", "0003"), ("tom_dataproducts", "0009")
):
    plan += [node for node in graph.nodes if node[0] == label and node[1].startswith(start)]
executor.migrate(plan)
executor = MigrationExecutor(connection)
applied = [
    node for node in executor.loader.applied_migrations if node in executor.loader.graph.nodes
]
apps = executor.loader.project_state(applied).apps

from plugins.tom_education.tests import old_database

target = apps.get_model("tom_targets", "Target").objects.create(
    name="PDS 110", type="SIDEREAL", ra=80.879, dec=-1.073, epoch=2000
)
Product = apps.get_model("tom_dataproducts", "DataProduct")
Group = apps.get_model("tom_dataproducts", "DataProductGroup")
frame = Product.objects.create(target=target, data="frame.fits", data_product_type="fits_file")
output = Product.objects.create(
    target=target, data="inside_1_table.csv", product_id="inside_1_20200501100000_table.csv",
    data_product_type="photometry",
)
group = Group.objects.create(name="inside_1_20200501100000_outputs")
output.group.add(group)
record = apps.get_model("tom_observations", "ObservationRecord").objects.create(
    target=target, facility="LCO", parameters="{}", observation_id="1"
)
datum = apps.get_model("tom_dataproducts", "ReducedDatum").objects.create(
    target=target, data_product=frame, data_type="photometry", timestamp="2020-05-01T10:00:00Z",
    source_name="inside_1_20200501100000_58970", value='{"magnitude": 11.5, "error": 0.02}',
)
old_database.make_tables(connection, "tom_targets_target")
old_database.make_observing_tables(connection, "tom_targets_target")
with connection.cursor() as cursor:
    cursor.execute(
        "INSERT INTO tom_education_observationtemplate VALUES (1, 'weekly', 'LCO', '{}', %s)",
        [target.pk],
    )
    cursor.execute(
        "INSERT INTO tom_education_observationalert VALUES (1, 'a@b.org', %s)", [record.pk]
    )
old_database.add_process(
    connection, 11, "inside_1_20200501100000", target=target.pk, process_type="Inside",
    logs="plot is False\\n", flags={"plot": False}, group=group.pk, inputs=(frame.pk,),
)
old_database.add_process(
    connection, 12, "outside_1_20200501110000", target=target.pk, process_type="Outside",
    status="failed", failure="there was nothing to see", inputs=(frame.pk,),
)
old_database.add_process(
    connection, 13, "inside_1_20200501120000", target=target.pk, process_type="Inside",
    status="Working", ended=None, inputs=(frame.pk,),
)
for label, names in {
    "tom_education": (
        "0001_initial", "0002_observationalert", "0003_asyncprocess_process_type",
        "0004_auto_20190925_1557",
    ),
    "old_app": ("0001_initial", "0002_auto_20190730_1232"),
}.items():
    for name in names:
        executor.recorder.record_applied(label, name)
'''


def write_project(folder: Path) -> None:
    """Write the files of the project."""
    files = {
        "settings.py": SETTINGS,
        "urls.py": URLS,
        "outside.py": OUTSIDE,
        "manage.py": MANAGE,
        "before.py": BEFORE,
        "old_app/__init__.py": "",
        "old_app/models.py": MODELS,
        "old_app/migrations/__init__.py": "",
        **{f"old_app/migrations/{name}.py": dedent(text) for name, text in MIGRATIONS.items()},
        "media/frame.fits": "SIMPLE  =                    T",
        "media/inside_1_table.csv": "1,2",
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
