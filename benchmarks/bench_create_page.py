"""
What does the page of a new process cost on a target with very many files?

    python benchmarks/bench_create_page.py [--rows 10 1000 10000] [--repeat 15]

Asks for the page with the test client, on a fresh SQLite file, for targets with more and more data
products whose headers are known: the first view, a filter that matches half, "select all", and the
look at the chosen files. Prints median CPU times of the server (other work on the machine does not
count), queries, and beside them the stock page of the same target in the same run.
"""

from __future__ import annotations

import argparse
import functools
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[10, 1_000, 10_000])
    parser.add_argument("--repeat", type=int, default=15)
    parser.add_argument("--stock-repeat", type=int, default=3, help="the stock page takes seconds")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-create-page-") as folder:
        os.environ["TOM_PIPELINES_TEST_DB"] = str(Path(folder) / "bench.sqlite3")
        os.environ["TOM_PIPELINES_TEST_MEDIA"] = str(Path(folder) / "media")
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
        sys.path.insert(0, str(ROOT))
        run(options.rows, options.repeat, options.stock_repeat)


def run(sizes: list[int], repeat: int, stock_repeat: int) -> None:
    import django

    django.setup()
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.db import connection
    from django.test import Client

    call_command("migrate", verbosity=0)
    client = Client()
    client.force_login(User.objects.create_user("hypatia"))
    print(f"Python {platform.python_version()}, {platform.machine()}, {connection.vendor}")
    print(f"{'files':>6}  {'request':<34} {'median':>9} {'queries':>8} {'HTML':>9}")
    address = "/pipelines/new/"
    for number in sizes:
        target, first = make_target(number)
        every = f"{first}-{first + number - 1}"
        at = {"target": str(target)}
        some = {**at, "pipeline": "Aperture photometry", "do": "check"}
        some["selected"] = f"{first}-{first + min(number, 300) - 1}"
        requests: list[tuple[str, int, str, str, dict[str, str]]] = [
            ("first view", repeat, "get", address, at),
            (
                "filtered by band and name",
                repeat,
                "get",
                address,
                {**at, "band": "r", "q": "frame"},
            ),
            (
                "select all of a band",
                repeat,
                "post",
                address,
                {**at, "do": "select-all", "band": "r"},
            ),
            ("look at 300 chosen files", repeat, "post", address, some),
            (
                "view with all chosen",
                max(3, repeat // 5),
                "get",
                address,
                {**at, "selected": every},
            ),
            ("tab", repeat, "get", f"/pipelines/target/{target}/tab/", {}),
            ("stock target page", stock_repeat, "get", f"/targets/{target}/", {}),
        ]
        for name, times, method, url, fields in requests:
            # By htmx, as pages do, where the form is sent.
            headers = {"HX-Request": "true"} if method == "post" else {}
            ask = functools.partial(getattr(client, method), url, fields, headers=headers)
            seconds, queries, size = median_of(ask, times)
            print(
                f"{number:>6}  {name:<34} {seconds * 1000:>6.0f} ms {queries:>8} "
                f"{size / 1e6:>6.2f} MB"
            )


def make_target(number: int) -> tuple[int, int]:
    """Make a target with data products; return its key and that of the first product."""
    from datetime import datetime, timedelta, timezone

    from tom_dataproducts.models import DataProduct
    from tom_targets.models import Target

    from tom_pipeline_core.models import FileFacts

    target = Target.objects.create(
        name=f"with {number} files", type="SIDEREAL", ra=150, dec=2, permissions="PUBLIC"
    )
    folder = Path(os.environ["TOM_PIPELINES_TEST_MEDIA"]) / str(number)
    folder.mkdir(parents=True)
    products = DataProduct.objects.bulk_create(
        DataProduct(
            target=target, data=f"{number}/frame{index:05d}.fits", data_product_type="fits_file"
        )
        for index in range(number)
    )
    start = datetime(2026, 3, 1, tzinfo=timezone.utc)
    for index, product in enumerate(products):
        path = folder / f"frame{index:05d}.fits"
        path.write_bytes(b"SIMPLE  =")
        FileFacts.objects.bulk_create(
            [
                FileFacts(
                    product=product, storage_name=str(product.data.name), size=9,
                    modified=datetime.fromtimestamp(path.stat().st_mtime, timezone.utc),
                    kind="image", band="ri"[index % 2], instrument="camera", exposure=30,
                    observed_at=start + timedelta(minutes=index), width=100, height=100,
                    wcs={"ra": 150.0, "dec": 2.0, "scale": 1.0},
                    target_ra=150.0, target_dec=2.0, target_x=50.0, target_y=50.0,
                )
            ]
        )  # fmt: skip
    return int(target.pk), int(products[0].pk)


def median_of(ask: Callable[[], Any], times: int) -> tuple[float, int, int]:
    """Return the median CPU time of a request, its queries and the size of the answer."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    ask()  # what is loaded once is not what is measured
    with CaptureQueriesContext(connection) as queries:
        response = ask()
    assert response.status_code == 200, response.status_code
    asked = len(queries)  # the next request forgets them
    taken = []
    for _ in range(times):
        began = time.process_time()
        ask()
        taken.append(time.process_time() - began)
    return statistics.median(taken), asked, len(response.content)


if __name__ == "__main__":
    main()
