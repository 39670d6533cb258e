"""
What an executor is made to run by its tests, each function one behaviour.

Called as the runner is: with a primary key, an attempt and a reporter. None needs a database. What
a test has to know (process ids) is reported as a line.
"""

from __future__ import annotations

import ctypes
import itertools
import logging
import os
import signal
import subprocess
import sys
import time
import warnings

from tom_pipeline_core.runner.failure import Fenced, RunFailed
from tom_pipeline_core.runner.reporter import Reporter
from tom_pipeline_core.states import FailureKind

FOREVER = 120  # seconds: far longer than a test waits, and still no orphan for ever


def _say(reporter: Reporter, text: str) -> None:
    reporter.line(time.time(), "log", logging.INFO, text)


def _say_ready(reporter: Reporter, *pids: int) -> None:
    _say(reporter, f"ready {' '.join(map(str, (os.getpid(), *pids)))}")


def succeed(pk: int, attempt: int, reporter: Reporter) -> None:
    reporter.status("Measuring")
    reporter.progress(1, 2)
    _say(reporter, f"process {pk}, attempt {attempt}")
    reporter.progress(2, None)


def refuse(pk: int, attempt: int, reporter: Reporter) -> None:
    raise RunFailed("No star in frame.fits", FailureKind.PIPELINE, "Traceback: the whole story")


def be_fenced(pk: int, attempt: int, reporter: Reporter) -> None:
    raise Fenced(f"process {pk} belongs to another worker")


def crash(pk: int, attempt: int, reporter: Reporter) -> None:
    raise ZeroDivisionError("the sky is flat")


def exit_with_3(pk: int, attempt: int, reporter: Reporter) -> None:
    sys.exit(3)


def vanish(pk: int, attempt: int, reporter: Reporter) -> None:
    os._exit(0)


def segfault(pk: int, attempt: int, reporter: Reporter) -> None:
    print("about to crash")  # noqa: T201
    ctypes.string_at(0)


def sleep(pk: int, attempt: int, reporter: Reporter) -> None:
    _say_ready(reporter)
    time.sleep(FOREVER)


def clean_up_when_stopped(pk: int, attempt: int, reporter: Reporter) -> None:
    try:
        _say_ready(reporter)
        time.sleep(FOREVER)
    except Exception:  # noqa: BLE001 - as a careless pipeline does
        _say(reporter, "swallowed")
    finally:
        _say(reporter, "cleaned up")


def ignore_sigterm(pk: int, attempt: int, reporter: Reporter) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _say_ready(reporter)
    end = time.monotonic() + FOREVER
    while time.monotonic() < end:
        time.sleep(0.1)


def hold_the_interpreter(pk: int, attempt: int, reporter: Reporter) -> None:
    """Stay in compiled code, where no signal handler of Python runs."""
    _say_ready(reporter)
    sum(itertools.repeat(1, 10**11))


DAEMON = f"""
import os, time
if os.fork(): os._exit(0)
os.setsid()
if os.fork(): os._exit(0)
print(os.getpid(), flush=True)
os.close(1)
time.sleep({FOREVER})
"""


