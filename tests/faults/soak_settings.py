"""Settings of one campaign of the soak; its folder and servers are named in the environment."""

import os
from pathlib import Path
from typing import Any

from tests import settings as base
from tests.settings import *  # noqa: F403

FOLDER = Path(os.environ["SOAK_FOLDER"])
STORAGE = os.environ["SOAK_STORAGE"]
LEASE = float(os.environ.get("SOAK_LEASE", "6"))

MEDIA_ROOT = str(FOLDER / "media")
INSTALLED_APPS = [*base.INSTALLED_APPS, "tests.faults.mutants.MutantsConfig"]
databases: dict[str, dict[str, Any]] = {**base.DATABASES}
USER, HOST = "postgres", "127.0.0.1"

queue: dict[str, object]
if STORAGE == "sqlite":
    databases["default"]["NAME"] = str(FOLDER / "db.sqlite3")
    queue = {"huey_class": "huey.SqliteHuey", "filename": str(FOLDER / "queue.sqlite3")}
else:
    port = os.environ["SOAK_POSTGRES"]
    databases["default"] = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "postgres",
        "USER": USER,
        "HOST": HOST,
        "PORT": port,
        "OPTIONS": {"connect_timeout": 3},
    }
    if STORAGE == "redis":
        queue = {
            "huey_class": "huey.PriorityRedisHuey",
            "host": HOST,
            "port": int(os.environ["SOAK_REDIS"]),
            "socket_connect_timeout": 1,
            "socket_timeout": 3,
        }
    else:
        dsn = f"host={HOST} port={port} user={USER} dbname=postgres connect_timeout=3"
        queue = {"huey_class": "huey.PostgresHuey", "dsn": dsn}

TOM_EDUCATION_PIPELINES = {"Journalled": "tests.faults.pipelines.Journalled"}
pipelines: dict[str, Any] = {
    "QUEUES": {"default": queue},
    "LEASE": LEASE,
    "HEARTBEAT": LEASE / 6,
    "MAX_WORKER_LOSSES": 3,
    "SHUTDOWN_GRACE": 1,
    "EXECUTORS": {"default": {"BACKEND": "child_process", "OPTIONS": {"grace": 1}}},
}
globals().update(DATABASES=databases, TOM_PIPELINES=pipelines)
