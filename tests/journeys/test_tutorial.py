"""The tutorial's files are saved and its commands run, as they stand on the page."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "tutorial" / "first-pipeline.md"

BLOCK = re.compile(r"```(?P<kind>console|\{code-block\} \w+)\n(?P<body>.*?)```", re.DOTALL)


def script_of(page: str) -> str:
    """Return the page as a shell script: code blocks are saved, console blocks are run."""
    lines = ["set -eu"]
    for block in BLOCK.finditer(page):
        body = block["body"]
        if block["kind"] == "console":
            lines += [line.removeprefix("$ ") for line in body.splitlines()]
            continue
        caption, _, text = body.partition("\n")
        name = caption.removeprefix(":caption: ")
        lines += [f"cat > {name} <<'END-OF-FILE'", text.rstrip("\n"), "END-OF-FILE"]
    return "\n".join(lines) + "\n"


def files_of(page: str) -> dict[str, str]:
    found = {}
    for block in BLOCK.finditer(page):
        if block["kind"] != "console":
            caption, _, text = block["body"].partition("\n")
            found[caption.removeprefix(":caption: ")] = text
    return found


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment of the author's own, which sees what is installed in this one."""
    folder = tmp_path / "environment"
    venv.create(folder, with_pip=True)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    for old in ("setuptools*", "_distutils_hack", "pkg_resources"):  # of the interpreter's age
        for path in site.glob(old):
            shutil.rmtree(path)
    (site / "distutils-precedence.pth").unlink(missing_ok=True)
    here = sysconfig.get_path("purelib")
    (site / "tests-environment.pth").write_text(f"import site; site.addsitedir({here!r})\n")
    for name in ("tom-pipelines", "pytest"):
        script = folder / "bin" / name
        module = {"tom-pipelines": "tom_pipeline_core.cli"}.get(name, name)
        script.write_text(f'#!/bin/sh\nexec {folder}/bin/python -m {module} "$@"\n')
        script.chmod(0o755)
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("DJANGO_", "TOM_", "PYTEST_", "COVERAGE_"))
    }
    return {
        **kept,
        "PATH": f"{folder / 'bin'}{os.pathsep}{kept['PATH']}",
        # What pip would fetch is there already.
        "PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }  # fmt: skip


def test_the_smallest_package_is_two_files_and_fifteen_lines():
    files = files_of(PAGE.read_text("utf-8"))
    lines = [line for text in files.values() for line in text.splitlines() if line.strip()]
    assert len(files) == 2
    assert len(lines) <= 15


@pytest.mark.slow
def test_every_command_of_the_tutorial_runs(tmp_path: Path, environment: dict[str, str]) -> None:
    work = tmp_path / "work"
    work.mkdir()
    script = script_of(PAGE.read_text("utf-8"))
    # The tutorial's TOM: settings are all that is needed to look at a plugin.
    script = script.replace("python manage.py", "django_manage")
    preamble = (
        "django_manage() { TOM_PIPELINES_STANDALONE=$HOME_OF_TOM "
        "DJANGO_SETTINGS_MODULE=tom_pipeline_core.standalone.settings "
        'python -m django "$@"; }\n'
    )
    tom = tmp_path / "tom"
    tom.mkdir()
    done = subprocess.run(
        ["bash", "-c", preamble + script], cwd=work, env={**environment, "HOME_OF_TOM": str(tom)},
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "hello  (tom-pipeline-hello:hello 0.1)" in done.stdout
    assert "notes.txt: 10 bytes" in done.stdout
    assert "description: Count the bytes of every file." in done.stdout
    assert "8 passed" in done.stdout
    assert "WRONG" not in done.stdout
