"""
Install the built wheels into a new environment outside the checkout, and use them there.

What only works because the sources are near (a template, a migration or a static file that is not
packed, an import that no dependency declares) fails here.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UV = ROOT / ".venv/bin/uv"

SETTINGS = """
from pathlib import Path
from tom_common.default_settings import *

BASE_DIR = Path(__file__).parent
SECRET_KEY = "only here"
DEBUG = False
ALLOWED_HOSTS = ["*"]
SITE_ID = 1
INSTALLED_APPS = TOMTOOLKIT_INSTALLED_APPS + ["tom_pipeline_core", "tom_education"]
MIDDLEWARE = TOMTOOLKIT_MIDDLEWARE
ROOT_URLCONF = "tom_common.urls"
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
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": BASE_DIR / "db.sqlite3",
    "OPTIONS": {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    },
}}
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
STATIC_URL, STATIC_ROOT = "/static/", BASE_DIR / "static"
MEDIA_ROOT, MEDIA_URL = BASE_DIR / "data", "/data/"
USE_TZ = True
TARGET_TYPE, AUTH_STRATEGY, TARGET_PERMISSIONS_ONLY = "SIDEREAL", "READ_ONLY", True
FACILITIES, TOM_FACILITY_CLASSES, EXTRA_FIELDS, HOOKS = {}, [], [], {}
"""

# Runs in the new environment. The checkout's own lists say what must have been packed.
LOOK = """
import importlib, sys
from pathlib import Path

import django
django.setup()

checkout, expected = Path(sys.argv[1]), Path("expected.txt").read_text().split("\\n")
for name in expected:
    package, _, inside = name.partition("/")
    found = Path(importlib.import_module(package).__file__).parent
    assert not found.is_relative_to(checkout), f"{package} comes from the checkout: {found}"
    assert (found / inside).exists(), f"{name} is not in the wheel"
print(f"{len(expected)} files of the packages are in the wheels")

from django.template import engines
for name in expected:
    _, inside_templates, template = name.partition("/templates/")
    if inside_templates:
        engines["django"].get_template(template)

from importlib.metadata import entry_points, metadata
extras = metadata("tom-pipeline-core").get_all("Provides-Extra") or []
for group in ("tom_pipeline_core.pipelines", "tom_pipeline_core.hooks", "tom_pipeline_core.executors"):
    for entry in entry_points(group=group):
        if entry.name in extras:  # the executor needs the extra of its name, not installed here
            continue
        entry.load()
        print(f"{group}: {entry.name} loads")
"""


def packages() -> list[Path]:
    """Return the folders of the workspace's import packages."""
    return [ROOT / "tom_pipeline_core"] + [
        init.parent
        for init in sorted(ROOT.glob("plugins/*/*/__init__.py"))
        if init.parent.name != "tests"
    ]


def files(package: Path) -> list[str]:
    """Return the files of a package that git knows, as ``package/folder/file``."""
    listed = subprocess.run(
        ["git", "ls-files", "--", "."], cwd=package, capture_output=True, text=True, check=True
    )
    return [f"{package.name}/{line}" for line in listed.stdout.splitlines()]


def main(dist: Path) -> None:
    """Try the wheels of the folder ``dist``."""
    wheels = sorted(str(path) for path in dist.resolve().glob("*.whl"))
    with tempfile.TemporaryDirectory(prefix="tom-pipelines-wheels-") as folder:
        site = Path(folder)
        python = site / "venv/bin/python"
        environment = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("PYTHON", "DJANGO", "VIRTUAL_ENV", "COVERAGE"))
        } | {"DJANGO_SETTINGS_MODULE": "site_settings", "PYTHONPATH": folder}

        def run(*command: str | Path) -> None:
            print("$", *(Path(part).name if "/" in str(part) else part for part in command[:6]))
            done = subprocess.run(
                [str(part) for part in command], cwd=site, env=environment, check=False
            )
            if done.returncode:
                sys.exit("The wheels do not work outside the checkout: see above.")

        run(UV, "venv", "-q", "-p", sys.executable, site / "venv")
        run(
            UV,
            "pip",
            "install",
            "-q",
            "--python",
            python,
            "-c",
            ROOT / "constraints.txt",
            *wheels,
        )
        (site / "site_settings.py").write_text(SETTINGS)
        run(python, "-m", "django", "check", "--fail-level", "WARNING")
        run(python, "-m", "django", "migrate", "-v0")
        run(python, "-m", "django", "collectstatic", "--noinput", "-v0")
        run(python, "-m", "django", "makemigrations", "--check", "--dry-run")
        (site / "expected.txt").write_text(
            "\n".join(name for package in packages() for name in files(package))
        )
        (site / "look.py").write_text(LOOK)
        run(python, "look.py", ROOT)
    print(f"{len(wheels)} wheels installed and used outside the checkout")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
