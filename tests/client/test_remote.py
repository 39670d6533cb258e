"""The commands, as programs of their own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tom_pipeline_core.models import FileFacts, PipelineProcess

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("samples")]


@pytest.fixture
def remote(live_server, token):
    def run(*arguments: str, program: str = "tom_pipeline_client.remote") -> tuple[int, str, str]:
        code = "import sys; from {0} import main; sys.exit(main({1!r}))"
        prefix = ["remote"] if program.endswith("cli") else []
        done = subprocess.run(
            [sys.executable, "-c", code.format(program, [*prefix, *arguments])],
            env={**os.environ, "TOM_URL": live_server.url, "TOM_TOKEN": token},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    return run


@pytest.mark.usefixtures("samples", "worker")
def test_submitting_by_filter_following_and_downloading(remote, target, make_product, tmp_path):
    for name, band in (("a.fits", "r"), ("b.fits", "g")):
        FileFacts.objects.create(product=make_product(target, name), kind="image", band=band)

    code, out, err = remote(
        "submit", "Copy", "--target", target.name, "--filter", "band=r", "--follow"
    )
    assert code == 0, err
    assert "1 files" in out
    assert "succeeded" in err
    process = PipelineProcess.objects.get()
    assert process.events.first().origin == "api"

    code, out, _ = remote("outputs", str(process.pk), "--download", str(tmp_path / "results"))
    assert code == 0
    assert len(list((tmp_path / "results").iterdir())) == 1
    code, out, _ = remote("outputs", str(process.pk))
    assert "file\t" in out


def test_a_refusal_is_told_and_is_exit_code_1(remote, target, make_product):
    product = make_product(target)

    code, _, err = remote(
        "submit", "Adjustable", "--target", str(target.pk), "--product", str(product.pk),
        "-p", "radius=0",
    )  # fmt: skip

    assert code == 1
    assert "radius: Ensure this value is greater than or equal to 1" in err
    assert not PipelineProcess.objects.exists()


def test_misuse_is_exit_code_2(remote, monkeypatch):
    assert remote("submit", "Copy", "--target", "x", "--filter", "band")[0] in (1, 2)
    code, _, err = remote("--url", "nonsense", "pipelines")
    assert code == 2
    assert "https://" in err


def test_the_core_finds_the_commands_when_the_client_is_installed(remote):
    code, out, err = remote("pipelines", program="tom_pipeline_core.cli")

    assert code == 0, err
    assert "Copy\t" in out


def test_cancelling_from_the_shell(remote, target, user):
    process = PipelineProcess.objects.create(target=target, user=user)

    assert remote("cancel", str(process.pk))[:2] == (0, "cancelled\n")
    code, _, err = remote("cancel", str(process.pk))
    assert code == 1
    assert "already ended" in err
