"""Run in the calling thread whatever the settings say, and let a terminal hear it."""

from __future__ import annotations

from tom_pipeline_core.executors import ExecutorPool
from tom_pipeline_core.executors.base import Executor, Handle, RunSpec, Sink
from tom_pipeline_core.executors.immediate import ImmediateExecutor


class InThisThread(ExecutorPool):
    """The same executor for every alias."""

    def get(self, alias: str) -> Executor:
        return ImmediateExecutor()

    def time_limit(self, alias: str) -> float | None:
        return None


class Listening(ExecutorPool):
    """Executors of another pool, which tell ``listener`` everything too."""

    def __init__(self, pool: ExecutorPool, listener: Sink) -> None:
        super().__init__()
        self._pool = pool
        self._listener = listener

    def get(self, alias: str) -> Executor:
        return _Listening(self._pool.get(alias), self._listener)

    def time_limit(self, alias: str) -> float | None:
        return self._pool.time_limit(alias)

    def close(self) -> None:
        self._pool.close()


class _Listening(Executor):
    def __init__(self, executor: Executor, listener: Sink) -> None:
        self._executor = executor
        self._listener = listener
        self.blocks = executor.blocks
        self.remote = executor.remote

    def start(self, spec: RunSpec, sink: Sink) -> Handle:
        return self._executor.start(spec, _Both(sink, self._listener))

    def reap(self, handle_id: str) -> bool:
        return self._executor.reap(handle_id)

    def close(self) -> None:
        self._executor.close()


class _Both(Sink):
    def __init__(self, *sinks: Sink) -> None:
        self._sinks = sinks

    def line(self, time: float, stream: str, level: int, text: str) -> None:
        for sink in self._sinks:
            sink.line(time, stream, level, text)

    def status(self, text: str) -> None:
        for sink in self._sinks:
            sink.status(text)

    def progress(self, done: float, total: float | None) -> None:
        for sink in self._sinks:
            sink.progress(done, total)
