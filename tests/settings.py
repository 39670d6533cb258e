"""
A TOM for tests: the least that tomtoolkit's pages need, and everything below one temporary folder.

Processes that a test starts (workers, child processes, ``manage.py``) inherit the environment
variables set here and in ``conftest.py``, and so see the same database, files and queue.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from tom_common.default_settings import *  # noqa: F403

# One folder for this run of pytest and all that it starts. Only the process that made it removes it,
# not a forked child that happens to run the same exit handlers. Type checkers and ``manage.py``
# read these settings too, and leave nothing behind.
if "PYTEST_VERSION" in os.environ and "TOM_PIPELINES_TEST_ROOT" not in os.environ:
    os.environ["TOM_PIPELINES_TEST_ROOT"] = tempfile.mkdtemp(prefix="tom-pipelines-tests-")

    def _remove(owner: int, root: str) -> None:
        if os.getpid() == owner:
            shutil.rmtree(root, ignore_errors=True)

    atexit.register(_remove, os.getpid(), os.environ["TOM_PIPELINES_TEST_ROOT"])

if "TOM_PIPELINES_TEST_ROOT" in os.environ:
    # The workers of pytest-xdist share the environment of the process that started them.
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    BASE_DIR = Path(os.environ["TOM_PIPELINES_TEST_ROOT"]) / worker
    BASE_DIR.mkdir(exist_ok=True)
    database = os.environ.get("TOM_PIPELINES_TEST_DB", str(BASE_DIR / "db.sqlite3"))
else:
    BASE_DIR = Path(tempfile.gettempdir()) / "tom-pipelines-no-tests"
    database = ":memory:"

SECRET_KEY = "for tests only"
DEBUG = False
ALLOWED_HOSTS = ["*"]
SITE_ID = 1

INSTALLED_APPS = [*TOMTOOLKIT_INSTALLED_APPS, "tom_pipeline_core", "tom_education"]  # noqa: F405
MIDDLEWARE = TOMTOOLKIT_MIDDLEWARE  # noqa: F405
ROOT_URLCONF = "tom_common.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
CRISPY_TEMPLATE_PACK = "bootstrap5"

# A file rather than memory, so that processes started by a test can open it. Durability is of no
# use here: switching it off makes tests that commit several times faster.
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": database,
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;",
        },
        "TEST": {"NAME": str(BASE_DIR / "test.sqlite3")},
    }
}
# The same tests on PostgreSQL: the port of a server on this machine.
if "TOM_PIPELINES_TEST_POSTGRES" in os.environ:
    DATABASES["default"] = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": os.environ.get("TOM_PIPELINES_TEST_DB", "postgres"),
        "USER": "postgres",
        "HOST": "127.0.0.1",
        "PORT": os.environ["TOM_PIPELINES_TEST_POSTGRES"],
    }
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"

LOGIN_URL = "/accounts/login/"
LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = "/"
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "/static/"
MEDIA_ROOT = os.environ.get("TOM_PIPELINES_TEST_MEDIA", str(BASE_DIR / "media"))
MEDIA_URL = "/data/"

# tom_dataproducts copies these when it is imported: overriding them in a test has no effect.
DATA_PRODUCT_TYPES = {
    "photometry": ("photometry", "Photometry"),
    "fits_file": ("fits_file", "FITS File"),
    "spectroscopy": ("spectroscopy", "Spectroscopy"),
    "image_file": ("image_file", "Image File"),
    "plot": ("plot", "Plot"),
}
DATA_PROCESSORS: dict[str, str] = {}
TARGET_TYPE = "SIDEREAL"
TARGET_PERMISSIONS_ONLY = True
AUTH_STRATEGY = "READ_ONLY"
EXTRA_FIELDS: list[dict[str, str]] = []
HOOKS: dict[str, str] = {}
FACILITIES: dict[str, dict[str, str]] = {}
TOM_FACILITY_CLASSES: list[str] = []

TOM_PIPELINES = {
    "QUEUES": {
        "default": {"huey_class": "huey.SqliteHuey", "filename": str(BASE_DIR / "queue.sqlite3")}
    },
}
