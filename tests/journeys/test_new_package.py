"""From ``tom-pipelines new`` to a run, with a wheel that was really built and installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("author")


def call(place: Path, *command: str, cwd: Path | None = None) -> str:
    """Run a command outside the repository, with what is installed below ``place`` added."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("DJANGO_", "TOM_", "PYTEST_", "COVERAGE_"))
    }
    environment["PYTHONPATH"] = os.pathsep.join([str(place / "site-packages"), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=cwd or place, env=environment,
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_generated_package_is_built_installed_tested_checked_and_run(place: Path) -> None:
    call(place, "tom_pipeline_core.cli", "new", "sky_level")
    checkout = place / "tom-pipeline-sky-level"
    call(place, "build", "--wheel", "--no-isolation", cwd=checkout)
    (wheel,) = (checkout / "dist").glob("*.whl")
    subprocess.run(
        ["uv", "pip", "install", "--quiet", "--offline", "--no-deps", "--python", sys.executable,
         "--target", str(place / "site-packages"), str(wheel)],
        check=True, cwd=place,
    )  # fmt: skip
    assert "Sky level  (tom-pipeline-sky-level:Sky level 0.1.0)" in call(
        place, "tom_pipeline_core.cli", "list"
    )
    said = call(place, "pytest", "-q", "-p", "no:cacheprovider", cwd=checkout)
    assert "8 passed" in said
    said = call(place, "tom_pipeline_core.cli", "check", str(checkout))
    assert "WRONG" not in said
    assert "note" not in said
    frames = place / "frames"
    call_make = (
        "from tom_pipeline_core.testing.frames import make_series;"
        f"make_series({str(frames)!r}, n_frames=2)"
    )
    subprocess.run([sys.executable, "-c", call_make], check=True, cwd=ROOT)
    call(
        place, "tom_pipeline_core.cli", "run", "Sky level",
        *map(str, sorted(frames.iterdir())), "-p", "clip=4", "-o", "out",
    )  # fmt: skip
    table = (place / "out" / "sky_level_sky.ecsv").read_text()
    assert table.count("demo-") == 2
