"""
One campaign of the soak: many processes, random faults, and a verdict from the runs' own journal.

Started by :mod:`tests.faults.soak` in a process of its own, because Django's settings differ.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.faults.journal import executions, overlaps
from tests.faults.proxy import SilencingProxy
from tests.services import Service, postgres_server, redis_server

if TYPE_CHECKING:
    from tom_pipeline_core.models import PipelineProcess

MATURE = 20.0  # seconds; a worker's start on a busy machine, and some work
OVER = {"succeeded", "failed", "cancelled"}


@dataclass
class Result:
    """What a campaign saw; the first four must be zero."""

    lost: int = 0
    doubled: int = 0
    partial: int = 0
    stuck: int = 0
    processes: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    states: dict[str, int] = field(default_factory=dict)
    executions: int = 0
    recovery: list[float] = field(default_factory=list)
    details: list[str] = field(default_factory=list)


class Campaign:
    """Workers, faults and processes on one kind of storage."""

    def __init__(self, options: argparse.Namespace, services: dict[str, Service]) -> None:
        self.options = options
        self.services = services
        self.folder = Path(os.environ["SOAK_FOLDER"])
        self.journal = self.folder / "journal"
        self.random = random.Random(options.seed)
        self.workers: list[subprocess.Popen[bytes]] = []
        self.born: dict[int, float] = {}
        self.faults: Counter[str] = Counter()
        self.frozen: list[subprocess.Popen[bytes]] = []
        self.accepted: list[int] = []
        self.quiet = threading.Event()
        self.proxy: SilencingProxy | None = None

    # -- workers --------------------------------------------------------------------------------

    def start_worker(self, number: int) -> subprocess.Popen[bytes]:
        environment = dict(os.environ)
        if self.options.mutant:
            environment["SOAK_MUTANT"] = self.options.mutant
        if self.options.mutant == "clock" and number == 0:
            environment["SOAK_CLOCK"] = "3600"
        if self.proxy is not None:
            environment["SOAK_POSTGRES"] = str(self.proxy.port)
        with (self.folder / "workers.log").open("ab") as log:
            worker = subprocess.Popen(
                [sys.executable, "-m", "django", "run_pipelines", "-w", "2"],
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.born[worker.pid] = time.monotonic()
        return worker

    def keep_workers(self) -> None:
        """Start again what has ended, as a service manager does."""
        for number, worker in enumerate(self.workers):
            if worker.poll() is not None:
                self.workers[number] = self.start_worker(number)

    # -- faults ---------------------------------------------------------------------------------

    def _tree(self) -> dict[str, list[int]]:
        """Return pids by kind, as the operating system shows them."""
        from tom_pipeline_core.executors.child_process import process_tree

        found: dict[str, list[int]] = {"parent": [], "guard": [], "run": []}
        for worker in self.workers:
            for pid in process_tree.descendants(worker.pid):
                try:
                    stat = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
                except OSError:
                    continue
                parent, group, session = int(stat[1]), int(stat[2]), int(stat[3])
                if parent == worker.pid:
                    found["parent"].append(pid)
                elif session == pid:
                    found["guard"].append(pid)
                elif group == pid:
                    found["run"].append(pid)
        return found

    def strike(self, kind: str) -> None:
        """Do one fault, if there is something to do it to."""
        if kind in ("run", "guard", "parent"):
            victims = self._tree()[kind]
            if not victims:
                return
            os.kill(self.random.choice(victims), signal.SIGKILL)
        elif kind == "worker":
            # One that has had time to start: killing it before proves little and takes long.
            now = time.monotonic()
            old = [one for one in self.workers if now - self.born[one.pid] > MATURE]
            self.random.choice(old).kill()
        elif kind == "freeze":
            worker = self.random.choice([one for one in self.workers if one not in self.frozen])
            worker.send_signal(signal.SIGSTOP)
            self.frozen.append(worker)
            threading.Timer(self.options.lease * 2, self._thaw, [worker]).start()
        elif kind == "silence":
            assert self.proxy is not None
            self.proxy.silence()
            threading.Timer(1.0, self.proxy.speak).start()
        elif kind in self.services:
            self.services[kind].stop(signal.SIGKILL if kind == "redis" else signal.SIGQUIT)
            time.sleep(self.random.uniform(0, 1.5))
            self.services[kind].start()
        elif kind == "message":
            self._repeat_a_message()
        else:
            raise ValueError(kind)
        self.faults[kind] += 1

    def _thaw(self, worker: subprocess.Popen[bytes]) -> None:
        worker.send_signal(signal.SIGCONT)
        self.frozen.remove(worker)

    def _repeat_a_message(self) -> None:
        from tom_pipeline_core.queues import get_queue

        if self.accepted:
            for _ in range(3):
                get_queue("default").push(self.random.choice(self.accepted))

    def harass(self) -> None:
        """Strike at random until told to be quiet."""
        kinds = self.options.faults
        while not self.quiet.wait(self.random.uniform(0.2, 1.0) * self.options.pause):
            try:
                self.strike(self.random.choice(kinds))
            except (ProcessLookupError, IndexError):
                continue  # it ended while we aimed
            self.keep_workers()

    # -- processes ------------------------------------------------------------------------------

    def run(self) -> Result:
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        if "silence" in self.options.faults:
            self.proxy = SilencingProxy(int(os.environ["SOAK_POSTGRES"]))
        from tom_targets.models import Target

        target = Target.objects.create(name="Soak", type="SIDEREAL", ra=1, dec=2)
        self.workers = [self.start_worker(number) for number in range(self.options.workers)]
        harasser = threading.Thread(target=self.harass)
        harasser.start()
        try:
            self._submit_all(target)
            self._until_over(self.options.limit)
        finally:
            self.quiet.set()
            harasser.join()
        if self._unfinished():
            self.keep_workers()
            self._until_over(self.options.lease * 4 + 30)
        self._stop_workers()
        return self.judge()

    def _submit_all(self, target: Any) -> None:
        from tom_pipeline_core import submission
        from tom_pipeline_core.models import PipelineProcess

        lease = self.options.lease
        for _ in range(self.options.processes):
            # Most are short; some outlive a lease, or nobody would miss the run's own fence.
            seconds = self.random.choice([0, 0, 0.1, 0.3, 0.6, 1.0])
            if self.random.random() < self.options.long:
                seconds = lease * self.random.uniform(0.5, 2.5)
            process = self._insist(
                lambda seconds=seconds: submission.submit(
                    "Journalled",
                    target=target,
                    products=[],
                    parameters={"journal": str(self.journal), "seconds": seconds},
                )
            )
            self.accepted.append(process.pk)
            if self.random.random() < self.options.cancel:
                earlier = self.random.choice(self.accepted[-10:])
                self._insist(
                    lambda pk=earlier: submission.cancel(PipelineProcess.objects.get(pk=pk))
                )
            time.sleep(self.options.spacing)

    def _insist(self, action: Any) -> Any:
        """Try again while the database is away, as a person presses the button again."""
        from django.db import Error, connection

        while True:
            try:
                return action()
            except Error:
                connection.close()
                time.sleep(0.2)

    def _unfinished(self) -> list[int]:
        from tom_pipeline_core.models import PipelineProcess

        rows: list[int] = self._insist(
            lambda: list(
                PipelineProcess.objects.exclude(state__in=OVER).values_list("pk", flat=True)
            )
        )
        return rows

    def _until_over(self, limit: float) -> None:
        deadline = time.monotonic() + limit
        while self._unfinished() and time.monotonic() < deadline:
            time.sleep(0.5)

    def _stop_workers(self) -> None:
        for worker in list(self.frozen):
            worker.send_signal(signal.SIGCONT)
        for worker in self.workers:
            worker.terminate()
        for worker in self.workers:
            try:
                worker.wait(20)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()

    # -- verdict --------------------------------------------------------------------------------

    def judge(self) -> Result:
        from tom_pipeline_core.executors.child_process import process_tree
        from tom_pipeline_core.models import PipelineProcess

        runs = executions(self.journal)
        result = Result(
            processes=len(self.accepted), faults=dict(self.faults), executions=len(runs)
        )
        ended = {(run.pk, run.attempt) for run in runs if run.ended}
        rows = {process.pk: process for process in PipelineProcess.objects.all()}
        for pk in self.accepted:
            process = rows.get(pk)
            if process is None or (
                process.state == "succeeded" and (pk, process.attempt) not in ended
            ):
                result.lost += 1
                result.details.append(f"lost {pk}")
                continue
            if process.state not in OVER:
                result.stuck += 1
                result.details.append(f"stuck {pk}: {process.state}, attempt {process.attempt}")
                continue
            self._judge_ending(process, result)
        for first, other in overlaps(runs):
            result.doubled += 1
            result.details.append(f"doubled {first} and {other}")
        if not set(self.faults) - {"message"}:
            # Nothing was killed, so nothing had to be repeated.
            repeated = len(runs) - len({run.pk for run in runs})
            result.doubled += repeated
            result.details += [f"{repeated} runs were repeated for no reason"] * bool(repeated)
        time.sleep(1)
        left = {run.pid for run in runs} & set(process_tree.all_pids())
        result.stuck += len(left)
        result.details += [f"stuck: process {pid} of the system runs on" for pid in left]
        result.states = dict(Counter(process.state for process in rows.values()))
        result.recovery = _gaps(runs)
        return result

    def _judge_ending(self, process: PipelineProcess, result: Result) -> None:
        from tests.faults.pipelines import OUTPUTS

        ends = process.events.filter(kind="state", value__in=OVER).count()
        if ends != 1:
            result.doubled += 1
            result.details.append(f"doubled {process.pk}: {ends} terminal events")
        products = process.group.dataproduct_set.all() if process.group else ()
        texts = []
        for product in products:
            path = Path(product.data.path)
            texts.append(path.read_text() if path.exists() else f"{path} is gone")
        expected = [f"{process.pk} {process.attempt} {number}" for number in range(OUTPUTS)]
        if sorted(texts) != (expected if process.state == "succeeded" else []):
            result.partial += 1
            result.details.append(f"partial {process.pk}: {process.state} with {sorted(texts)}")


def _gaps(runs: list[Any]) -> list[float]:
    """Return how long each process that was cut off waited for its next run."""
    by_process: dict[int, list[Any]] = {}
    for run in runs:
        by_process.setdefault(run.pk, []).append(run)
    return [
        later.began - earlier.last
        for those in by_process.values()
        for earlier, later in itertools.pairwise(those)
        if not earlier.ended
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--storage", choices=["sqlite", "redis", "postgres"], required=True)
    parser.add_argument("--processes", type=int, default=170)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--lease", type=float, default=10.0)
    parser.add_argument("--limit", type=float, default=600.0, help="seconds")
    parser.add_argument("--pause", type=float, default=2.0, help="seconds between faults")
    parser.add_argument("--spacing", type=float, default=0.05, help="seconds between processes")
    parser.add_argument("--cancel", type=float, default=0.05)
    parser.add_argument("--long", type=float, default=0.05)
    parser.add_argument("--faults", nargs="+", required=True)
    parser.add_argument("--mutant", default="")
    options = parser.parse_args()
    os.environ.update(
        SOAK_STORAGE=options.storage,
        SOAK_LEASE=str(options.lease),
        TOM_PIPELINES_TEST_ROOT=os.environ["SOAK_FOLDER"],
        DJANGO_SETTINGS_MODULE="tests.faults.soak_settings",
    )
    with ExitStack() as stack:
        services: dict[str, Service] = {}
        if options.storage != "sqlite":
            services["postgres"] = stack.enter_context(postgres_server())
            os.environ["SOAK_POSTGRES"] = str(services["postgres"].port)
        if options.storage == "redis":
            services["redis"] = stack.enter_context(redis_server())
            os.environ["SOAK_REDIS"] = str(services["redis"].port)
        import django

        django.setup()
        result = Campaign(options, services).run()
        from django.db import connections

        connections.close_all()
    print(json.dumps(asdict(result)))  # noqa: T201


def summary(gaps: list[float]) -> str:
    """Return median, 99th percentile and worst of a list of seconds."""
    if not gaps:
        return "no run was repeated"
    ordered = sorted(gaps)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return (
        f"recovery of {len(gaps)} runs: median {statistics.median(ordered):.1f} s, "
        f"p99 {p99:.1f} s, worst {ordered[-1]:.1f} s"
    )


if __name__ == "__main__":
    main()
