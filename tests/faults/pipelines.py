"""
Pipelines that write down what happened to them, in a file that nothing else writes.

A line is ``what pk attempt pid monotonic``: ``B`` at the begin, ``A`` while alive, ``E`` at the end.
From it alone a test sees what began, whether two runs of a process overlapped, and what was killed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django import forms

from tom_pipeline_core.models import PipelineProcess

ALIVE_EVERY = 0.02
OUTPUTS = 3


class Journalled(PipelineProcess):
    """Works for some seconds, then hands back three files that name the process and attempt."""

    short_name = "journalled"
    min_inputs = 0

    class Parameters(forms.Form):
        journal = forms.CharField()
        seconds = forms.FloatField(initial=0)
        behaviour = forms.CharField(required=False)

    def do_pipeline(
        self, tmpdir: Path, journal: str, seconds: float, behaviour: str
    ) -> Iterator[Path]:
        file = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

        def write(what: str) -> None:
            entry = f"{what} {self.pk} {self.attempt} {os.getpid()} {time.monotonic():.4f}\n"
            os.write(file, entry.encode())

        write("B")
        getattr(self, behaviour or "plain")()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            write("A")
            time.sleep(ALIVE_EVERY)
        for number in range(OUTPUTS):
            path = tmpdir / f"part{number}.txt"
            path.write_text(f"{self.pk} {self.attempt} {number}")
            write("A")
            yield path
        write("E")
        os.close(file)

    def plain(self) -> None:
        self.log("at work")

    def ignore_sigterm(self) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

    def start_a_daemon(self) -> None:
        program = "import os, time\nif os.fork(): os._exit(0)\nos.setsid()\ntime.sleep(300)"
        subprocess.run(["python3", "-c", program], check=True)

    def hog_memory(self) -> None:
        kept: list[Any] = []
        for _ in range(100):
            program = "kept = bytearray(b'x') * (40 << 20)\nimport time\ntime.sleep(300)"
            kept.append(subprocess.Popen(["python3", "-c", program]))
            time.sleep(0.05)

    def count_aloud(self) -> None:
        for number in range(2000):
            self.log(f"line {number}")
