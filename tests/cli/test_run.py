from __future__ import annotations

from textwrap import dedent

import pytest

MINE = """
    from datetime import datetime, timezone

    from django import forms
    from tom_pipeline_core.models import AsyncError, PipelineProcess
    from tom_pipeline_core.outputs import File, Photometry

    class Mine(PipelineProcess):
        short_name = 'mine'
        allowed_suffixes = ('.fits',)

        class Parameters(forms.Form):
            radius = forms.FloatField(initial=6, min_value=1)
            loud = forms.BooleanField(required=False)
            bands = forms.MultipleChoiceField(
                choices=[('g', 'g'), ('r', 'r'), ('i', 'i')], initial=['r'])

        def do_pipeline(self, tmpdir, radius, loud, bands):
            if radius > 50:
                raise AsyncError('A radius of 50 pixels is the most.')
            for product in self.track(self.input_files.all(), 'Measuring'):
                self.log(f'reading {product.data.name}')
                print('printed')
            (tmpdir / 'table.csv').write_text(
                f'{radius} {loud} {sorted(bands)} {self.target.ra:.4f} {self.target.dec:.4f}')
            return [File(tmpdir / 'table.csv'), Photometry(
                timestamp=datetime(2026, 3, 1, tzinfo=timezone.utc), brightness=14.25,
                brightness_error=0.01, bandpass='r')]
"""


@pytest.fixture(autouse=True)
def _module(tmp_path):
    (tmp_path / "mine.py").write_text(dedent(MINE))


def test_a_class_in_this_folder_runs_and_its_outputs_are_written(shell, frames, tmp_path):
    done = shell(
        "run", "mine:Mine", *frames, "--ra", "31.04", "--dec", "46.69", "-p", "radius=2.5",
        "-p", "loud=yes", "-p", "bands=g", "-p", "bands=i", "-o", "results",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    table = (tmp_path / "results" / "mine_table.csv").read_text()
    assert table == "2.5 True ['g', 'i'] 31.0400 46.6900"
    assert "14.25" in (tmp_path / "results" / "mine_points.ecsv").read_text()
    assert "results/mine_table.csv" in done.stdout
    assert "14.25" in done.stdout
    assert "a.fits" in done.stderr
    assert "printed" in done.stderr
    left = {path.name for path in tmp_path.iterdir()} - {"__pycache__"}
    assert left == {"a.fits", "b.fits", "mine.py", "results"}


def test_sexagesimal_coordinates_are_understood(shell, frames, tmp_path):
    done = shell("run", "mine:Mine", "a.fits", "--ra", "2:04:09.6", "--dec", "-46:41:24")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "mine_table.csv").read_text().endswith("31.0400 -46.6900")


def test_a_failing_pipeline_tells_its_message_and_exits_with_1(shell, frames, tmp_path):
    done = shell("run", "mine:Mine", "a.fits", "-p", "radius=60", "-q")
    assert done.returncode == 1
    assert done.stderr == "mine:Mine failed: A radius of 50 pixels is the most.\n"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["mine:Mine", "gone.fits"], "there is no file gone.fits"),
        (["mine:Mine", "mine.py"], "'mine.py' does not end an allowed filename suffix (.fits)"),
        (["mine:Mine"], "Select at least one file"),
        (["mine:Mine", "a.fits", "-p", "radios=3"], "did you mean 'radius'?"),
        (["mine:Mine", "a.fits", "-p", "radius=big"], "radius: Enter a number."),
        (["mine:Mine", "a.fits", "-p", "radius=0"], "greater than or equal to 1"),
        (["mine:Mine", "a.fits", "-p", "radius"], "write NAME=VALUE"),
        (["mine:Mine", "a.fits", "-p", "radius=1", "-p", "radius=2"], "takes one value, not 2"),
        (["mine:Mine", "a.fits", "-p", "loud=perhaps"], "is yes or no, not 'perhaps'"),
        (["mine:Mine", "a.fits", "--ra", "31"], "give both --ra and --dec"),
        (["mine:Mine", "a.fits", "--ra", "x", "--dec", "y"], "are no coordinates"),
        (["mine:Mine", "a.fits", "-o", "."], ". is not empty; choose another with -o"),
        (["mine:Mine", "a.fits", "-o", "b.fits"], "b.fits is a file; choose a folder"),
        (["mine:Other", "a.fits"], "'Other'"),
        (["gone:Mine", "a.fits"], "No module named 'gone'"),
        (["no such one", "a.fits"], "There is no pipeline 'no such one'"),
    ],
)
def test_what_cannot_be_used_is_one_line_and_exit_code_2(shell, frames, arguments, message):
    done = shell("run", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_folder_in_use_is_written_on_request(shell, frames, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old.txt").write_text("mine")
    done = shell("run", "mine:Mine", "a.fits", "--ra", "1", "--dec", "-2", "--overwrite")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "old.txt").read_text() == "mine"
