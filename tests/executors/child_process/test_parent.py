"""The preloaded parent: when a fork is safe, and when it is made anew."""

from __future__ import annotations

import os
import signal
import sys
import textwrap
import time
from pathlib import Path

import pytest

from tom_pipeline_core.executors.base import RunSpec
from tom_pipeline_core.executors.child_process import ChildProcessExecutor
from tom_pipeline_core.executors.child_process import executor as executor_module
from tom_pipeline_core.testing.executor_contract import (
    WORKLOADS,
    RecordingSink,
    Run,
    alive,
    assert_all_end,
)


@pytest.fixture
def make_executor():
    executors = []

    def make(workload: str = "succeed", **options) -> ChildProcessExecutor:
        entry = options.pop("entry", f"{WORKLOADS}:{workload}")
        executors.append(ChildProcessExecutor(start="fork", entry=entry, **options))
        return executors[-1]

    yield make
    for executor in executors:
        executor.close()


def begin(executor: ChildProcessExecutor, **spec) -> Run:
    sink = RecordingSink()
    return Run(executor.start(RunSpec(**{"pk": 1, "attempt": 1, **spec}), sink), sink)


@pytest.fixture
def module(tmp_path: Path, monkeypatch):
    """Return a function that writes an importable module."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(name: str, source: str) -> Path:
        path = tmp_path / f"{name}.py"
        path.write_text(textwrap.dedent(source))
        return path

    return write


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("raise RuntimeError('broken on import')", "broken on import"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("from threading import Event, Thread\nThread(target=Event().wait, daemon=True).start()",
         "2 threads"),
        ("from django.db import connection\nconnection.ensure_connection()",
         "1 open database connections"),
    ],
)  # fmt: skip
def test_where_a_fork_is_not_safe_the_run_starts_in_a_fresh_interpreter(
    make_executor, module, caplog, source, words
):
    module("preloaded_by_a_site", source)
    executor = make_executor(preload=["preloaded_by_a_site"])

    run = begin(executor)

    assert run.to_end().ok
    assert "fresh interpreter" in caplog.text
    assert words in caplog.text
    assert executor.parent.pid is None


def test_a_preload_that_hangs_is_given_up(make_executor, module, monkeypatch):
    monkeypatch.setattr(executor_module, "START_LIMIT", 3.0)
    module("hangs_on_import", "import time\ntime.sleep(60)")
    executor = make_executor(preload=["hangs_on_import"])
    began = time.monotonic()

    assert begin(executor).to_end().ok
    assert time.monotonic() - began < 20


def test_a_parent_that_was_killed_is_made_anew_and_its_runs_go_on(make_executor):
    executor = make_executor("sleep")
    old = begin(executor)
    old.until_ready()
    first = executor.parent.pid
    os.kill(first, signal.SIGKILL)
    assert_all_end([first])

    new = begin(executor)
    new.until_ready()

    assert executor.parent.pid not in (None, first)
    assert old.handle.wait(0) is None
    for run in (old, new):
        run.handle.stop()
        assert run.to_end().reason == "terminated"


def test_a_frozen_parent_starts_nothing_late(make_executor, monkeypatch):
    from tom_pipeline_core.executors.base import Unavailable
    from tom_pipeline_core.executors.child_process import parent

    monkeypatch.setattr(parent, "ANSWER_LIMIT", 0.5)
    executor = make_executor("sleep")
    executor.prepare()
    os.kill(executor.parent.pid, signal.SIGSTOP)

    with pytest.raises(Unavailable, match="did not answer"):
        begin(executor)

    assert executor.parent.pid is None
    run = begin(executor)
    run.until_ready()
    run.handle.stop(force=True)
    run.to_end()


def test_changed_code_is_run_by_the_next_run(make_executor, module):
    source = """
        import logging, time
        def work(pk, attempt, reporter):
            reporter.line(time.time(), "log", logging.INFO, "version {}")
        """
    path = module("site_code", source.format(1))
    executor = make_executor(entry="site_code:work", preload=["site_code"])
    first = begin(executor)
    first.to_end()
    parent = executor.parent.pid

    again = begin(executor)
    again.to_end()
    assert executor.parent.pid == parent
    path.write_text(textwrap.dedent(source.format(22)))
    changed = begin(executor)
    changed.to_end()

    assert [run.sink.texts for run in (first, again, changed)] == [
        ["version 1"],
        ["version 1"],
        ["version 22"],
    ]
    assert executor.parent.pid != parent


def test_an_installation_makes_the_parent_anew(make_executor, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    executor = make_executor()
    begin(executor).to_end()
    parent = executor.parent.pid
    (tmp_path / "new_plugin-1.0.dist-info").mkdir()

    assert begin(executor).to_end().ok
    assert executor.parent.pid != parent


def test_a_change_of_files_that_are_no_code_does_not(make_executor, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    executor = make_executor()
    begin(executor).to_end()
    parent = executor.parent.pid
    (tmp_path / "db.sqlite3-wal").touch()

    assert begin(executor).to_end().ok
    assert executor.parent.pid == parent


def test_running_runs_survive_a_new_parent(make_executor, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    executor = make_executor("sleep")
    old = begin(executor)
    pids = old.until_ready()
    (tmp_path / "new_plugin-1.0.dist-info").mkdir()
    new = begin(executor)
    new.until_ready()

    assert alive(pids) == pids
    assert old.handle.wait(0) is None
    for run in (old, new):
        run.handle.stop(force=True)
        assert run.to_end().reason == "killed"


def test_forked_runs_do_not_draw_the_same_random_numbers(make_executor):
    executor = make_executor("draw_a_number", preload=["numpy.random"])
    drawn = set()
    for _ in range(3):
        run = begin(executor)
        assert run.to_end().ok
        drawn.update(run.sink.texts[0].split())

    assert len(drawn) == 6


@pytest.mark.parametrize("start", ["fork", "exec"])
def test_secrets_of_the_worker_are_in_no_environment_of_the_run(monkeypatch, start):
    monkeypatch.setenv("SITE_PASSWORD", "for-settings-only")
    monkeypatch.setenv("PASSED_ON", "yes")
    executor = ChildProcessExecutor(
        start=start,
        entry=f"{WORKLOADS}:tell_environment",
        pass_env=["PASSED_*"],
        env={"EXTRA": "1"},
        nice=3,
        threads=2,
    )
    run = begin(executor)
    assert run.to_end().ok
    executor.close()

    texts = run.sink.texts
    assert {"PASSED_ON=yes", "EXTRA=1", "OMP_NUM_THREADS=2", f"nice {os.nice(0) + 3}"} <= set(texts)
    assert not [text for text in texts if "for-settings-only" in text]


@pytest.mark.parametrize("start", ["fork", "exec"])
def test_settings_may_read_secrets_from_the_environment(start, module, monkeypatch):
    module(
        "settings_with_secret",
        """
        import os
        from tests.settings import *
        SECRET_KEY = os.environ["SITE_SECRET"]
        """,
    )
    module(
        "needs_settings",
        """
        def work(pk, attempt, reporter):
            import os
            from django.conf import settings
            assert settings.SECRET_KEY == "from the environment"
            assert "SITE_SECRET" not in os.environ
            assert b"SITE_SECRET" not in open("/proc/self/environ", "rb").read()
        """,
    )
    monkeypatch.setenv("SITE_SECRET", "from the environment")
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "settings_with_secret")
    executor = ChildProcessExecutor(start=start, entry="needs_settings:work")

    outcome = begin(executor).to_end()

    assert outcome.ok, outcome
    executor.close()


def test_settings_that_cannot_be_loaded_are_said(monkeypatch):
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "no_such_settings")
    executor = ChildProcessExecutor(start="exec")

    outcome = begin(executor).to_end()

    assert outcome.error_kind == "executor failed"
    assert "no_such_settings" in outcome.error
    assert "ModuleNotFoundError" in outcome.traceback


def test_nothing_secret_is_on_a_command_line(make_executor):
    run = begin(make_executor("sleep"))
    pids = run.until_ready()
    guard = int(run.handle.id.rsplit(":", 3)[1])
    shown = b"".join(Path(f"/proc/{pid}/cmdline").read_bytes() for pid in (guard, *pids))

    assert sys.executable.encode() in shown
    assert b"pk" not in shown
    run.handle.stop(force=True)
    run.to_end()


@pytest.mark.parametrize("start", ["fork", "exec"])
@pytest.mark.parametrize("workload", ["start_a_family", "fork_a_daemon_without_exec"])
def test_nothing_survives_a_killed_guard(start, workload):
    executor = ChildProcessExecutor(start=start, entry=f"{WORKLOADS}:{workload}")
    run = begin(executor)
    pids = run.until_ready()
    os.kill(int(run.handle.id.rsplit(":", 3)[1]), signal.SIGKILL)

    outcome = run.to_end(limit=10)

    assert (outcome.ok, outcome.exit_code, outcome.reason) == (False, None, "guard lost")
    assert_all_end(pids, limit=5)
    executor.close()


def test_a_guard_that_hangs_is_killed_when_it_should_stop(make_executor, monkeypatch):
    from tom_pipeline_core.executors.child_process import handle

    monkeypatch.setattr(handle, "UNANSWERED", 0.5)
    run = begin(make_executor("start_a_family"), grace=0.5)
    pids = run.until_ready()
    guard = int(run.handle.id.rsplit(":", 3)[1])
    os.kill(guard, signal.SIGSTOP)
    run.handle.stop()

    outcome = run.to_end(limit=10)

    assert outcome.exit_code is None
    assert_all_end([guard, *pids], limit=5)
