from __future__ import annotations

import pytest

from tom_pipeline_core.cli.main import main


def new(*arguments: str) -> int:
    return main(["new", *arguments])


@pytest.mark.parametrize("name", ["my_pipeline", "my-pipeline", "tom_pipeline_my_pipeline"])
def test_the_repository_is_named_after_the_package(tmp_path, monkeypatch, capsys, name):
    monkeypatch.chdir(tmp_path)
    assert new(name) == 0
    made = tmp_path / "tom-pipeline-my-pipeline"
    assert sorted(str(p.relative_to(made)) for p in made.rglob("*") if p.is_file()) == [
        ".github/workflows/tests.yml", ".gitignore", "LICENSE", "README.md",
        "my_pipeline/__init__.py", "my_pipeline/pipeline.py", "my_pipeline/sky.py",
        "pyproject.toml", "tests/test_pipeline.py",
    ]  # fmt: skip
    assert (
        '"My pipeline" = "my_pipeline.pipeline:MyPipeline"' in (made / "pyproject.toml").read_text()
    )
    assert "cd tom-pipeline-my-pipeline" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("license_", "words"),
    [
        ("GPL-3.0-or-later", "GNU GENERAL PUBLIC LICENSE"),
        ("MIT", "Hypatia"),
        ("BSD-3-Clause", "Hypatia"),
    ],
)
def test_the_license_is_a_choice(tmp_path, license_, words):
    assert (
        new("x", "--folder", str(tmp_path / "x"), "--license", license_, "--author", "Hypatia") == 0
    )
    assert words in (tmp_path / "x" / "LICENSE").read_text()
    assert f'license = "{license_}"' in (tmp_path / "x" / "pyproject.toml").read_text()


@pytest.mark.parametrize("name", ["my pipeline", "1st", "class", "../x", "tests", ""])
def test_a_name_that_cannot_be_a_package_is_refused(tmp_path, monkeypatch, capsys, name):
    monkeypatch.chdir(tmp_path)
    assert new(name) == 2
    assert "cannot be the name of a Python package" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(tmp_path, capsys):
    (tmp_path / "mine").write_text("x")
    assert new("x", "--folder", str(tmp_path)) == 2
    assert "not an empty folder" in capsys.readouterr().err
