"""The tests of the core again, on PostgreSQL: it refuses what SQLite takes, and the other way."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.services import postgres_server

CORE = [
    "tests/models",
    "tests/runner",
    "tests/saving",
    "tests/supervisor",
    "tests/test_permissions.py",
    "tests/test_process_log.py",
    "tests/test_recovery.py",
    "tests/test_submission.py",
]

API = ["tests/rest_api"]


@pytest.mark.slow
@pytest.mark.parametrize("areas", [CORE, API], ids=["core", "api"])
def test_the_core_works_on_postgresql(areas: list[str]) -> None:
    with postgres_server() as server:
        environment = {
            **{
                k: v for k, v in os.environ.items() if not k.startswith(("TOM_PIPELINES", "PYTEST"))
            },
            "TOM_PIPELINES_TEST_POSTGRES": str(server.port),
        }
        ended = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *areas],
            env=environment,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )

    assert ended.returncode == 0, ended.stdout[-5000:] + ended.stderr[-2000:]
    assert " passed" in ended.stdout
