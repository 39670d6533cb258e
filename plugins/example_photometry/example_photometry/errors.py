"""What is wrong with a file."""

from __future__ import annotations


class FrameError(Exception):
    """
    A file cannot be measured.

    The text is a reason to be read after the file's name: what was found and what to do.
    """


class SeriesError(Exception):
    """
    A whole run makes no sense.

    The text says what was found and what to change, as a sentence of its own.
    """
