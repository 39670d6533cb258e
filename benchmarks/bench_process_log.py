"""
Does a line of log cost the same at the end of a long log as at its start?

    python benchmarks/bench_process_log.py [--lines 20000]

Writes lines as a supervisor does, in batches, into a fresh SQLite file, and prints the time per
line of the last tenth over that of the first tenth, lines per second, and both for the way that
rewrites the whole log at each line. Ratios within one run say more than times.
"""

from __future__ import annotations

import argparse
import logging
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINE = "Frame %05d: flux 12345.6 ± 23.4, fwhm 3.21 px, sky 101.2"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=20_000)
    parser.add_argument("--rewritten", type=int, default=2_000, help="lines of the naive way")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-process-log-") as folder:
        os.environ["TOM_PIPELINES_TEST_DB"] = str(Path(folder) / "bench.sqlite3")
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
        sys.path.insert(0, str(ROOT))
        run(options.lines, options.rewritten)


def run(lines: int, rewritten: int) -> None:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection, models
    from django.db.models.functions import Concat

    from tom_pipeline_core.models import LogLine, PipelineProcess
    from tom_pipeline_core.process_log import LogWriter, lines_after

    call_command("migrate", verbosity=0)
    process = PipelineProcess.objects.create()
    print(f"Python {platform.python_version()}, {platform.machine()}, {connection.vendor}")

    tenth = lines // 10
    warm_up = LogWriter(process.pk, 0, max_lines=lines)
    for number in range(1000):
        warm_up.line(time.time(), "log", logging.INFO, LINE % number)
    warm_up.close()
    LogLine.objects.all().delete()

    writer = LogWriter(process.pk, 1, max_lines=lines)
    began = time.perf_counter()
    marks = [time.process_time()]
    for part in range(10):
        for number in range(tenth):
            writer.line(time.time(), "log", logging.INFO, LINE % (part * tenth + number))
        writer.flush()
        marks.append(time.process_time())
    first, last = marks[1] - marks[0], marks[10] - marks[9]
    total = time.perf_counter() - began
    assert LogLine.objects.count() == tenth * 10
    print(f"{tenth * 10} lines: {tenth * 10 / total:,.0f} lines/s")
    print(f"processor time per line, last tenth over first tenth: {last / first:.2f}")

    started = time.perf_counter()
    newest = LogLine.objects.order_by("-pk").values_list("pk", flat=True)[20]
    fetched = len(list(lines_after(process, newest, 500)))
    end_poll = time.perf_counter() - started
    print(f"fetch of {fetched} new lines at the end of the log: {end_poll * 1000:.1f} ms")

    # The old way: one text column, rewritten by each line.
    text = models.F("failure_traceback")
    marks = [time.perf_counter()]
    for part in range(10):
        for number in range(rewritten // 10):
            line = LINE % (part * rewritten // 10 + number)
            PipelineProcess.objects.filter(pk=process.pk).update(
                failure_traceback=Concat(text, models.Value(line + "\n"))
            )
        marks.append(time.perf_counter())
    naive = rewritten / (marks[10] - marks[0])
    print(
        f"one column rewritten per line, {rewritten} lines: {naive:,.0f} lines/s, last over first "
        f"tenth {(marks[10] - marks[9]) / (marks[1] - marks[0]):.2f}; batched rows are "
        f"{tenth * 10 / total / naive:.0f} times quicker"
    )


if __name__ == "__main__":
    main()
