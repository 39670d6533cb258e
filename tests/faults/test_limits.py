from __future__ import annotations

import pytest

from tests.faults.conftest import Site, is_alive
from tests.faults.test_kills import check_outputs

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]


def test_a_run_over_its_time_is_ended(site: Site):
    site.configure(time_limit=2, grace=0.5)
    site.start_worker("-w", "1")
    process = site.submit(60, "ignore_sigterm")

    assert site.until_over(process) == ["failed"]
    assert process.failure_kind == "time limit"
    assert "2 seconds" in process.failure_message
    assert not is_alive(site.executions()[0].pid)


def test_a_run_over_its_memory_is_ended_and_the_next_one_runs(site: Site):
    site.configure(memory_limit="400 MiB")
    site.start_worker("-w", "1")
    hog, next_one = site.submit(60, "hog_memory"), site.submit()

    assert site.until_over(hog, next_one) == ["failed", "succeeded"]
    assert hog.failure_kind == "memory limit"
    assert "400 MiB" in hog.failure_message
    check_outputs(site, hog, next_one)


def test_a_storage_that_refuses_keeps_nothing(site: Site):
    site.configure(
        more="""
STORAGES = {**STORAGES, "default": {"BACKEND": "tests.faults.full_storage.FullStorage"}} \\
    if "STORAGES" in globals() else {
        "default": {"BACKEND": "tests.faults.full_storage.FullStorage"},
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
"""
    )
    site.start_worker("-w", "1")
    process = site.submit()

    assert site.until_over(process) == ["failed"]
    assert process.failure_kind == "could not save outputs"
    assert "No space left on device" in process.failure_message
    check_outputs(site, process)
