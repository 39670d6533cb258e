from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.installed import write_metadata
from tom_pipeline_core.cli.main import main


@pytest.fixture
def package(tmp_path, shell):
    """A fresh package, and a function that installs it as it stands and checks it."""
    folder = tmp_path / "package"
    assert main(["new", "fresh", "--folder", str(folder)]) == 0

    class Package:
        pyproject = folder / "pyproject.toml"
        pipeline = folder / "fresh" / "pipeline.py"

        def edit(self, path: Path, old: str, new: str) -> None:
            text = path.read_text()
            assert old in text
            path.write_text(text.replace(old, new))

        def install(self) -> None:
            write_metadata(folder)

        def check(self, *arguments: str):
            return shell("check", str(folder), *arguments, path=folder)

    return Package()


def lines(done, level: str) -> list[str]:
    return re.findall(rf"^ *{level}  (.*)$", done.stdout, re.MULTILINE)


@pytest.mark.slow
def test_a_fresh_package_has_nothing_to_mend(package):
    package.install()
    done = package.check()
    assert done.returncode == 0, done.stdout + done.stderr
    assert lines(done, "WRONG") == []
    assert any("same outputs" in line for line in lines(done, "ok"))


def test_what_is_not_installed_is_said_first(package):
    done = package.check()
    assert done.returncode == 1
    assert lines(done, "WRONG") == ["tom-pipeline-fresh is not installed here: pip install -e ."]


def test_entry_points_that_changed_since_are_noticed(package):
    package.install()
    package.edit(package.pyproject, '"Fresh" =', '"Newer" =')
    done = package.check()
    assert done.returncode == 1
    assert "out of date (Fresh, Newer)" in lines(done, "WRONG")[0]


def test_metadata_that_others_miss_is_told(package):
    package.edit(package.pyproject, '"tom-pipeline-core>=0.1.0", ', "")
    package.edit(package.pyproject, 'license = "GPL-3.0-or-later"\n', "")
    package.edit(package.pyproject, '"tom-pipeline", ', "")
    package.install()
    done = package.check("--no-run")
    assert lines(done, "WRONG") == [
        "It does not require tom-pipeline-core: add it to dependencies."
    ]
    assert len(lines(done, "note")) == 2


@pytest.mark.slow
def test_a_pipeline_that_does_not_fulfil_the_contract_is_told_what_it_does(package):
    package.edit(package.pipeline, "except NotAnImage as error", "except KeyError as error")
    package.install()
    done = package.check()
    assert done.returncode == 1
    (wrong,) = lines(done, "WRONG")
    assert "ended with unexpected exception" in wrong


def test_a_class_that_cannot_be_loaded_is_told(package):
    package.edit(package.pipeline, "from astropy.table import Table", "import not_there")
    package.install()
    done = package.check()
    assert done.returncode == 1
    assert "No module named 'not_there'" in lines(done, "WRONG")[0]


def test_a_folder_without_a_project_is_refused(shell, tmp_path):
    done = shell("check", str(tmp_path))
    assert done.returncode == 2
    assert "with a table [project]" in done.stderr


def test_list_names_what_is_installed(package, shell):
    package.install()
    done = shell("list", path=package.pyproject.parent)
    assert "Fresh  (tom-pipeline-fresh:Fresh 0.1.0)" in done.stdout
