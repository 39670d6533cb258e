"""
What isolation costs: starts, throughput, words and ends of runs in guarded child processes.

    python benchmarks/bench_child_process.py [--quick]

* from the claim of a process to the first line of ``do_pipeline``: forked child, fresh interpreter,
  the worker's own thread, and for comparison a bare interpreter that loads Django;
* no-op processes per second with two threads, against bare Huey tasks on the same storage;
* a million lines and a line of 100 MB: time, and memory of both sides;
* lines per second from a child into the database, against a row at a time;
* from the order to stop to nothing left, and from the death of a worker to nothing left.

Ratios within one run say more than times.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of everything")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-child-process-") as folder:
        os.environ["TOM_PIPELINES_TEST_ROOT"] = folder
        os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.runs_settings"
        os.environ["PYTHONPATH"] = str(ROOT)
        sys.path.insert(0, str(ROOT))
        import django

        django.setup()
        from django.core.management import call_command
        from django.db import connection

        call_command("migrate", verbosity=0)
        load = os.getloadavg()[0]
        print(
            f"Python {platform.python_version()}, {platform.machine()}, {connection.vendor}, "
            f"{os.cpu_count()} processors, load {load:.1f}"
        )
        share = 10 if options.quick else 1
        starts(20 // min(share, 4))
        throughput(200 // share)
        words(1_000_000 // share)
        into_the_database(20_000 // share)
        ends(10 // min(share, 3))


def _run(executor: Any, workload: str, pk: int, sink: Any) -> Any:
    from tom_pipeline_core.executors.base import RunSpec

    executor.options = type(executor.options).read(start=executor.options.start, entry=workload)
    handle = executor.start(RunSpec(pk=pk, attempt=1), sink)
    while (outcome := handle.wait(0.25)) is None:
        pass
    assert outcome.ok, outcome
    return outcome


def starts(count: int) -> None:
    from benchmarks.runs import Noop
    from tom_pipeline_core import conf, registry  # noqa: F401 - loaded, as in a worker
    from tom_pipeline_core.executors.child_process import ChildProcessExecutor
    from tom_pipeline_core.executors.immediate import ImmediateExecutor
    from tom_pipeline_core.models import PipelineProcess
    from tom_pipeline_core.supervisor import Supervisor

    class One:
        def __init__(self, executor: Any) -> None:
            self.executor = executor

        def get(self, alias: str) -> Any:
            return self.executor

        def time_limit(self, alias: str) -> None:
            return None

    medians = {}
    forked = ChildProcessExecutor(start="fork")
    forked.prepare()
    ways: dict[str, tuple[Any, int]] = {
        "worker's thread": (ImmediateExecutor(), count),
        "forked child": (forked, count),
        "fresh interpreter": (ChildProcessExecutor(start="exec"), max(3, count // 4)),
    }
    for name, (executor, times) in ways.items():
        supervisor = Supervisor(One(executor))  # type: ignore[arg-type]
        seconds = []
        for _ in range(times):
            process = Noop.objects.create(pipeline_name="Noop")
            began = time.time()
            supervisor.run(process.pk)
            row = PipelineProcess.objects.get(pk=process.pk)
            assert row.state == "succeeded", row.failure_message
            text = row.log_lines.get(stream="log").text
            seconds.append(float(text.split()[1]) - began)
        medians[name] = statistics.median(seconds)
    forked.close()
    bare = []
    for _ in range(max(3, count // 4)):
        began = time.monotonic()
        subprocess.run([sys.executable, "-c", "import django; django.setup()"], check=True)
        bare.append(time.monotonic() - began)
    medians["bare interpreter with Django"] = statistics.median(bare)
    print("\nFrom the claim to the first line of do_pipeline (median)")
    for name, median in medians.items():
        print(f"  {name:30} {median * 1000:8.1f} ms")
    extra = (medians["forked child"] - medians["worker's thread"]) * 1000
    print(f"  forked child - thread: {extra:.0f} ms (goal: at most 100)")
    for name in ("fresh interpreter", "bare interpreter with Django"):
        print(f"  {name} / forked child: {medians[name] / medians['forked child']:.1f}")


def throughput(count: int) -> None:
    from huey.api import SqliteHuey

    from benchmarks.runs import Noop
    from tom_pipeline_core.executors.pool import ExecutorPool
    from tom_pipeline_core.supervisor import Supervisor

    for _ in range(count):
        Noop.objects.create(pipeline_name="Noop")
    pool = ExecutorPool()
    pool.get("default").prepare()
    supervisor = Supervisor(pool)

    def work() -> None:
        from django.db import connection

        while supervisor.run_next("default") is not None:
            pass
        connection.close()

    ours = _timed_threads(work)
    supervisor.close()
    huey = SqliteHuey(filename=f"{os.environ['TOM_PIPELINES_TEST_ROOT']}/raw.db", results=False)

    @huey.task()  # type: ignore[untyped-decorator]
    def nothing() -> None:
        return None

    for _ in range(count):
        nothing()

    def consume() -> None:
        while (task := huey.dequeue()) is not None:
            huey.execute(task)

    raw = _timed_threads(consume)
    print(f"\nNo-op processes with two threads: {count / ours:.1f} a second")
    print(f"  bare Huey tasks on the same kind of storage: {count / raw:.0f} a second")
    print(f"  one process costs as much as {ours / raw:.0f} bare tasks")


def _timed_threads(work: Any) -> float:
    threads = [threading.Thread(target=work) for _ in range(2)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.monotonic() - began


class Counter:
    def __init__(self) -> None:
        self.count = 0

    def line(self, *args: Any) -> None:
        self.count += 1

    def status(self, text: str) -> None: ...
    def progress(self, done: float, total: float | None) -> None: ...


def words(count: int) -> None:
    from tom_pipeline_core.executors.child_process import ChildProcessExecutor

    executor = ChildProcessExecutor()
    executor.prepare()
    megabytes = max(10, count // 10_000)
    print("\nWords (the reader keeps none of them)")
    for name, workload, size, unit in (
        ("printed", "talk", count, "lines"),
        ("logged", "talk_by_logging", count // 5, "lines"),
        ("one line", "one_long_line", megabytes, "MiB"),
    ):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        sink = Counter()
        began = time.monotonic()
        outcome = _run(executor, f"benchmarks.runs:{workload}", size, sink)
        seconds = time.monotonic() - began
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        print(
            f"  {name:8} {size:8} {unit}: {seconds:5.1f} s, {size / seconds:9.0f} {unit} a second, "
            f"worker grew by {grown:.0f} MiB, child at most {outcome.usage['peak_memory'] >> 20} MiB"
        )
    executor.close()


def into_the_database(count: int) -> None:
    from django.utils import timezone

    from tom_pipeline_core.executors.child_process import ChildProcessExecutor
    from tom_pipeline_core.models import LogLine, PipelineProcess
    from tom_pipeline_core.supervisor.sink import RowSink

    process = PipelineProcess.objects.create()
    executor = ChildProcessExecutor()
    executor.prepare()
    sink = RowSink(process, max_lines=count * 2)
    began = time.monotonic()
    _run(executor, "benchmarks.runs:talk", count, sink)
    assert sink.flush()
    batched = count / (time.monotonic() - began)
    executor.close()
    single = max(200, count // 20)
    began = time.monotonic()
    for number in range(single):
        LogLine.objects.create(process=process, time=timezone.now(), text=f"Frame {number:07d}")
    alone = single / (time.monotonic() - began)
    print(f"\nLines into the database: {batched:.0f} a second from a child, {alone:.0f} row by row")
    print(f"  ratio {batched / alone:.1f}")


VICTIM = """
import sys
import django
django.setup()
from tom_pipeline_core.executors.base import RunSpec
from tom_pipeline_core.executors.child_process import ChildProcessExecutor
from tom_pipeline_core.testing.executor_contract import RecordingSink, Run
executor = ChildProcessExecutor(entry="tom_pipeline_core.testing.workloads:start_a_family")
sink = RecordingSink()
run = Run(executor.start(RunSpec(pk=1, attempt=1), sink), sink)
print(*run.until_ready(), flush=True)
run.to_end(600)
"""


def ends(count: int) -> None:
    from tom_pipeline_core.executors.base import RunSpec
    from tom_pipeline_core.executors.child_process import ChildProcessExecutor, process_tree
    from tom_pipeline_core.testing.executor_contract import RecordingSink, Run

    def until_gone(pids: set[int]) -> float:
        began = time.monotonic()
        while pids & set(process_tree.all_pids()):
            time.sleep(0.002)
        return time.monotonic() - began

    executor = ChildProcessExecutor(
        entry="tom_pipeline_core.testing.workloads:start_a_family", grace=1
    )
    executor.prepare()
    stopped, orphaned = [], []
    for _ in range(count):
        sink = RecordingSink()
        run = Run(executor.start(RunSpec(pk=1, attempt=1), sink), sink)
        pids = set(run.until_ready())
        run.handle.stop()
        stopped.append(until_gone(pids))
        run.to_end()
    executor.close()
    for _ in range(count):
        worker = subprocess.Popen(
            [sys.executable, "-c", VICTIM], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        assert worker.stdout is not None
        pids = set(map(int, worker.stdout.readline().split()))
        worker.send_signal(signal.SIGKILL)
        orphaned.append(until_gone(pids))
        worker.communicate()
    print("\nUntil nothing is left of a family of five, one of them a daemon (median, worst)")
    for name, seconds in (
        ("asked to stop, one ignores it (grace 1 s)", stopped),
        ("worker killed with SIGKILL", orphaned),
    ):
        print(f"  {name:42} {statistics.median(seconds):6.2f} s {max(seconds):6.2f} s")


if __name__ == "__main__":
    main()
