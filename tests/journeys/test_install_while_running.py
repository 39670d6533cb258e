"""A worker that runs already: what is installed, upgraded, broken and removed meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.installed import SitePackages
from tests.running import content
from tom_pipeline_core import submission
from tom_pipeline_core.models import PipelineProcess
from tom_pipeline_core.queues import get_queue

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

LIMIT = 120.0  # seconds; far more than any of this takes, also on a busy machine

SOURCE = """
    from tom_pipeline_core.models import PipelineProcess

    class Late(PipelineProcess):
        short_name = 'late'

        def do_pipeline(self, tmpdir):
            (tmpdir / 'said.txt').write_text({text!r})
            return [tmpdir / 'said.txt']
"""


@pytest.fixture
def worker(site_packages: SitePackages, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A worker with the default executor, which sees the folder that is installed into."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site_packages.folder), str(Path.cwd())]))
    get_queue("default").huey.storage.flush_all()
    running = subprocess.Popen(
        [sys.executable, "-m", "django", "run_pipelines", "--workers", "1"],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    yield
    assert running.poll() is None, "the worker ended by itself"
    running.send_signal(signal.SIGTERM)
    running.wait(timeout=LIMIT)


@pytest.fixture
def ended(worker: None, target, make_product) -> Callable[[str], PipelineProcess]:
    """Return a function that submits a pipeline and waits until the worker has ended it."""
    product = make_product(target)

    def run(pipeline: str) -> PipelineProcess:
        process = submission.submit(pipeline, target=target, products=[product])
        deadline = time.monotonic() + LIMIT
        while time.monotonic() < deadline:
            process = PipelineProcess.objects.get(pk=process.pk)
            if process.is_terminal:
                return process
            time.sleep(0.1)
        raise AssertionError(f"{pipeline} is still {process.state}")

    return run


def test_the_next_run_uses_what_was_installed_meanwhile(ended, site_packages):
    site_packages.install("tom-first", pipelines={"first": "first_plugin:Late"},
                          modules={"first_plugin": SOURCE.format(text="one")})  # fmt: skip
    first = ended("first")
    assert first.state == "succeeded", first.failure_message

    site_packages.install("tom-late", pipelines={"late": "late_plugin:Late"},
                          modules={"late_plugin": SOURCE.format(text="two")})  # fmt: skip
    late = ended("late")
    assert late.state == "succeeded", late.failure_message
    assert content(late.outputs.get().product) == "two"

    # The web server of this test has loaded it; only the run meets the broken file.
    (site_packages.folder / "late_plugin.py").write_text("import no_such_module_anywhere\n")
    broken = ended("late")
    assert broken.state == "failed"
    assert broken.failure_kind == "plugin missing"
    assert "tom-late 1.0" in broken.failure_message
    assert "no_such_module_anywhere" in broken.failure_message

    again = ended("first")
    assert again.state == "succeeded", again.failure_message
