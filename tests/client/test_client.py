from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from tom_pipeline_client import (
    AsyncClient,
    Client,
    Conflict,
    DownloadError,
    NotFound,
    NotLoggedIn,
    ProcessFailed,
    Refused,
    Unreachable,
)

from tests import running
from tom_pipeline_core.models import PipelineProcess

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("samples")]

LIMIT = 60.0


class Flaky(httpx.HTTPTransport):
    """A real connection that loses the answers of the first requests of some methods."""

    def __init__(self, losses: int, method: str = "POST") -> None:
        super().__init__()
        self.losses = losses
        self.method = method
        self.sent: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        response = super().handle_request(request)
        if request.method == self.method and self.losses:
            self.losses -= 1
            response.read()
            raise httpx.ReadError("the answer was lost", request=request)
        return response


@pytest.mark.usefixtures("samples", "worker")
def test_from_submitting_to_the_light_curve(tom, target, make_product, tmp_path, capsys):
    make_product(target, "a.fits")
    make_product(target, "notes.txt")

    process = tom.submit("Typed", target="sn 2026ABC", match={"name": "*.fits"})
    process.wait(progress=True, timeout=LIMIT)

    assert process.state == "succeeded"
    assert [row["name"] for row in process.inputs()] == ["a.fits"]
    paths = process.download_all(tmp_path / "results")
    recorded = {output.name: output.data["sha256"] for output in process.outputs}
    assert len(paths) == 2
    for path in paths:
        assert hashlib.sha256(path.read_bytes()).hexdigest() == recorded[path.name]
    table = process.photometry()
    assert list(table["bandpass"]) == ["r", "u"]
    assert table["brightness"][0] == 15.25
    assert table["brightness"].mask.tolist() == [False, True]
    assert str(table["brightness"].unit) == "mag"
    assert table["time"].isot[0].startswith("2026-03-01T12:00:00")
    assert [row["name"] for row in process.measurements()] == ["fwhm"]
    assert process.history()[0]["origin"] == "api"
    shown = process._repr_html_()
    assert "succeeded" in shown
    assert "data:image/png;base64," in shown


@pytest.mark.usefixtures("samples", "worker")
def test_following_gives_every_line_once_and_ends_with_the_process(tom, target, make_product):
    process = tom.submit("Refusing", target=target.pk, products=[make_product(target).pk])

    lines = list(process.follow())

    assert [line.text for line in lines].count("about to fail") == 1
    assert lines == list(process.log())
    assert process.state == "failed"
    with pytest.raises(ProcessFailed, match="point the telescope at the sky"):
        process.wait()
    assert process.wait(check=False) is process


def test_pipelines_come_with_the_json_schema_of_their_parameters(tom):
    assert "Adjustable" in [pipeline.name for pipeline in tom.pipelines()]

    pipeline = tom.pipeline("Adjustable")
    assert pipeline.parameters["properties"]["radius"]["maximum"] == 50


def test_a_refusal_has_the_messages_of_the_form(tom, target, make_product):
    with pytest.raises(Refused) as refused:
        tom.submit(
            "Adjustable",
            target=target.pk,
            products=[make_product(target).pk],
            parameters={"radius": 0},
        )

    assert refused.value.status == 422
    assert "greater than or equal to 1" in refused.value.errors["radius"][0]
    answer = tom.check("Adjustable", target=target.pk, parameters={"radios": 1})
    assert answer["accepted"] is False
    assert not PipelineProcess.objects.exists()


def test_a_submission_whose_answer_is_lost_makes_one_process(
    live_server, token, target, make_product
):
    connection = Flaky(losses=2)
    with Client(live_server.url, token, transport=connection) as tom:
        process = tom.submit("Copy", target=target.pk, products=[make_product(target).pk])
        again = process.run_again()

    assert [request.method for request in connection.sent].count("POST") == 4
    assert set(PipelineProcess.objects.values_list("pk", flat=True)) == {process.id, again.id}


def test_a_server_that_is_not_there_is_unreachable(token):
    from tests.services import free_port

    with (
        Client(f"http://127.0.0.1:{free_port()}", token, tries=2) as tom,
        pytest.raises(Unreachable, match="does not answer"),
    ):
        tom.pipelines()


def test_processes_are_listed_over_all_pages_and_filtered(tom, target, user):
    made = [PipelineProcess.objects.create(target=target, user=user).pk for _ in range(5)]
    PipelineProcess.objects.filter(pk=made[0]).update(state="failed")

    assert [found.id for found in tom.processes(page_size=2)] == made[::-1]
    assert [found.id for found in tom.processes(page_size=1, state=["failed", "cancelled"])] == [
        made[0]
    ]
    assert [found.id for found in tom.processes(page_size=2, state="queued")] == made[:0:-1]