def start_a_family(pk: int, attempt: int, reporter: Reporter) -> None:
    """Start a child, one that ignores SIGTERM with a child of its own, and a daemon."""
    child = subprocess.Popen(["sleep", str(FOREVER)])
    stubborn = subprocess.Popen(
        ["sh", "-c", f"trap '' TERM; sleep {FOREVER} & echo $!; exec 1>&-; wait"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert stubborn.stdout is not None
    grandchild = int(stubborn.stdout.readline())
    daemon = int(
        subprocess.run(
            [sys.executable, "-c", DAEMON], stdout=subprocess.PIPE, text=True, check=True
        ).stdout
    )
    _say_ready(reporter, child.pid, stubborn.pid, grandchild, daemon)
    time.sleep(FOREVER)


def leave_a_daemon(pk: int, attempt: int, reporter: Reporter) -> None:
    daemon = int(
        subprocess.run(
            [sys.executable, "-c", DAEMON], stdout=subprocess.PIPE, text=True, check=True
        ).stdout
    )
    _say_ready(reporter, daemon)


def fork_a_daemon_without_exec(pk: int, attempt: int, reporter: Reporter) -> None:
    """As ``multiprocessing`` does, and in a session of its own."""
    read, write = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.write(write, str(os.getpid()).encode())
            time.sleep(FOREVER)
        os._exit(0)
    os.wait()
    _say_ready(reporter, int(os.read(read, 100)))
    time.sleep(FOREVER)


def hog_memory(pk: int, attempt: int, reporter: Reporter) -> None:
    """Take and touch 1.5 GB, 20 MB at a time, in programs that no limit of Python's own sees."""
    program = (
        "import time\nkept = []\n"
        "for _ in range(75):\n"
        "    kept.append(bytearray(b'x') * (20 << 20))\n"
        "    time.sleep(0.02)\n"
        f"time.sleep({FOREVER})\n"
    )
    hogs = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(2)]
    _say_ready(reporter, *[hog.pid for hog in hogs])
    for hog in hogs:
        hog.wait()
    time.sleep(FOREVER)


def ask_for_too_much_memory(pk: int, attempt: int, reporter: Reporter) -> None:
    try:
        bytearray(b"x") * (4 << 30)
    except MemoryError as error:
        raise RunFailed("too little memory", FailureKind.MEMORY_LIMIT) from error


def use_every_stream(pk: int, attempt: int, reporter: Reporter) -> None:
    print("print")  # noqa: T201
    print("stderr of Python", file=sys.stderr)  # noqa: T201
    logging.getLogger("some.library").warning("logging of %s", "a library")
    warnings.warn(f"a warning of process {pk}", stacklevel=1)
    try:
        raise ValueError("caught and told")
    except ValueError:
        logging.getLogger("some.library").exception("with a traceback")


def use_streams_below_python(pk: int, attempt: int, reporter: Reporter) -> None:
    os.write(1, b"descriptor 1\n")
    os.write(2, b"descriptor 2\n")
    subprocess.run(["sh", "-c", "echo a program; echo its stderr >&2"], check=True)
    print("no line end", end="")  # noqa: T201


def say_unprintable_things(pk: int, attempt: int, reporter: Reporter) -> None:
    _say(reporter, "NUL \x00 and a lone surrogate \udc80")
    os.write(1, b"invalid \xff\xfe and NUL \x00\n")
    os.write(1, b"\x1b[31mred\x1b[0m\n")
    os.write(1, b" 10%\r 50%\r100%\n")
    print("lone \udc80")  # noqa: T201


def say_a_long_line(pk: int, attempt: int, reporter: Reporter) -> None:
    _say(reporter, "x" * (1 << 20))
    sys.stdout.write("y" * (1 << 20) + "\n")
    sys.stdout.write("é" * 5000 + "\n")
    print("after")  # noqa: T201


def write_100_megabytes_without_line_end(pk: int, attempt: int, reporter: Reporter) -> None:
    part = b"z" * (1 << 20)
    for _ in range(100):
        os.write(1, part)
    os.write(1, b"\nafter\n")


def fail_at_length(pk: int, attempt: int, reporter: Reporter) -> None:
    raise RunFailed("é" * (1 << 20), FailureKind.PIPELINE, "tb\n" * (1 << 18) + "last")


def say_much(pk: int, attempt: int, reporter: Reporter) -> None:
    """``pk`` thousand lines, half logged and half printed."""
    for number in range(pk * 500):
        _say(reporter, f"logged {number}")
        sys.stdout.write(f"printed {number}\n")


def write_garbage_records(pk: int, attempt: int, reporter: Reporter) -> None:
    """Write to every descriptor there is, as a confused program may."""
    for descriptor in range(3, 64):
        try:
            os.write(descriptor, b'not json\n{"is": "line"}\n{"is": "exit"}\n[]\nnull\n{"is": 7}\n')
            os.write(descriptor, b'{"is": "line", "time": 1e999, "stream": 3, "level": "x"}\n')
            os.write(descriptor, b'{"is": "progress", "done": NaN, "total": {}}\n\xff\xfe\n')
        except OSError:
            continue
    _say(reporter, "after")


def tell_environment(pk: int, attempt: int, reporter: Reporter) -> None:
    for name, value in sorted(os.environ.items()):
        _say(reporter, f"{name}={value}")
    _say(reporter, f"nice {os.nice(0)}")


def draw_a_number(pk: int, attempt: int, reporter: Reporter) -> None:
    import random

    import numpy as np

    _say(reporter, f"{random.random()} {np.random.rand()}")  # noqa: S311, NPY002
