"""
Start the demo: prepare its data, then a web server and a worker until Ctrl-C.

With ``--once`` no web server starts: one process is submitted and followed on the terminal.
"""

from __future__ import annotations

import argparse
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)
os.environ["DJANGO_SETTINGS_MODULE"] = "demo.settings"
# A worker that starts runs from its own imports must find the settings in any folder.
os.environ["PYTHONPATH"] = os.pathsep.join(
    part for part in (str(ROOT), os.environ.get("PYTHONPATH")) if part
)

from demo import LOGIN, PASSWORD  # noqa: E402 - the path is set above

HOST = "127.0.0.1"
START_LIMIT = 120  # seconds until the first page answers; a slow disk takes its time
STOP_LIMIT = 15  # seconds that web server and worker get to end by themselves


class Child:
    """A command of ``manage.py`` that runs beside this one and writes to a log file."""

    def __init__(self, log: Path, *arguments: str, stop_signal: int) -> None:
        self.name = arguments[0]
        self.log = log
        self.stop_signal = stop_signal
        with log.open("ab") as output:
            # In a session of its own: Ctrl-C reaches this process alone, which ends both in order.
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "demo/manage.py"), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def check(self) -> None:
        """Raise with the end of its log if it has ended."""
        if self.process.poll() is not None:
            tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])
            raise RuntimeError(
                f"{self.name} ended with exit code {self.process.returncode}. "
                f"The end of {self.log}:\n{tail}"
            )

    def ask_to_stop(self) -> None:
        """Send the signal at which it ends in order."""
        if self.process.poll() is None:
            self.process.send_signal(self.stop_signal)

    def ensure_stopped(self, deadline: float) -> None:
        """Wait for it to end, and kill it and all it started if it does not."""
        try:
            self.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def start_web_server(data: Path, port: int) -> Child:
    """Start the server on the given port of this machine."""
    arguments = ("runserver", "--noreload", f"{HOST}:{port}")
    return Child(data / "web.log", *arguments, stop_signal=signal.SIGTERM)


def start_worker(data: Path) -> Child:
    """Start a worker; at its end it puts what still runs back into the queue, without waiting."""
    return Child(data / "worker.log", "run_pipelines", stop_signal=signal.SIGINT)


def stop(children: list[Child]) -> None:
    """End the children; a second Ctrl-C does not leave one of them behind."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    for child in children:
        child.ask_to_stop()
    deadline = time.monotonic() + STOP_LIMIT
    for child in children:
        child.ensure_stopped(deadline)


def free_port(wanted: int) -> int:
    """Return the wanted port, or the next one that nobody listens on."""
    for port in range(wanted, wanted + 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise RuntimeError(f"The ports {wanted} to {wanted + 99} are all in use.")


def wait_until_it_answers(port: int, children: list[Child]) -> None:
    """Return once the web server has delivered a page."""
    deadline = time.monotonic() + START_LIMIT
    while True:
        for child in children:
            child.check()
        connection = http.client.HTTPConnection(HOST, port, timeout=START_LIMIT)
        try:
            connection.request("GET", "/accounts/login/")
            if connection.getresponse().status == http.client.OK:
                return
        except OSError:
            pass
        finally:
            connection.close()
        if time.monotonic() > deadline:
            raise RuntimeError(f"The web server does not answer; see {children[0].log}.")
        time.sleep(0.1)


def prepare() -> Path:
    """
    Bring the demo's data up to date; return where they are.

    Looking whether anything is to do takes Django seconds. So this notes what was prepared, and
    does nothing while no migration and no dependency has come since.
    """
    folders = [*ROOT.glob("*/migrations"), *ROOT.glob("plugins/*/*/migrations")]
    migrations = sorted(path.name for folder in folders for path in folder.glob("0*.py"))
    state = "\n".join([(ROOT / "constraints.txt").read_text(), *migrations])
    data = Path(os.environ.get("TOM_PIPELINES_DEMO_DATA", ROOT / "demo/data"))
    note = data / "prepared"
    if not note.exists() or note.read_text() != state:
        print(f"Preparing the demo in {data}")
        _setup_django()
        from demo import seed

        seed.prepare()
        note.write_text(state)
    return data


def _setup_django() -> None:
    import django

    django.setup()


def serve(data: Path, port: int) -> NoReturn:
    """Run web server and worker until one of them ends or this process is asked to stop."""
    port = free_port(port)
    children: list[Child] = []
    try:
        children.append(start_web_server(data, port))
        children.append(start_worker(data))
        wait_until_it_answers(port, children)
        print(
            f"\n  The demo runs at   http://{HOST}:{port}/targets/1/?tab=pipelines\n"
            f"  Log in as          {LOGIN}   password   {PASSWORD}\n\n"
            "  On the tab Pipelines: select frames, choose Aperture photometry, press Run.\n"
            f"  Logs: {data}/*.log      End: Ctrl-C\n",
            flush=True,
        )
        while True:
            for child in children:
                child.check()
            time.sleep(0.5)
    finally:
        stop(children)


def once(data: Path) -> int:
    """Submit one process to a worker and tell how it goes; 0 if it succeeded."""
    _setup_django()
    from demo import once as story

    process = story.submit()
    worker = start_worker(data)
    try:
        story.follow(process, worker.check)
    finally:
        stop([worker])
    return story.report(process)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def main() -> int:
    """Read the command line, prepare, and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--once", action="store_true", help="no web server: one process, followed")
    parser.add_argument("--port", type=int, default=8000, help="of the web server (8000)")
    arguments = parser.parse_args()
    # Also where a shell ignores SIGINT for what it starts in the background; nohup is respected.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _interrupt)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]

    try:
        data = prepare()
        if arguments.once:
            return once(data)
        serve(data, arguments.port)
    except KeyboardInterrupt:
        print("\nThe demo has ended; its data stays. Begin anew with: make demo-reset")
        return 0
    except (RuntimeError, TimeoutError) as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
