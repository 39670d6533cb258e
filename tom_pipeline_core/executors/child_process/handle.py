"""The worker's end of a run: its orders, its output, how it ended."""

from __future__ import annotations

import json
import logging
import math
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any

from tom_pipeline_core.executors.base import Handle, Outcome, Sink
from tom_pipeline_core.executors.child_process import process_tree, wire
from tom_pipeline_core.executors.child_process.lines import LineSplitter
from tom_pipeline_core.executors.child_process.text import (
    LINE_MAX,
    cut_line,
    storable,
    without_colours,
)

CHUNK = 1 << 16
RECORD_MAX = 32 << 20  # bytes; a failure of FAILURE_MAX characters fits, however it is escaped
PIPES_HOLD = 2 << 20  # bytes, at most; more after the end is the noise of a survivor
UNANSWERED = 10.0  # seconds beyond the grace, after which a guard that was told to stop is killed
EARLIEST, LATEST = 0.0, 253402300000.0  # times that a database stores


class ChildProcessHandle(Handle):
    """
    A run behind its guard. Used by one thread, except ``stop`` and ``renew``.

    Parameters
    ----------
    handle_id : str
        Stored with the process.
    guard : int
        Pid of the guard.
    lifeline, output, records : int
        Descriptors of the pipes; the handle closes them.
    watch : int or None
        A pidfd of the guard.
    popen : subprocess.Popen or None
        The guard, if it is a child of this process.
    """

    def __init__(
        self,
        handle_id: str,
        sink: Sink,
        *,
        guard: int,
        lifeline: int,
        output: int,
        records: int,
        watch: int | None,
        popen: subprocess.Popen[bytes] | None,
        grace: float,
        clean_up: Callable[[], object],
    ) -> None:
        self.id = handle_id
        self._sink = sink
        self._guard = guard
        self._lifeline: int | None = lifeline
        self._watch = watch
        self._popen = popen
        self._grace = grace
        self._clean_up = clean_up
        self._records = records
        self._splitters = {
            output: (LineSplitter(4 * LINE_MAX, overwrites=True), self._take_output),
            records: (LineSplitter(RECORD_MAX), self._take_record),
        }
        self._poller = select.poll()
        for descriptor in (lifeline, output, records):
            os.set_blocking(descriptor, False)
        for descriptor in self._splitters:
            self._poller.register(descriptor, select.POLLIN)
        if watch is not None:
            self._poller.register(watch, select.POLLIN)
        self._end: dict[str, Any] = {}
        self._exit: dict[str, Any] = {}
        self._give_up_at: float | None = None
        self._read_after_end = 0
        self._outcome: Outcome | None = None

    # -- orders ---------------------------------------------------------------------------------

    def stop(self, force: bool = False) -> None:
        limit = time.monotonic() + UNANSWERED + (0 if force else self._grace)
        self._give_up_at = min(limit, self._give_up_at or limit)
        self._order(wire.KILL if force else wire.STOP)

    def renew(self) -> None:
        self._order(wire.RENEWED)

    def _order(self, order: bytes) -> None:
        if self._lifeline is None:
            return
        try:
            os.write(self._lifeline, order)
        except (BrokenPipeError, BlockingIOError):
            pass  # over already; or thousands of orders were not read, and it will be killed

    # -- output ---------------------------------------------------------------------------------

    def wait(self, timeout: float) -> Outcome | None:
        deadline = time.monotonic() + timeout
        while self._outcome is None:
            left = deadline - time.monotonic()
            gone = self._is_over()
            events = self._poller.poll(0 if gone else max(0.0, left) * 1000)
            readable = [descriptor for descriptor, _ in events if descriptor in self._splitters]
            for descriptor in readable:
                size = self._read(descriptor)
                self._read_after_end += size if gone else 0
            if gone and (not readable or self._read_after_end > PIPES_HOLD):
                self._finish()
            elif self._give_up_at is not None and time.monotonic() > self._give_up_at:
                self._kill_unanswering()
            elif left <= 0:
                return None
        return self._outcome

    def _is_over(self) -> bool:
        """
        Whether guard and run have ended; what they wrote may still be in the pipes.

        Processes that outlive them may hold the output pipe: its end is not waited for.
        """
        if self._exit or self._records not in self._splitters:
            return True
        if self._watch is not None:
            return bool(select.select([self._watch], [], [], 0)[0])
        return self._popen is not None and self._popen.poll() is not None

    def _read(self, descriptor: int) -> int:
        splitter, take = self._splitters[descriptor]
        try:
            data = os.read(descriptor, CHUNK)
        except BlockingIOError:
            return 0
        for line in splitter.feed(data) if data else splitter.rest():
            take(line)
        if not data:
            self._poller.unregister(descriptor)
            os.close(descriptor)
            del self._splitters[descriptor]
        return len(data)

    def _take_output(self, line: bytes) -> None:
        self._sink.line(time.time(), "out", logging.INFO, _decode(line))

    def _take_record(self, line: bytes) -> None:
        """Understand a record; it may come from the pipeline itself, and say anything."""
        if not line:
            return
        try:
            record = json.loads(line)
            kind = record["is"]
            self._understand(kind, record)
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            # The stack of a crash, which is plain text.
            self._sink.line(time.time(), "log", logging.ERROR, _decode(line))

    def _understand(self, kind: str, record: dict[str, Any]) -> None:
        if kind == "line":
            level = int(record["level"])
            moment = float(record["time"])
            if not EARLIEST < moment < LATEST:
                moment = time.time()
            text, stream = str(record["text"]), str(record["stream"])
            self._sink.line(
                moment,
                stream if stream in ("log", "out") else "log",
                max(0, min(level, 100)),
                cut_line(text.replace("\n", " ")),
            )
        elif kind == "status":
            self._sink.status(cut_line(str(record["text"])))
        elif kind == "progress":
            total = record["total"]
            done, total = float(record["done"]), None if total is None else float(total)
            if math.isfinite(done) and (total is None or math.isfinite(total)):
                self._sink.progress(done, total)
        elif kind == "end":
            self._end = {
                "ok": record["ok"] is True,
                **{key: storable(str(record[key])) for key in ("reason", "kind", "message")},
                "traceback": storable(str(record["traceback"])),
            }
        elif kind == "exit":
            self._exit = {
                "code": int(record["code"]),
                "reason": str(record["reason"]),
                "leftovers": int(record["leftovers"]),
                "clean": record["clean"] is True,
                "cpu_seconds": float(record["cpu_seconds"]),
                "peak_memory": int(record["peak_memory"]),
            }
        else:
            raise ValueError(kind)

    # -- the end --------------------------------------------------------------------------------

    def _kill_unanswering(self) -> None:
        """The guard itself hangs, or something cannot be killed: end what can be, and go on."""
        process_tree.kill_below(self._guard, limit=1.0)
        process_tree.send_signal(signal.SIGKILL, [self._guard])
        self._sink.line(time.time(), "log", logging.ERROR, "The run did not end when it was killed")
        self._finish()

    def _finish(self) -> None:
        for descriptor, (splitter, take) in list(self._splitters.items()):
            for line in splitter.rest():
                take(line)
            self._poller.unregister(descriptor)
            os.close(descriptor)
        self._splitters = {}
        if self._lifeline is not None:
            os.close(self._lifeline)
            self._lifeline = None
        if self._watch is not None:
            os.close(self._watch)
            self._watch = None
        if self._popen is not None:
            try:
                self._popen.wait(1.0)
            except subprocess.TimeoutExpired:
                self._popen.kill()
        if not self._exit:
            self._clean_up()
        self._outcome = self._judge()

    def _judge(self) -> Outcome:
        if not self._exit:
            return Outcome(
                ok=False,
                exit_code=None,
                error="the guard of the run was killed",
                reason="guard lost",
            )
        code, reason = self._exit["code"], self._exit["reason"]
        usage = {key: self._exit[key] for key in ("peak_memory", "cpu_seconds", "leftovers")}
        if code < 0 and not reason:
            reason = f"signal {_signal_name(-code)}"
        if self._end.get("ok") and code == 0:
            # It had ended well before whatever was asked of it.
            return Outcome(ok=True, exit_code=0, usage=usage)
        message = self._end.get("message", "")
        if not self._end and code >= 0 and not reason:
            message = f"it ended with exit code {code} before the pipeline had returned"
        return Outcome(
            ok=False,
            exit_code=code,
            error_kind=self._end.get("kind", ""),
            error=message,
            traceback=self._end.get("traceback", ""),
            reason=reason or self._end.get("reason", ""),
            usage=usage,
        )


def _decode(line: bytes) -> str:
    return cut_line(without_colours(line.decode("utf-8", "replace")))


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
