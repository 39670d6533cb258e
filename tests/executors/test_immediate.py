from __future__ import annotations

from tom_pipeline_core.executors.immediate import ImmediateExecutor
from tom_pipeline_core.testing.executor_contract import ExecutorContract


class TestImmediate(ExecutorContract):
    isolates = stoppable = leases = limits_memory = captures_descriptors = reaps = False

    def make_executor(self, entry):
        return ImmediateExecutor(entry=entry)
