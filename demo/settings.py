"""
A small TOM on one machine: SQLite for the site and for the queue, no other service.

The last block is what a TOM adds to run pipelines; all before it is an ordinary TOM.
"""

import os
import secrets
from pathlib import Path

from tom_common.default_settings import *  # noqa: F403

BASE_DIR = Path(__file__).resolve().parent
DATA = Path(os.environ.get("TOM_PIPELINES_DEMO_DATA", BASE_DIR / "data"))
DATA.mkdir(parents=True, exist_ok=True)


def _secret_key() -> str:
    """Return this demo's own key, made at its first start."""
    path = DATA / "secret_key"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text()
    key = secrets.token_urlsafe(50)
    with os.fdopen(descriptor, "w") as file:
        file.write(key)
    return key


SECRET_KEY = _secret_key()
DEBUG = True  # serves static and uploaded files; never on a site that others reach
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
SITE_ID = 1
TOM_NAME = "Demo TOM"

INSTALLED_APPS = [*TOMTOOLKIT_INSTALLED_APPS, "tom_pipeline_core"]  # noqa: F405
MIDDLEWARE = TOMTOOLKIT_MIDDLEWARE  # noqa: F405
ROOT_URLCONF = "tom_common.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.debug",
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
CRISPY_TEMPLATE_PACK = "bootstrap5"

# Web server and worker write at the same time. With SQLite's defaults most of such writes fail with
# "database is locked": take the write lock at the start of a transaction, wait for it, and let
# readers go on meanwhile.
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DATA / "db.sqlite3",
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"

LOGIN_URL = "/accounts/login/"
LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = "/"
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
MEDIA_ROOT, MEDIA_URL = DATA / "media", "/data/"
CSS_THEME = os.environ.get("TOM_PIPELINES_DEMO_THEME") or None  # "Dark"

DATA_PRODUCT_TYPES = {
    "fits_file": ("fits_file", "FITS file"),
    "photometry": ("photometry", "Photometry"),
    "spectroscopy": ("spectroscopy", "Spectroscopy"),
    "image_file": ("image_file", "Image"),
    "plot": ("plot", "Plot"),
}
DATA_PROCESSORS = {
    "photometry": "tom_dataproducts.processors.photometry_processor.PhotometryProcessor",
    "spectroscopy": "tom_dataproducts.processors.spectroscopy_processor.SpectroscopyProcessor",
}
TARGET_TYPE = "SIDEREAL"
TARGET_PERMISSIONS_ONLY = True
AUTH_STRATEGY = "READ_ONLY"
EXTRA_FIELDS: list[dict[str, str]] = []
HOOKS: dict[str, str] = {}
FACILITIES: dict[str, dict[str, str]] = {}
TOM_FACILITY_CLASSES: list[str] = []

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "line"},
        "warnings": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "level": "WARNING",
        },
    },
    "root": {"handlers": ["console"], "level": "INFO"},
    # One line for each new user, at a level that tomtoolkit sets itself.
    "loggers": {"tom_common.signals": {"handlers": ["warnings"], "propagate": False}},
}

TOM_PIPELINES = {
    "QUEUES": {"default": {"huey_class": "huey.SqliteHuey", "filename": DATA / "queue.sqlite3"}},
}
