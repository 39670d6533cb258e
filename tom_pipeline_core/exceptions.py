"""
Errors of pipelines; each message says what happened, to which value, and what to do.

::

    PipelineError
    ├── AsyncError               raised by authors: its text is what the user reads
    ├── InvalidPipelineError     a class or registration that cannot be used
    ├── PipelineNotFound         no pipeline of that name
    ├── OutputError              what a pipeline handed back cannot be saved
    ├── InputError               an input file cannot be brought to the run
    └── SubmissionRefused        a process was not created; ``errors`` per field
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class PipelineError(Exception):
    """Base of every error of this package."""


class AsyncError(PipelineError):
    """
    Raise it in ``do_pipeline`` to end the process as ``failed``.

    The text becomes the failure message that the user reads.
    """


class InvalidPipelineError(PipelineError):
    """A registered pipeline cannot be used: not importable, not a pipeline, bad parameters."""


class PipelineNotFound(PipelineError):
    """No pipeline of the given name is available."""


class OutputError(AsyncError):
    """An output is missing, outside the run's folder, or of no known kind. Nothing is saved."""


class InputError(AsyncError):
    """An input file is gone or cannot be read from the storage."""


class SubmissionRefused(PipelineError):
    """
    A process was not created.

    Parameters
    ----------
    errors : mapping of str to sequence of str
        Messages per field: ``target``, ``products``, ``pipeline``, a parameter's name, or
        ``__all__`` for what belongs to no single field.
    """

    def __init__(self, errors: Mapping[str, Sequence[str]]) -> None:
        self.errors: dict[str, list[str]] = {field: list(texts) for field, texts in errors.items()}
        super().__init__(
            "; ".join(
                text if field == "__all__" else f"{field}: {text}"
                for field, texts in self.errors.items()
                for text in texts
            )
        )
