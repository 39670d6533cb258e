"""Python environments of programs' own, made once and kept by what they contain."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tom_pipeline_core.command.declaration import Environment
from tom_pipeline_core.exceptions import AsyncError

HANDED_ON = (
    "PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "TZ",
    "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "OMP_NUM_THREADS",
)  # fmt: skip
TO_INSTALL = ("UV_CACHE_DIR", "PIP_INDEX_URL", "PIP_CONFIG_FILE", "HTTPS_PROXY", "https_proxy")

BUILD_SECONDS = 1800.0


def variables(environment: Environment, bin_folder: Path | None, tmpdir: Path) -> dict[str, str]:
    """Return the environment variables of the program."""
    given = {name: os.environ[name] for name in HANDED_ON if name in os.environ}
    given |= {name: os.environ[name] for name in environment.passed if name in os.environ}
    if bin_folder is not None:
        given["PATH"] = os.pathsep.join([str(bin_folder), given.get("PATH", os.defpath)])
    return {**given, "TMPDIR": str(tmpdir), **environment.variables}


def interpreter(environment: Environment, name: str, say: Callable[[str], object]) -> Path | None:
    """
    Return the Python of a program's environment, making the environment if need be.

    Parameters
    ----------
    environment : Environment
    name : str
        Begins the folder's name, for people who look into it.
    say : callable
        Is told that it takes longer this time.

    Raises
    ------
    AsyncError
        If there is no such interpreter, or the environment could not be made; with the reason.
    """
    if environment.interpreter:
        path = Path(environment.interpreter)
        if not os.access(path, os.X_OK):
            raise AsyncError(f"The Python {path} that the program needs is not on this worker.")
        return path
    if not environment.requirements:
        return None
    folder = _folder(environment, name)
    folder.parent.mkdir(parents=True, exist_ok=True)
    python = folder / "bin" / "python"
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two runs may want it at the same moment
        if not (folder / "complete").exists():
            say("Making the program's environment, once")
            shutil.rmtree(folder, ignore_errors=True)
            _make(environment, folder, python)
            (folder / "complete").write_text("\n".join(environment.requirements), "utf-8")
    return python


def _folder(environment: Environment, name: str) -> Path:
    """Return a place that changes whenever the contents do, so that running runs keep theirs."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    version = environment.python or f"{sys.version_info.major}.{sys.version_info.minor}"
    contents = json.dumps([version, sorted(environment.requirements)])
    digest = hashlib.sha256(contents.encode()).hexdigest()[:12]
    return cache / "tom-pipelines" / "environments" / f"{name}-{digest}"


def _make(environment: Environment, folder: Path, python: Path) -> None:
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv:
        make = [uv, "venv", "--quiet", "--no-project"]
        if environment.python:
            make += ["--python", environment.python]
        install = [uv, "pip", "install", "--quiet", "--python", str(python)]
    else:
        make = [
            f"python{environment.python}" if environment.python else sys.executable,
            "-m",
            "venv",
        ]
        install = [str(python), "-m", "pip", "install", "--quiet"]
    _call([*make, str(folder)])
    _call([*install, *environment.requirements])


def _call(command: list[str]) -> None:
    known = {name: os.environ[name] for name in (*HANDED_ON, *TO_INSTALL) if name in os.environ}
    try:
        subprocess.run(
            command, check=True, capture_output=True, text=True, env=known, timeout=BUILD_SECONDS,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.CalledProcessError as error:
        reason = (error.stderr or error.stdout).strip()
        raise AsyncError(f"The program's environment could not be made: {reason}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise AsyncError(f"The program's environment could not be made: {error}") from error
