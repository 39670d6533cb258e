"""Where a process's run executes: pure mechanism, no policy."""
