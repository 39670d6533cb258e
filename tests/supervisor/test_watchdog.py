from __future__ import annotations

import subprocess
import sys

from tom_pipeline_core.supervisor.watchdog import EXIT_CODE, Watchdog


def test_a_worker_whose_database_never_answers_ends():
    program = (
        "import threading\n"
        "import django\n"
        "django.setup()\n"
        "from tom_pipeline_core.supervisor.watchdog import Watchdog\n"
        "watchdog = Watchdog(0.2)\n"
        "watchdog.start()\n"
        "with watchdog.database():\n"
        "    threading.Event().wait(60)\n"
    )

    ended = subprocess.run(
        [sys.executable, "-c", program], timeout=50, capture_output=True, check=False
    )

    assert ended.returncode == EXIT_CODE


def test_nothing_is_waiting_when_the_database_has_answered():
    watchdog = Watchdog(10)

    with watchdog.database():
        assert watchdog.waiting() >= 0
    assert watchdog.waiting() == 0
