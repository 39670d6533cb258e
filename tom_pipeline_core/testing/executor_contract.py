"""
What every executor has to do, as tests that its author inherits.

::

    from tom_pipeline_core.testing.executor_contract import ExecutorContract

    class TestMyExecutor(ExecutorContract):
        def make_executor(self, entry: str) -> MyExecutor:
            return MyExecutor(entry=entry)

The executor under test must be able to run another function than the runner: ``entry`` is
``module:function``, called with a primary key, an attempt and a reporter. Django must be set up, as
pytest-django does; no database is used. Class attributes say what an executor cannot do; tests of
it are then skipped by name.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from tom_pipeline_core.executors.base import Executor, Handle, Outcome, RunSpec, Sink, Unavailable
from tom_pipeline_core.executors.child_process import process_tree
from tom_pipeline_core.states import FailureKind

WORKLOADS = "tom_pipeline_core.testing.workloads"


class RecordingSink(Sink):
    """Remembers everything."""

    def __init__(self) -> None:
        self.lines: list[tuple[float, str, int, str]] = []
        self.statuses: list[str] = []
        self.progresses: list[tuple[float, float | None]] = []

    def line(self, time: float, stream: str, level: int, text: str) -> None:
        self.lines.append((time, stream, level, text))

    def status(self, text: str) -> None:
        self.statuses.append(text)

    def progress(self, done: float, total: float | None) -> None:
        self.progresses.append((done, total))

    @property
    def texts(self) -> list[str]:
        """The texts of all lines."""
        return [line[3] for line in self.lines]

    def line_with(self, part: str) -> tuple[float, str, int, str]:
        """The one line that contains a text."""
        found = [line for line in self.lines if part in line[3]]
        assert len(found) == 1, f"{part!r} is in {len(found)} lines of {self.texts}"
        return found[0]

    def pids(self) -> list[int]:
        """What the workload reported when it was ready: its pid, then those of its children."""
        return [int(word) for word in self.line_with("ready ")[3].split()[1:]]


class Run:
    """A started run and what it said so far."""

    def __init__(self, handle: Handle, sink: RecordingSink) -> None:
        self.handle = handle
        self.sink = sink

    def until(self, condition: Callable[[], bool], limit: float = 30.0) -> Outcome | None:
        """Wait for a condition, and fail if it does not come."""
        deadline = time.monotonic() + limit
        while not condition():
            outcome = self.handle.wait(0.05)
            self.handle.renew()  # starting may take longer than a short lease on a busy machine
            if outcome is not None:
                assert condition(), f"it ended first: {outcome}, {self.sink.texts}"
                return outcome
            assert time.monotonic() < deadline, f"waited {limit} s: {self.sink.texts}"
        return None

    def until_ready(self) -> list[int]:
        """Wait until the workload is at its work; return its processes."""
        self.until(lambda: any(text.startswith("ready ") for text in self.sink.texts))
        return self.sink.pids()

    def to_end(self, limit: float = 30.0) -> Outcome:
        """Wait for the outcome."""
        deadline = time.monotonic() + limit
        while time.monotonic() < deadline:
            outcome = self.handle.wait(0.25)
            if outcome is not None:
                return outcome
        pytest.fail(f"no outcome after {limit} s: {self.sink.texts[-20:]}")


Begin = Callable[..., Run]
"""Starts a workload by its name, with the fields of ``RunSpec`` as keywords."""


def alive(pids: list[int]) -> list[int]:
    """Return those that run, of processes on this machine."""
    running = set(process_tree.all_pids())
    return [pid for pid in pids if pid in running]


def assert_all_end(pids: list[int], limit: float = 10.0) -> None:
    """Wait until none of these processes is left."""
    deadline = time.monotonic() + limit
    while left := alive(pids):
        assert time.monotonic() < deadline, f"still running: {left}"
        time.sleep(0.01)


class ExecutorContract:
    """Inherit it, and say how your executor is made."""

    isolates: ClassVar[bool] = True
    """A run cannot take its worker down."""

    stoppable: ClassVar[bool] = True
    """``stop`` ends a run: False for executors that block."""

    leases: ClassVar[bool] = True
    """A run whose lease is not renewed ends by itself."""

    limits_memory: ClassVar[bool] = True
    captures_descriptors: ClassVar[bool] = True
    """What programs and compiled code write reaches the sink."""

    reaps: ClassVar[bool] = True
    """``reap`` ends runs of dead workers on this machine."""

    def make_executor(self, entry: str) -> Executor:
        """Return an executor whose runs call ``entry``."""
        raise NotImplementedError("make_executor: say how your executor is made")

    def break_executor(self, executor: Executor, monkeypatch: pytest.MonkeyPatch) -> None:
        """Make it impossible to start anything; skipped unless overridden."""
        pytest.skip("break_executor is not overridden")

    # -- helpers --------------------------------------------------------------------------------

    @pytest.fixture
    def begin(self) -> Iterator[Begin]:
        """Start a workload by name; what still runs at the end of the test is stopped."""
        executors: list[Executor] = []
        runs: list[Run] = []

        def start(workload: str, *, pk: int = 1, attempt: int = 1, **limits: float) -> Run:
            executor = self.make_executor(f"{WORKLOADS}:{workload}")
            executors.append(executor)
            executor.prepare()
            sink = RecordingSink()
            spec = RunSpec(pk=pk, attempt=attempt, **limits)  # type: ignore[arg-type]
            run = Run(executor.start(spec, sink), sink)
            runs.append(run)
            return run

        yield start
        for run in runs:
            if run.handle.wait(0) is None:
                run.handle.stop(force=True)
                run.to_end()
        for executor in executors:
            executor.close()

    def need(self, capability: str) -> None:
        """Skip a test of something that this executor does not claim to do."""
        if not getattr(self, capability):
            pytest.skip(f"{type(self).__name__}.{capability} is False")

    # -- ends -----------------------------------------------------------------------------------

    def test_a_run_that_returns_is_ok_and_its_words_arrive_in_order(self, begin: Begin) -> None:
        run = begin("succeed", pk=7, attempt=3)

        assert run.to_end().ok
        assert run.sink.texts == ["process 7, attempt 3"]
        assert run.sink.statuses == ["Measuring"]
        assert run.sink.progresses == [(1, 2), (2, None)]

    def test_a_failure_of_the_runner_arrives_with_kind_message_and_traceback(
        self, begin: Begin
    ) -> None:
        outcome = begin("refuse").to_end()

        assert not outcome.ok
        assert outcome.error_kind == FailureKind.PIPELINE
        assert outcome.error == "No star in frame.fits"
        assert outcome.traceback == "Traceback: the whole story"

    def test_a_fenced_run_is_not_ok_and_no_failure_of_the_pipeline(self, begin: Begin) -> None:
        outcome = begin("be_fenced").to_end()

        assert not outcome.ok
        assert outcome.error_kind == ""

    def test_the_outcome_stays_the_same(self, begin: Begin) -> None:
        run = begin("refuse")
        outcome = run.to_end()

        run.handle.stop()
        run.handle.stop(force=True)
        run.handle.renew()

        assert run.handle.wait(0) == outcome

    def test_any_exception_ends_the_run_only(self, begin: Begin) -> None:
        self.need("isolates")
        outcome = begin("crash").to_end()

        assert not outcome.ok
        assert outcome.error_kind == FailureKind.EXCEPTION
        assert "ZeroDivisionError" in outcome.error
        assert "the sky is flat" in outcome.traceback

    def test_sys_exit_is_no_success(self, begin: Begin) -> None:
        self.need("isolates")
        outcome = begin("exit_with_3").to_end()

        assert (outcome.ok, outcome.exit_code) == (False, 3)

    def test_a_program_that_ends_without_a_word_is_no_success(self, begin: Begin) -> None:
        self.need("isolates")
        outcome = begin("vanish").to_end()

        assert (outcome.ok, outcome.exit_code) == (False, 0)
        assert outcome.error

    def test_a_crash_names_the_signal_and_its_stack_is_in_the_log(self, begin: Begin) -> None:
        self.need("isolates")
        run = begin("segfault")
        outcome = run.to_end()

        assert (outcome.ok, outcome.exit_code) == (False, -11)
        assert outcome.reason == "signal SIGSEGV"
        assert run.sink.line_with("Segmentation fault")[2] >= logging.ERROR
        run.sink.line_with("about to crash")
        assert any("in segfault" in text for text in run.sink.texts)

    def test_what_a_run_leaves_behind_is_ended(self, begin: Begin) -> None:
        self.need("isolates")
        run = begin("leave_a_daemon")
        outcome = run.to_end()

        assert outcome.ok
        assert outcome.usage["leftovers"] == 1
        assert_all_end(run.sink.pids(), limit=2)

    # -- stop -----------------------------------------------------------------------------------

    def test_a_run_that_is_asked_to_stop_cleans_up(self, begin: Begin) -> None:
        self.need("stoppable")
        run = begin("clean_up_when_stopped")
        run.until_ready()
        run.handle.stop()
        outcome = run.to_end()

        assert (outcome.ok, outcome.reason) == (False, "terminated")
        assert "cleaned up" in run.sink.texts
        assert "swallowed" not in run.sink.texts

    @pytest.mark.parametrize("workload", ["ignore_sigterm", "hold_the_interpreter"])
    def test_a_run_that_does_not_listen_is_killed_after_the_grace(
        self, begin: Begin, workload: str
    ) -> None:
        self.need("stoppable")
        run = begin(workload, grace=0.5)
        pids = run.until_ready()
        run.handle.stop()
        outcome = run.to_end(limit=10)

        assert (outcome.ok, outcome.exit_code) == (False, -9)
        assert_all_end(pids)

    def test_force_does_not_wait_for_the_grace(self, begin: Begin) -> None:
        self.need("stoppable")
        run = begin("ignore_sigterm", grace=60)
        pids = run.until_ready()
        run.handle.stop(force=True)

        assert not run.to_end(limit=10).ok
        assert_all_end(pids)

    def test_stopping_again_with_force_hurries(self, begin: Begin) -> None:
        self.need("stoppable")
        run = begin("ignore_sigterm", grace=60)
        run.until_ready()
        run.handle.stop()
        run.handle.stop()
        assert run.handle.wait(0.2) is None
        run.handle.stop(force=True)

        assert not run.to_end(limit=10).ok

    @pytest.mark.parametrize("force", [False, True])
    def test_the_whole_family_ends_daemons_too(self, begin: Begin, force: bool) -> None:
        self.need("stoppable")
        run = begin("start_a_family", grace=0.5)
        pids = run.until_ready()
        assert alive(pids) == pids
        run.handle.stop(force=force)
        run.to_end(limit=10)

        assert_all_end(pids, limit=2)

    # -- wait, lease, limits --------------------------------------------------------------------

    def test_wait_without_time_returns_at_once(self, begin: Begin) -> None:
        self.need("stoppable")
        run = begin("sleep")
        run.until_ready()
        began = time.monotonic()

        assert run.handle.wait(0) is None
        assert time.monotonic() - began < 0.2

    def test_a_run_ends_when_its_lease_is_not_renewed(self, begin: Begin) -> None:
        self.need("leases")
        run = begin("sleep", lease=1.5)
        pids = run.until_ready()
        outcome = run.to_end(limit=10)

        assert not outcome.ok
        assert outcome.reason.startswith("lease")
        assert_all_end(pids)

    def test_a_renewed_lease_keeps_the_run_going(self, begin: Begin) -> None:
        self.need("leases")
        run = begin("sleep", lease=1.5)
        run.until_ready()
        end = time.monotonic() + 3
        while time.monotonic() < end:
            run.handle.renew()
            assert run.handle.wait(0.3) is None

    def test_programs_that_take_too_much_memory_are_ended(self, begin: Begin) -> None:
        self.need("limits_memory")
        run = begin("hog_memory", memory_limit=400 << 20)
        outcome = run.to_end()

        assert not outcome.ok
        assert outcome.reason.startswith("memory limit")
        assert_all_end(run.sink.pids())

    def test_what_a_run_used_is_told(self, begin: Begin) -> None:
        self.need("isolates")
        usage = begin("succeed").to_end().usage

        assert 1 << 20 < usage["peak_memory"] < 1 << 33
        assert 0 < usage["cpu_seconds"] < 60
        assert usage["leftovers"] == 0

    # -- words ----------------------------------------------------------------------------------

    @pytest.mark.filterwarnings("default:a warning of process")
    def test_prints_logging_and_warnings_arrive_with_stream_and_level(self, begin: Begin) -> None:
        before = time.time()
        run = begin("use_every_stream")
        assert run.to_end().ok

        assert run.sink.line_with("print")[1:3] == ("out", logging.INFO)
        assert run.sink.line_with("stderr of Python")[1] == "out"
        assert run.sink.line_with("logging of a library")[1:3] == ("log", logging.WARNING)
        assert run.sink.line_with("a warning of process 1")[1:3] == ("log", logging.WARNING)
        assert run.sink.line_with("with a traceback")[1:3] == ("log", logging.ERROR)
        run.sink.line_with("ValueError: caught and told")
        assert all(before - 1 < line[0] < time.time() + 1 for line in run.sink.lines)

    def test_programs_and_compiled_code_are_heard(self, begin: Begin) -> None:
        self.need("captures_descriptors")
        run = begin("use_streams_below_python")
        assert run.to_end().ok

        for text in ("descriptor 1", "descriptor 2", "a program", "its stderr", "no line end"):
            assert run.sink.line_with(text)[1] == "out"

    def test_text_is_safe_to_store(self, begin: Begin) -> None:
        self.need("captures_descriptors")
        run = begin("say_unprintable_things")
        assert run.to_end().ok

        assert len(run.sink.texts) == 5
        for text in run.sink.texts:
            assert "\x00" not in text
            text.encode()
        assert "red" in run.sink.texts
        assert "100%" in run.sink.texts

    def test_long_lines_are_cut_and_say_so(self, begin: Begin) -> None:
        self.need("captures_descriptors")
        run = begin("say_a_long_line")
        assert run.to_end().ok

        lengths = {text[0]: len(text) for text in run.sink.texts}
        assert lengths["x"] <= 8192
        assert lengths["y"] <= 8192
        assert lengths["é"] == 5000
        assert all("cut" in text for text in run.sink.texts if text[0] in "xy")
        assert "after" in run.sink.texts

    def test_a_line_of_100_megabytes_is_cut(self, begin: Begin) -> None:
        self.need("captures_descriptors")
        run = begin("write_100_megabytes_without_line_end")
        assert run.to_end(limit=60).ok

        assert [len(text) <= 8192 for text in run.sink.texts] == [True, True]
        assert run.sink.texts[1] == "after"

    def test_failures_of_a_megabyte_arrive_whole(self, begin: Begin) -> None:
        outcome = begin("fail_at_length").to_end()

        assert outcome.error == "é" * (1 << 20)
        assert len(outcome.traceback) == 3 * (1 << 18) + 4
        assert outcome.error_kind == FailureKind.PIPELINE

    def test_no_line_of_many_is_lost(self, begin: Begin) -> None:
        run = begin("say_much", pk=40)
        assert run.to_end(limit=60).ok

        logged = [text for text in run.sink.texts if text.startswith("logged")]
        printed = [text for text in run.sink.texts if text.startswith("printed")]
        assert logged == [f"logged {number}" for number in range(20_000)]
        assert printed == [f"printed {number}" for number in range(20_000)]

    def test_a_run_that_writes_nonsense_everywhere_harms_nobody(self, begin: Begin) -> None:
        self.need("isolates")
        run = begin("write_garbage_records")
        outcome = run.to_end()

        assert outcome.ok
        assert "after" in run.sink.texts

    # -- start and reap -------------------------------------------------------------------------

    def test_what_cannot_be_started_is_unavailable_and_leaves_nothing(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        executor = self.make_executor(f"{WORKLOADS}:sleep")
        descriptors = len(list(Path("/proc/self/fd").iterdir())) if process_tree.HAS_PROC else 0
        children = process_tree.descendants(os.getpid())
        self.break_executor(executor, monkeypatch)
        with pytest.raises(Unavailable):
            executor.start(RunSpec(pk=1, attempt=1), RecordingSink())
        executor.close()
        monkeypatch.undo()

        assert set(process_tree.descendants(os.getpid())) <= set(children)
        if process_tree.HAS_PROC:
            assert len(list(Path("/proc/self/fd").iterdir())) <= descriptors

    def test_a_live_run_is_reaped(self, begin: Begin) -> None:
        self.need("reaps")
        run = begin("start_a_family")
        pids = run.until_ready()

        assert self.make_executor(f"{WORKLOADS}:sleep").reap(run.handle.id)
        assert_all_end(pids, limit=2)
        assert not run.to_end().ok

    def test_a_run_that_is_over_is_reaped(self, begin: Begin) -> None:
        self.need("reaps")
        run = begin("succeed")
        run.to_end()

        assert self.make_executor(f"{WORKLOADS}:sleep").reap(run.handle.id)

    @pytest.mark.parametrize("handle_id", ["", "nonsense", "no-such-host:1:2:3", "a:b:c:d:e"])
    def test_an_unknown_handle_is_not_surely_over(self, handle_id: str) -> None:
        assert not self.make_executor(f"{WORKLOADS}:sleep").reap(handle_id)