def test_cancelling_and_running_again_with_changes(tom, target, make_product):
    process = tom.submit(
        "Adjustable", target=target.pk, products=[make_product(target).pk], parameters={"radius": 4}
    )
    process.cancel()
    assert process.state == "cancelled"
    with pytest.raises(Conflict, match="cancelled"):
        process.cancel()

    again = process.run_again(radius=9)
    assert again.parameters["radius"] == 9


def test_waiting_gives_up_in_time_and_leaves_the_process(tom, target, make_product):
    process = tom.submit("Copy", target=target.pk, products=[make_product(target).pk])

    with pytest.raises(TimeoutError, match="has not ended"):
        process.wait(timeout=0.1)
    assert process.state == "queued"


@pytest.fixture
def table(tom, target, make_product, user) -> Any:
    """Return the output of a process that has run, as the client sees it."""
    process = running.run("Typed", make_product(target), user=user)
    return next(
        output for output in tom.process(process.pk).outputs if output.name.endswith(".csv")
    )


def test_a_download_that_broke_off_is_gone_on_with(live_server, token, table, tmp_path):
    (tmp_path / f"table.csv.{table.data['sha256'][:12]}.part").write_bytes(b"a,b")
    connection = Flaky(losses=0)

    with Client(live_server.url, token, transport=connection) as tom:
        output = next(o for o in tom.process(table.process_id).outputs if o.id == table.id)
        path = output.download(tmp_path / "table.csv")

    assert path.read_bytes() == b"a,b\n1,2\n"
    assert connection.sent[-1].headers["Range"] == "bytes=3-"
    assert [found.name for found in tmp_path.glob("table*")] == ["table.csv"]


def test_a_file_that_arrived_whole_before_is_only_given_its_name(table, tmp_path):
    (tmp_path / f"table.csv.{table.data['sha256'][:12]}.part").write_bytes(b"a,b\n1,2\n")

    assert table.download(tmp_path / "table.csv").read_bytes() == b"a,b\n1,2\n"


def test_content_that_differs_from_what_was_saved_is_an_error(table, tmp_path):
    product = PipelineProcess.objects.get().outputs.get(pk=table.id).product
    with product.data.storage.open(product.data.name, "wb") as stream:
        stream.write(b"tampered")

    with pytest.raises(DownloadError, match="content differs"):
        table.download(tmp_path / "table.csv")
    assert list(tmp_path.glob("table*")) == []


def test_the_name_of_an_output_never_leads_out_of_the_folder(table, tmp_path):
    table.data["name"] = "../../evil.csv"

    assert table.download(tmp_path) == tmp_path / "evil.csv"


def test_what_is_hidden_or_wrong_says_so(live_server, tom, make_target):
    make_target("Secret", permissions="PRIVATE")

    with pytest.raises(NotFound, match="no target called 'Secret'"):
        tom.target("Secret")
    with pytest.raises(NotFound):
        tom.process(999_999)
    with Client(live_server.url, "wrong") as nobody, pytest.raises(NotLoggedIn):
        nobody.pipelines()
    with pytest.raises(ValueError, match="https://"):
        Client("tom.example.org", "x")


@pytest.mark.usefixtures("samples", "worker")
def test_the_asynchronous_twin_does_the_same(live_server, token, target, make_product, tmp_path):
    make_product(target, "a.fits")

    async def use() -> tuple[Any, Path, list[str]]:
        async with AsyncClient(live_server.url, token) as tom:
            process = await tom.submit("Typed", target="SN 2026abc", match={"name": "*"})
            await process.wait(timeout=LIMIT)
            outputs = await process.outputs()
            table = next(output for output in outputs if output["name"].endswith(".csv"))
            path = await process.download(table, tmp_path)
            names = [found.pipeline_name async for found in tom.processes()]
            return await process.photometry(), path, names

    # In a thread of its own: the browser tests keep an event loop in this one.
    with ThreadPoolExecutor(1) as pool:
        table, path, names = pool.submit(anyio.run, use).result(LIMIT)

    assert table["brightness"][0] == 15.25
    assert path.read_bytes() == b"a,b\n1,2\n"
    assert names == ["Typed"]


def test_both_clients_have_the_same_methods():
    def names(cls: type) -> set[str]:
        return {name for name in vars(cls) if not name.startswith("_")}

    assert names(Client) == names(AsyncClient)
