"""Django settings of a throw-away TOM; the folder comes from the environment."""

import os
from pathlib import Path

from tom_common.default_settings import *  # noqa: F403

BASE_DIR = Path(os.environ["TOM_PIPELINES_STANDALONE"])

SECRET_KEY = "a throw-away TOM has no secrets"  # noqa: S105
DEBUG = False
SITE_ID = 1
INSTALLED_APPS = [*TOMTOOLKIT_INSTALLED_APPS, "tom_pipeline_core"]  # noqa: F405
MIDDLEWARE = TOMTOOLKIT_MIDDLEWARE  # noqa: F405
ROOT_URLCONF = "tom_common.urls"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(BASE_DIR / "db.sqlite3"),
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;",
        },
        # The same file for pytest-django, so that child processes see what a test sees.
        "TEST": {"NAME": str(BASE_DIR / "db.sqlite3")},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
USE_TZ = True
TIME_ZONE = "UTC"
MEDIA_ROOT = str(BASE_DIR / "media")
MEDIA_URL = "/data/"
STATIC_URL = "/static/"
TARGET_TYPE = "SIDEREAL"
DATA_PRODUCT_TYPES = {
    "photometry": ("photometry", "Photometry"),
    "fits_file": ("fits_file", "FITS File"),
    "spectroscopy": ("spectroscopy", "Spectroscopy"),
    "image_file": ("image_file", "Image File"),
    "plot": ("plot", "Plot"),
}
DATA_PROCESSORS: dict[str, str] = {}
TARGET_PERMISSIONS_ONLY = True
AUTH_STRATEGY = "READ_ONLY"
EXTRA_FIELDS: list[dict[str, str]] = []
HOOKS: dict[str, str] = {}
FACILITIES: dict[str, dict[str, str]] = {}
TOM_FACILITY_CLASSES: list[str] = []
LOGGING_CONFIG = None


class _WithoutMigrations(dict[str, None]):
    """Makes ``migrate`` create tables from the models: a tenth of the time."""

    def __contains__(self, label: object) -> bool:
        return True

    def __missing__(self, label: str) -> None:
        return None


MIGRATION_MODULES = _WithoutMigrations()

# A class that is named on the command line or in a test has no entry point.
TOM_EDUCATION_PIPELINES = {
    path: path for path in os.environ.get("TOM_PIPELINES_STANDALONE_CLASSES", "").split() if path
}
TOM_PIPELINES = {
    "EXECUTORS": {
        "default": {"BACKEND": "immediate"},
        "child_process": {"BACKEND": "child_process"},
    }
}
