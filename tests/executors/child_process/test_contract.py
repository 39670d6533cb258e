from __future__ import annotations

import subprocess

import pytest

from tom_pipeline_core.executors.child_process import ChildProcessExecutor
from tom_pipeline_core.executors.child_process.parent import PreloadedParent
from tom_pipeline_core.testing.executor_contract import ExecutorContract


@pytest.fixture(scope="module")
def preloaded():
    """Load Django once: all tests fork from the same parent."""
    executor = ChildProcessExecutor(start="fork")
    yield executor.parent
    executor.close()


class TestForked(ExecutorContract):
    @pytest.fixture(autouse=True)
    def share(self, preloaded):
        self.shared = preloaded

    def make_executor(self, entry):
        executor = ChildProcessExecutor(start="fork", entry=entry)
        executor.parent = self.shared
        executor.close = lambda: None
        return executor

    def break_executor(self, executor, monkeypatch):
        def refuse(*args, **options):
            raise BlockingIOError(11, "Resource temporarily unavailable")

        monkeypatch.setattr(PreloadedParent, "fork", refuse)


class TestExeced(ExecutorContract):
    def make_executor(self, entry):
        return ChildProcessExecutor(start="exec", entry=entry)

    def break_executor(self, executor, monkeypatch):
        def refuse(*args, **options):
            raise BlockingIOError(11, "Resource temporarily unavailable")

        monkeypatch.setattr(subprocess, "Popen", refuse)
