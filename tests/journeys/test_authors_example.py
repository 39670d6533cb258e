"""The example of the author's contract, saved in a project and named in its settings."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tom_dataproducts.models import DataProduct

from tests.running import content, run

pytestmark = pytest.mark.django_db

EXAMPLE = """
from tom_pipeline_core.models import AsyncError, PipelineProcess

class Aperture(PipelineProcess):
    short_name = 'aperture'                       # prefix of output names
{meta}
    def do_pipeline(self, tmpdir):                # tmpdir: pathlib.Path
        with self.update_status('Measuring'):
            for product in self.input_files.all():
                self.log(f'reading {{product.data.name}}')
        out = tmpdir / 'table.csv'
        out.write_text('...')
        return [out]
"""


@pytest.mark.parametrize(
    ("module", "meta"),
    [
        ("plain_project_pipelines", ""),
        ("proxy_project_pipelines", "    class Meta:\n        proxy = True\n"),
        (
            "labelled_project_pipelines",
            "    class Meta:\n        proxy = True\n        app_label = 'my_project'\n",
        ),
    ],
)
def test_the_example_runs_unchanged(
    module: str,
    meta: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    settings,
    samples,
    target,
    make_product,
):
    (tmp_path / f"{module}.py").write_text(EXAMPLE.format(meta=meta))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, module, raising=False)
    settings.TOM_EDUCATION_PIPELINES = {"My pipeline": f"{module}.Aperture"}
    frame = make_product(target, "frame.fits")

    process = run("My pipeline", frame)

    assert process.state == "succeeded", process.failure_message
    assert process.status == "created"
    assert process.logs == f"reading {frame.data.name}\n"
    output = DataProduct.objects.exclude(pk=frame.pk).get()
    assert output.data.name.endswith("/aperture_table.csv")
    assert content(output) == "..."
    assert output.group.get() == process.group
