"""``tom-pipelines new``: a small repository with a pipeline that works, to change from there."""

from __future__ import annotations

import argparse
import datetime
import keyword
import re
import sys
from importlib import resources
from pathlib import Path
from string import Template

import importlib_metadata

from tom_pipeline_core import __version__
from tom_pipeline_core.cli.errors import UsageError

HELP = "make a repository with a pipeline that installs, runs and has tests"

PREFIX = "tom-pipeline-"
LICENSES = ("GPL-3.0-or-later", "MIT", "BSD-3-Clause")

FILES = {
    "pyproject.toml": "pyproject.toml.txt",
    "README.md": "README.md.txt",
    ".gitignore": "gitignore.txt",
    ".github/workflows/tests.yml": "github/tests.yml.txt",
    "{module}/__init__.py": "init.py.txt",
    "{module}/pipeline.py": "pipeline.py.txt",
    "{module}/sky.py": "sky.py.txt",
    "tests/test_pipeline.py": "test_pipeline.py.txt",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("name", help="of the Python package, such as my_pipeline")
    parser.add_argument(
        "--folder", type=Path, help=f"where to make it ({PREFIX}NAME in this folder)"
    )
    parser.add_argument("--license", choices=LICENSES, default=LICENSES[0], help="(%(default)s)")
    parser.add_argument("--author", default="", help="who holds the copyright")


def execute(options: argparse.Namespace) -> int:
    """Run the command."""
    module = re.sub(r"^tom_pipeline_(?=.)", "", options.name.strip().lower().replace("-", "_"))
    if not module.isidentifier() or keyword.iskeyword(module) or module == "tests":
        raise UsageError(
            f"{options.name!r} cannot be the name of a Python package; take letters, digits and _"
        )
    distribution = PREFIX + module.replace("_", "-").strip("-")
    folder: Path = options.folder or Path(distribution)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} exists and is not an empty folder; name another by --folder")
    title = module.replace("_", " ").strip().capitalize()
    values = {
        "module": module,
        "distribution": distribution,
        "title": title,
        "class_name": "".join(part.capitalize() for part in module.split("_")),
        "license": options.license,
        "core": __version__,
        "year": str(datetime.datetime.now(tz=datetime.timezone.utc).year),
        "holder": options.author or f"the authors of {distribution}",
    }
    for name, template in FILES.items():
        _write(folder / name.format(module=module), _template(template), values)
    _write(folder / "LICENSE", _license(options.license), values)
    sys.stdout.write(
        f"{folder} holds the pipeline {title!r}. Next:\n\n"
        f"    cd {folder}\n"
        "    pip install -e . pytest\n"
        "    pytest\n"
        "    tom-pipelines check .\n"
    )
    return 0


def _template(name: str) -> str:
    place = resources.files("tom_pipeline_core.cli") / "template"
    return place.joinpath(*name.split("/")).read_text("utf-8")


def _license(name: str) -> str:
    if name != "GPL-3.0-or-later":
        return _template(f"licenses/{name}.txt")
    # The core is under the same license and brings its text along.
    installed = importlib_metadata.distribution("tom-pipeline-core")
    text = installed.read_text("licenses/LICENSE")
    if not text:
        raise UsageError("the core was installed without its LICENSE; choose another --license")
    return text.replace("$", "$$")


def _write(path: Path, text: str, values: dict[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(Template(text).substitute(values), "utf-8")
