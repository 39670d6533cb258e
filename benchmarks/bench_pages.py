"""
How long do the pages take, and how many queries, as a TOM grows?

    python benchmarks/bench_pages.py [--processes 100000] [--lines 100000] [--rounds 7]

Processor time of Django's test client on a fresh SQLite file, which is the server's time on a machine
that does nothing else: the median of several rounds, beside the stock target page of the same TOM
in the same run, as a user without special rights and as a superuser. Prints a table; nothing is
asserted.
"""

from __future__ import annotations

import argparse
import logging
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PICKER = (10, 1_000, 10_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=100_000)
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-pages-") as folder:
        os.environ["TOM_PIPELINES_TEST_ROOT"] = folder
        os.environ["TOM_PIPELINES_TEST_DB"] = str(Path(folder) / "bench.sqlite3")
        os.environ["TOM_PIPELINES_TEST_MEDIA"] = str(Path(folder) / "media")
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
        sys.path.insert(0, str(ROOT))
        logging.disable(logging.WARNING)
        run(options.processes, options.lines, options.rounds)


def run(processes: int, lines: int, rounds: int) -> None:
    import django

    django.setup()
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.db import connection
    from django.test import Client

    call_command("migrate", verbosity=0)
    print(f"Python {platform.python_version()}, {platform.machine()}, {connection.vendor}")
    clients = {}
    for name, make in (("user", User.objects.create_user), ("superuser", _superuser)):
        clients[name] = Client()
        clients[name].force_login(make(name))
    targets = {count: _target_with(count) for count in PICKER}
    long_log = _fill(targets[10], processes, lines, User.objects.get(username="user"))

    show = _printer(clients, rounds)
    stock = {count: f"/targets/{target.pk}/" for count, target in targets.items()}
    show("stock target page, 10 products", stock[10])
    show("stock target page, 1,000 products", stock[1_000])
    for count, target in targets.items():
        show(f"new process, {count:,} products", f"/pipelines/new/?target={target.pk}")
    show("tab of a target", f"/pipelines/target/{targets[10].pk}/tab/", HTTP_HX_REQUEST="true")
    print(f"with {processes:,} processes:")
    middle = long_log.pk - processes // 2
    show("list of all processes", "/pipelines/?whose=all")
    show("the list, from its middle", f"/pipelines/?whose=all&before={middle}")
    show("the list, of one state", "/pipelines/?whose=all&state=failed")
    show("the list, searched in vain", "/pipelines/?whose=all&q=nothing")
    show("installed pipelines", "/pipelines/plugins/")
    print(f"a running process with {lines:,} lines of log:")
    page = long_log.get_absolute_url()
    show("log tab, first paint", f"{page}?tab=log")
    show("log tab, searched", f"{page}?tab=log&q=00123")
    poll, end = _poll(clients["superuser"], page, long_log)
    show("poll without news", f"{poll}&after={end}")
    show("poll with 3 new lines", f"{poll}&after={end - 3}")
    show("poll with all that a poll takes", f"{poll}&after=0")


def _superuser(name: str) -> Any:
    from django.contrib.auth.models import User

    return User.objects.create_superuser(name)


def _target_with(count: int) -> Any:
    from django.core.files.base import ContentFile
    from tom_dataproducts.models import DataProduct
    from tom_targets.models import Target

    target = Target.objects.create(
        name=f"Target {count}", type="SIDEREAL", ra=150.1, dec=2.2, epoch=2000, permissions="PUBLIC"
    )
    first = DataProduct(target=target, data_product_type="fits_file")
    first.data.save("frame.fits", ContentFile(b"SIMPLE  =                    T"), save=False)
    DataProduct.objects.bulk_create(
        DataProduct(target=target, data_product_type="fits_file", data=first.data.name)
        for _ in range(count)
    )
    return target


def _fill(target: Any, processes: int, lines: int, user: Any) -> Any:
    from datetime import timedelta

    from django.utils import timezone

    from tom_pipeline_core.models import LogLine, PipelineProcess

    now = timezone.now()
    states = ("succeeded", "succeeded", "succeeded", "failed", "cancelled")
    PipelineProcess.objects.bulk_create(
        (
            PipelineProcess(
                target_id=target.pk,
                user=user if number % 2 else None,
                pipeline_name=f"Pipeline {number % 7}",
                pipeline_id=f"bench:pipeline{number % 7}",
                identifier=f"bench_{number:06d}",
                state=states[number % 5],
                started_at=now - timedelta(seconds=number % 600 + 1),
                terminal_timestamp=now,
            )
            for number in range(processes)
        ),
        batch_size=2_000,
    )
    running = PipelineProcess.objects.create(
        target_id=target.pk, user=user, pipeline_name="Pipeline 1", state="running", started_at=now
    )
    LogLine.objects.bulk_create(
        (
            LogLine(process=running, time=now, text=f"Frame {number:05d}: flux 12345.6 ± 23.4")
            for number in range(lines)
        ),
        batch_size=5_000,
    )
    return running


def _poll(client: Any, page: str, process: Any) -> tuple[str, int]:
    """Return the address that the page asks, and the newest line."""
    import html
    import re

    from tom_pipeline_core.models import LogLine

    content = client.get(page).content.decode()
    found = re.search(r'id="tpc-poller"[^>]*hx-get="([^"]+)"', content)
    assert found is not None
    return html.unescape(found[1]), LogLine.objects.latest("pk").pk


def _printer(clients: dict[str, Any], rounds: int) -> Callable[..., None]:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    print(f"{'median of ' + str(rounds):34} {'user':>16} {'superuser':>16} {'HTML':>10}")

    def show(label: str, address: str, **extra: Any) -> None:
        cells, size = [], 0
        for client in clients.values():
            with CaptureQueriesContext(connection) as queries:
                response = client.get(address, **extra)
                asked = len(queries)  # the next request forgets them
            assert response.status_code == 200, (address, response.status_code)
            times = []
            for _ in range(rounds):
                began = time.process_time()
                size = len(client.get(address, **extra).content)
                times.append(time.process_time() - began)
            cells.append(f"{statistics.median(times) * 1000:7.0f} ms {asked:3} q")
        print(f"  {label:32} {cells[0]:>16} {cells[1]:>16} {size / 1000:7.0f} kB", flush=True)

    return show


if __name__ == "__main__":
    main()
