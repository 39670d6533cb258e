"""
What does the API cost beside the work it has to do?

    python benchmarks/bench_api.py [--processes 100000] [--rounds 40]

Processor time of Django's test client on a fresh SQLite file: the server's time on a machine that
does nothing else. What is compared is measured in turns in the same run, and the medians are set
in ratio: a submission beside the rows it has to insert, a poll without news beside a REST framework
view that does nothing, a page deep in a long list beside the first. Asserts nothing.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=40)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-api-") as folder:
        os.environ["TOM_PIPELINES_TEST_ROOT"] = folder
        os.environ["TOM_PIPELINES_TEST_DB"] = str(Path(folder) / "bench.sqlite3")
        os.environ["TOM_PIPELINES_TEST_MEDIA"] = str(Path(folder) / "media")
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
        sys.path.insert(0, str(ROOT))
        logging.disable(logging.WARNING)
        run(options.processes, options.rounds)


def run(processes: int, rounds: int) -> None:
    import django
    from django.conf import settings

    settings.TOM_EDUCATION_PIPELINES = {"Copy": "tests.sample_pipelines.Copy"}
    settings.REST_FRAMEWORK = {
        "DEFAULT_THROTTLE_RATES": {"pipelines": None, "pipelines-submit": None}
    }
    django.setup()
    from django.contrib.auth.models import User
    from django.core.files.base import ContentFile
    from django.core.management import call_command
    from django.db import connection
    from django.test import Client
    from rest_framework.authtoken.models import Token
    from tom_dataproducts.models import DataProduct
    from tom_targets.models import Target

    call_command("migrate", verbosity=0)
    print(f"Python {platform.python_version()}, {platform.machine()}, {connection.vendor}")
    user = User.objects.create_user("user")
    client = Client(headers={"Authorization": f"Token {Token.objects.get(user=user).key}"})
    target = Target.objects.create(
        name="Target", type="SIDEREAL", ra=150.1, dec=2.2, epoch=2000, permissions="PUBLIC"
    )
    product = DataProduct(target=target, data_product_type="fits_file")
    product.data.save("frame.txt", ContentFile(b"a"), save=False)
    product.save()

    body = {"pipeline": "Copy", "target": target.pk, "products": [product.pk]}

    def submit() -> None:
        answer = client.post(
            "/api/pipelines/processes/", json.dumps(body), content_type="application/json"
        )
        assert answer.status_code == 201, answer.content

    compare(
        rounds,
        {
            "the rows alone": lambda: insert(target, product, user),
            "submit through submission.submit": lambda: submit_in_code(target, product, user),
            "submit through the API": submit,
        },
    )
    poll(client, user, rounds)
    long_list(client, target, user, processes, rounds)


def insert(target: Any, product: Any, user: Any) -> None:
    """Insert what a submission inserts, and nothing else."""
    import secrets

    from django.db import transaction
    from django.utils import timezone

    from tom_pipeline_core.models import InputFile, PipelineProcess, ProcessEvent

    with transaction.atomic():
        process = PipelineProcess.objects.create(
            target_id=target.pk, user=user, pipeline_name="Copy", identifier=secrets.token_hex(8)
        )
        InputFile.objects.bulk_create([InputFile(process=process, product=product, name="a")])
        ProcessEvent.objects.create(
            process=process, time=timezone.now(), kind="state", value="queued", user=user
        )


def submit_in_code(target: Any, product: Any, user: Any) -> None:
    from tom_pipeline_core import submission

    submission.submit("Copy", target=target, products=[product], user=user)


def poll(client: Any, user: Any, rounds: int) -> None:
    from rest_framework.permissions import IsAuthenticated
    from rest_framework.response import Response
    from rest_framework.views import APIView
    from tom_common.accounts.api_auth import TomTokenAuthentication

    from tom_pipeline_core.models import PipelineProcess

    class Bare(APIView):  # type: ignore[misc]
        authentication_classes = [TomTokenAuthentication]
        permission_classes = [IsAuthenticated]

        def get(self, request: Any) -> Response:
            return Response({})

    bare = install(Bare.as_view())
    process = PipelineProcess.objects.order_by("pk").last()
    assert process is not None
    process.log("a line")
    address = f"/api/pipelines/processes/{process.pk}/"
    log = f"{address}log/?after={process.log_lines.get().pk}"
    tags = {path: client.get(path)["ETag"] for path in (address, log)}

    def unchanged(path: str) -> None:
        answer = client.get(path, headers={"If-None-Match": tags[path]})
        assert answer.status_code == 304

    compare(
        rounds,
        {
            "a bare REST framework view": lambda: client.get(bare),
            "poll of a process without news": lambda: unchanged(address),
            "poll of its log without news": lambda: unchanged(log),
        },
    )


def install(view: Any) -> str:
    """Serve a view beside those of the TOM, and return its address."""
    from django.conf import settings
    from django.urls import clear_url_caches, get_resolver, path, set_urlconf

    urlconf = __import__(settings.ROOT_URLCONF, fromlist=["urlpatterns"])
    urlconf.urlpatterns.insert(0, path("bare/", view))
    clear_url_caches()
    set_urlconf(None)
    get_resolver()
    return "/bare/"


def long_list(client: Any, target: Any, user: Any, processes: int, rounds: int) -> None:
    from tom_pipeline_core.models import PipelineProcess

    PipelineProcess.objects.bulk_create(
        (
            PipelineProcess(
                target_id=target.pk,
                user=user,
                pipeline_name="Copy",
                identifier=f"bench_{number:06d}",
                state="failed" if number % 10 == 0 else "succeeded",
            )
            for number in range(processes)
        ),
        batch_size=2_000,
    )
    print(f"with {processes:,} processes, pages of 50:")
    address = "/api/pipelines/processes/"
    deep = deep_page(client, address)
    failed = f"{address}?state=failed"
    compare(
        rounds,
        {
            "the first page": lambda: client.get(address),
            "a page from the middle": lambda: client.get(deep),
            "the first page of one state": lambda: client.get(failed),
        },
    )


def deep_page(client: Any, address: str) -> str:
    """Return the address of a page from the middle, as the list itself would give it."""
    from base64 import b64encode
    from urllib.parse import quote

    from tom_pipeline_core.models import PipelineProcess

    newest = PipelineProcess.objects.order_by("-pk").values_list("pk", flat=True)[0]
    cursor = b64encode(f"p={newest // 2}".encode()).decode()
    deep = f"{address}?cursor={quote(cursor)}"
    assert client.get(deep).json()["results"][0]["id"] == newest // 2 - 1
    return deep


def compare(rounds: int, work: Mapping[str, Callable[[], Any]]) -> None:
    """Print the median of each, and its ratio to the first."""
    times: dict[str, list[float]] = {name: [] for name in work}
    for number in range(rounds + 3):
        for name, call in work.items():
            begin = time.process_time()
            call()
            if number >= 3:  # caches are warm
                times[name].append(time.process_time() - begin)
    base = None
    for name, spent in times.items():
        median = statistics.median(spent)
        base = base or median
        print(f"  {name:40} {median * 1000:8.2f} ms  {median / base:6.2f}")


if __name__ == "__main__":
    main()
