"""``make demo``, started as a newcomer does, on data of the test's own."""

from __future__ import annotations

import http.client
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tom_pipeline_core.testing.frames import make_series

pytest.importorskip("example_photometry")
pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
LIMIT = 180  # seconds; it takes about ten where nothing else runs


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The environment of a terminal, with the demo's data in the test's folder."""
    ours = ("TOM_PIPELINES", "DJANGO", "PYTEST", "COV")
    outside = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    return outside | {"TOM_PIPELINES_DEMO_DATA": str(tmp_path / "data")}


def _once(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "demo/run.py", "--once"],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=LIMIT, check=False,
    )  # fmt: skip


def test_once_tells_of_one_process_and_recovers_the_known_variation(
    environment: dict[str, str], tmp_path: Path
) -> None:
    done = _once(environment)

    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^Submitted \S+: Aperture photometry on 24 frames", done.stdout, re.MULTILINE)
    assert re.search(r"^succeeded", done.stdout, re.MULTILINE)
    assert re.search(r"\.ecsv +[\d,]+ bytes", done.stdout)
    assert re.search(r"\.png +[\d,]+ bytes", done.stdout)
    measured = np.array(re.findall(r"([\d.]+) \+- [\d.]+$", done.stdout, re.MULTILINE), dtype=float)
    truth = np.asarray(make_series(tmp_path / "frames", n_frames=24, seed=1).truth["mag"])
    assert measured.size == truth.size
    # Relative to the mean: the zero point of comparison stars is free. Errors are about 4 mmag.
    difference = (measured - measured.mean()) - (truth - truth.mean())
    assert np.abs(difference).max() < 0.02
    assert np.ptp(measured) == pytest.approx(np.ptp(truth), abs=0.02)


def test_once_fails_with_the_reason_when_the_process_fails(
    environment: dict[str, str], tmp_path: Path
) -> None:
    prepare = "from demo import run; run.prepare()"
    subprocess.run(
        [sys.executable, "-c", prepare], cwd=ROOT, env=environment, check=True, timeout=LIMIT
    )
    for frame in (tmp_path / "data/media").rglob("*.f*"):
        frame.write_text("no frame any more")

    done = _once(environment)

    assert done.returncode == 1
    assert "24 x not a FITS file" in done.stdout


@pytest.fixture
def demo(environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "demo/run.py", "--port", "18000"],
        cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    yield process
    if process.poll() is None:
        process.terminate()  # it ends what it started, which a kill would leave behind
    process.wait(60)
    assert process.stdout
    process.stdout.close()


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks at /proc (Linux)")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_web_server_and_worker_end_with_the_command(
    demo: subprocess.Popen[str], number: int, tmp_path: Path
) -> None:
    assert demo.stdout
    told = ""
    for line in demo.stdout:
        told += line
        if "Ctrl-C" in line:
            break
    address = re.search(r"http://(127\.0\.0\.1:\d+)(\S+)", told)
    assert address, told
    assert re.search(r"Log in as +demo +password +stars", told)
    assert _status(address[1], "/accounts/login/") == 200
    children = _processes_with(str(tmp_path / "data"), but=demo.pid)
    assert len(children) >= 2

    demo.send_signal(number)

    assert demo.wait(60) == 0
    assert not _processes_with(str(tmp_path / "data"), but=demo.pid)
    with pytest.raises(ConnectionRefusedError):
        _status(address[1], "/accounts/login/")


def _status(host: str, path: str) -> int:
    connection = http.client.HTTPConnection(host, timeout=30)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def _processes_with(text: str, *, but: int) -> list[int]:
    """Return the processes that have the text in their environment: whatever the demo started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if text.encode() in (folder / "environ").read_bytes() and int(folder.name) != but:
                found.append(int(folder.name))
        except (OSError, ValueError):
            continue
    return found
