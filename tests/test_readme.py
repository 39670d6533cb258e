"""What the README shows works as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pytest_django import Settings
from tom_targets.base_models import BaseTarget

from tests.conftest import MakeProduct
from tests.running import content, run

README = Path(__file__).parents[1] / "README.md"

pytestmark = pytest.mark.django_db


@pytest.fixture
def line_count(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> str:
    """Save the README's pipeline as a file, and name it in the settings."""
    code = re.search(r"```python\n(from tom_pipeline_core.+?)```", README.read_text(), re.DOTALL)
    assert code
    (tmp_path / "readme_pipelines.py").write_text(code[1])
    monkeypatch.syspath_prepend(tmp_path)
    settings.TOM_PIPELINES = settings.TOM_PIPELINES | {
        "EXECUTORS": {"default": {"BACKEND": "immediate"}}
    }
    settings.TOM_EDUCATION_PIPELINES = {"Count lines": "readme_pipelines.LineCount"}
    return "Count lines"


def test_the_pipeline_runs_as_written(
    line_count: str, target: BaseTarget, make_product: MakeProduct
) -> None:
    products = [
        make_product(target, "a.txt", "1\n2\n3\n"),
        make_product(target, "b.csv", "1\n"),
    ]

    process = run(line_count, *products)

    assert process.state == "succeeded", process.failure_message
    names = [product.get_file_name() for product in products]
    lines = content(process.outputs.get().product).splitlines()
    assert sorted(lines) == sorted([f"{names[0]},3", f"{names[1]},1"])


def test_its_error_becomes_the_message_of_the_process(
    line_count: str, target: BaseTarget, make_product: MakeProduct
) -> None:
    process = run(line_count, make_product(target, "a.txt", ""))

    assert process.state == "failed"
    assert re.fullmatch(r".*/a\w*\.txt is empty\.", process.failure_message)


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_files_that_a_document_links_to_exist(document: str) -> None:
    path = README.parent / document

    for link in re.findall(r"\]\((?!http|#)([^)#]+)", path.read_text()):
        assert (path.parent / link).exists(), link
