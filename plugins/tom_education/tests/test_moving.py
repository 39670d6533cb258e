"""An old site is moved by following the how-to to the letter, and shows what it showed before."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from plugins.tom_education.tests.old_project import write_project

ROOT = Path(__file__).parents[3]
HOW_TO = ROOT / "docs/how-to/move-from-tom-education.md"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not HOW_TO.exists(), reason="the documentation is not beside the package"),
]


class Site:
    """The project, and what the commands said."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said: dict[str, str] = {}

    def run(self, *arguments: str) -> str:
        environment = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("DJANGO", "TOM_PIPELINES", "PYTEST"))
        } | {"PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == 0, f"{arguments}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout

    def ask(self, **questions: str) -> Any:
        """Return what expressions are in the site's shell; ``client`` is an administrator's."""
        script = (
            "import json\n"
            "from django.contrib.auth.models import User\n"
            "from django.test import Client\n"
            "from tom_education.models import ObservationTemplate\n"
            "from tom_pipeline_core import submission\n"
            "from tom_pipeline_core.models import PipelineProcess\n"
            "from tom_targets.models import Target\n"
            "client, answers = Client(), {}\n"
            "user = User.objects.filter(username='admin').first()\n"
            "client.force_login(user or User.objects.create_superuser('admin'))\n"
            "def page(address):\n"
            "    answer = client.get(address, follow=True)\n"
            "    return answer.content.decode() if answer.status_code == 200 else str(answer)\n"
        )
        script += "".join(f"answers[{key!r}] = {code}\n" for key, code in questions.items())
        script += "print('ANSWER' + json.dumps(answers, default=str))\n"
        return json.loads(self.run("manage.py", "shell", "-v0", "-c", script).split("ANSWER")[-1])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The old site after the how-to."""
    folder = tmp_path_factory.mktemp("old_site")
    write_project(folder)
    site = Site(folder)
    site.run("before.py")
    text = HOW_TO.read_text()
    (settings,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    with (folder / "settings.py").open("a") as stream:
        stream.write(settings)
    for command in re.findall(r"^\$ ./manage.py (.*)$", text, re.MULTILINE):
        drain = ["--drain"] if command == "run_pipelines" else []
        site.said[command] = site.run("manage.py", *command.split(), *drain)
    return site


def test_the_commands_of_the_how_to_say_what_they_did(site):
    assert list(site.said) == [
        "check", "migrate", "import_tom_education", "migrate_reduced_datums", "run_pipelines",
    ]  # fmt: skip
    assert (
        "3 of 3 processes of tom_education were imported; 0 were here already."
        in (site.said["migrate"])
    )
    assert "inside_1_20200501120000: it had not ended (status 'Working')" in site.said["migrate"]
    assert "no processes of tom_education" in site.said["import_tom_education"]


def test_no_migration_is_missing(site):
    assert "No changes detected" in site.run("manage.py", "makemigrations", "--check", "--dry-run")


def test_every_page_shows_what_was_there(site):
    seen = site.ask(
        processes="page('/pipelines/')",
        created="page('/pipeline/11')",
        log="page('/pipelines/11/log/')",
        failed="page('/pipeline/12')",
        target="page('/targets/1/')",
        data="page('/targets/1/data/')",
        csv="page('/targets/1/data/download/')",
        status="client.get('/api/async/status/1/').json()['processes']",
        logs="client.get('/api/pipeline/logs/11/').json()",
        templates="list(ObservationTemplate.objects.values_list('name', 'target__name'))",
    )

    assert "Inside an app" in seen["processes"]
    assert "Outside an app" in seen["processes"]
    assert "inside_1_table.csv" in seen["created"]
    assert "plot is False" in seen["log"]
    assert "there was nothing to see" in seen["failed"]
    assert "PDS 110" in seen["target"]
    assert "frame.fits" in seen["data"]
    assert "11.5,0.02" in seen["csv"]
    assert {p["identifier"]: p["status"] for p in seen["status"]} == {
        "inside_1_20200501100000": "created",
        "outside_1_20200501110000": "failed",
        "inside_1_20200501120000": "failed",
    }
    assert seen["logs"]["logs"] == "plot is False\n"
    assert seen["logs"]["group_name"] == "inside_1_20200501100000_outputs"
    assert seen["templates"] == [["weekly", "PDS 110"]]


def test_old_pipelines_run_in_the_new_workers(site):
    started = site.ask(
        posted="[client.post('/targets/1/data/', {'action': 'pipeline', 'pipeline_name': name, "
        "'1': 'on'}).json() for name in ('Inside an app', 'Outside an app')]",
        again="submission.run_again(PipelineProcess.objects.get(pk=11)).state",
    )
    assert started == {"posted": [{"ok": True}, {"ok": True}], "again": "queued"}

    site.run("manage.py", "run_pipelines", "--drain")

    ended = site.ask(
        ended="[[p.pipeline_name, p.status, p.failure_message, p.logs, p.flags_json] "
        "for p in PipelineProcess.objects.order_by('-pk')[:3]]",
        deleted="Target.objects.get(pk=1).delete()[0] > 5",
    )
    inside = ["Inside an app", "created", "", "plot is False\n", '{"plot": false}']
    assert ended["ended"] == [
        inside,
        ["Outside an app", "failed", "there is nothing to see", "looking\n", None],
        inside,
    ]
    assert ended["deleted"], "the old tables' constraints would forbid it"
