"""``child_process``: the executor that sites use unless told otherwise."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import socket
import subprocess
import time
from collections.abc import Callable
from typing import Any

from tom_pipeline_core.executors.base import Executor, RunSpec, Sink, Unavailable
from tom_pipeline_core.executors.child_process import leftovers, process_tree, wire
from tom_pipeline_core.executors.child_process.environment import MARK, scrubbed
from tom_pipeline_core.executors.child_process.handle import ChildProcessHandle
from tom_pipeline_core.executors.child_process.options import Options
from tom_pipeline_core.executors.child_process.parent import NoParent, PreloadedParent
from tom_pipeline_core.executors.child_process.start import run_path, start_interpreter

logger = logging.getLogger(__name__)

START_LIMIT = 60.0  # seconds for the preloaded parent to be ready, on a busy machine


class ChildProcessExecutor(Executor):
    """
    Runs each process in a child behind a guard.

    Parameters
    ----------
    **options
        See :class:`.options.Options`.

    Raises
    ------
    ValueError
        If an option is unknown or its value of no use.
    """

    def __init__(self, **options: Any) -> None:
        self.options = Options.read(**options)
        self.parent: PreloadedParent | None = None
        if self.options.start == "fork":
            self.parent = PreloadedParent(
                scrubbed(os.environ, self.options),
                self.options.preload,
                start_limit=START_LIMIT,
            )

    def start(self, spec: RunSpec, sink: Sink) -> ChildProcessHandle:
        began = time.monotonic()
        mark = secrets.token_hex(16)
        grace = self.options.grace or spec.grace
        request = {
            "pk": spec.pk,
            "attempt": spec.attempt,
            "entry": self.options.entry,
            "lease": spec.lease,
            "grace": grace,
            "memory_limit": spec.memory_limit or self.options.memory_limit,
            "nice": self.options.nice,
            "environment": scrubbed(os.environ, self.options),
            "mark": mark,
        }

        def lease_left() -> float | None:
            """Return what is left of the lease: making a parent ready may take seconds."""
            if spec.lease is None:
                return None
            left = spec.lease - (time.monotonic() - began)
            if left < spec.lease / 2:
                raise Unavailable(
                    f"making ready for it took {time.monotonic() - began:.1f} s of its lease"
                )
            return left

        with contextlib.ExitStack() as ours, contextlib.ExitStack() as theirs:
            try:
                lifeline_read, lifeline = _pipe(theirs, ours)
                output, output_write = _pipe(ours, theirs)
                records, records_write = _pipe(ours, theirs)
                popen, watch = None, None
                try:
                    guard, watch = self._fork(
                        request, [lifeline_read, output_write, records_write], lease_left
                    )
                except NoParent as reason:
                    if self.parent is not None:
                        logger.warning("A run starts in a fresh interpreter: %s", reason)
                    popen = self._exec(request, lifeline_read, output_write, records_write)
                    theirs.close()  # or a guard that died could not be told from a slow one
                    self._hand_over(popen, lifeline, {**request, "lease": lease_left()})
                    guard, watch = popen.pid, _watch(popen.pid)
            except (OSError, EOFError) as error:
                raise Unavailable(f"no process can be started: {error}") from error
            ours.pop_all()
        return ChildProcessHandle(
            _handle_id(guard, mark),
            sink,
            guard=guard,
            lifeline=lifeline,
            output=output,
            records=records,
            watch=watch,
            popen=popen,
            grace=grace,
            clean_up=lambda: leftovers.kill_marked(mark),
        )

    def _fork(
        self,
        request: dict[str, Any],
        descriptors: list[int],
        lease_left: Callable[[], float | None],
    ) -> tuple[int, int | None]:
        if self.parent is None:
            raise NoParent("the option 'start' says so")
        if self.options.threads != 1:
            request = {**request, "threads": self.options.threads}
        return self.parent.fork(lambda: {**request, "lease": lease_left()}, descriptors)

    def _exec(
        self, request: dict[str, Any], lifeline: int, output: int, records: int
    ) -> subprocess.Popen[bytes]:
        return start_interpreter(
            "guard",
            lifeline,
            records,
            environment={**request["environment"], MARK: request["mark"]},
            output=output,
        )

    def _hand_over(
        self, popen: subprocess.Popen[bytes], lifeline: int, request: dict[str, Any]
    ) -> None:
        """Tell a guard in a fresh interpreter what to run."""
        message = wire.pack(
            {
                **request,
                "sys_path": run_path(),
                "settings_environment": {**os.environ, **request["environment"]},
            }
        )
        try:
            wire.write_all(lifeline, message)
        except OSError:
            popen.kill()
            popen.wait()
            raise

    def prepare(self) -> None:
        if self.parent is not None:
            self.parent.warm_up()

    def reap(self, handle_id: str) -> bool:
        return leftovers.reap(handle_id)

    def close(self) -> None:
        if self.parent is not None:
            self.parent.close()


def _pipe(reader: contextlib.ExitStack, writer: contextlib.ExitStack) -> tuple[int, int]:
    """Return a pipe whose ends are closed by two stacks."""
    read, write = os.pipe()
    reader.callback(os.close, read)
    writer.callback(os.close, write)
    return read, write


def _watch(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None  # an old kernel, another system; the guard's own wait status tells too


def _handle_id(guard: int, mark: str) -> str:
    try:
        started = process_tree.start_time(guard)
    except ProcessLookupError:
        started = "gone"
    return leftovers.HandleId(socket.gethostname(), guard, started, mark).text()
