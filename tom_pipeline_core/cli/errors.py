"""What a command was given and cannot use."""


class UsageError(Exception):
    """Shown as one line; the exit code is 2."""
