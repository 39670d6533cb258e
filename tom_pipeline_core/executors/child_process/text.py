"""Text that a run sends: made safe for every database, and bounded."""

from __future__ import annotations

import re

LINE_MAX = 8192
"""Characters of a line, with the mark that says it was cut."""
FAILURE_MAX = 4 << 20
"""Characters of a failure's message or traceback."""

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # NUL and lone surrogates
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")
_CUT = " … [line cut after {} characters]"


def storable(text: str) -> str:
    """Return text without what databases refuse."""
    return _UNSTORABLE.sub("\ufffd", text)


def without_colours(text: str) -> str:
    """Return text without the escape sequences that steer a terminal."""
    return _ESCAPES.sub("", text) if "\x1b" in text else text


def cut_line(text: str) -> str:
    """Return a storable line of at most :data:`LINE_MAX` characters."""
    text = storable(text[: LINE_MAX + 1])
    if len(text) <= LINE_MAX:
        return text
    keep = LINE_MAX - len(_CUT) - 4
    return text[:keep] + _CUT.format(keep)


def cut_failure(text: str) -> str:
    """Return storable text; of an enormous one the beginning and the end."""
    if len(text) > FAILURE_MAX:
        half = FAILURE_MAX // 2
        text = f"{text[:half]}\n… [{len(text) - 2 * half} characters cut] …\n{text[-half:]}"
    return storable(text)
