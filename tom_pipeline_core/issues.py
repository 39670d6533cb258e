"""What a look at the input files finds before a run; pipelines return these from ``preflight``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

ERROR = "error"
WARNING = "warning"


@dataclass(frozen=True)
class Issue:
    """
    Something that speaks against a run.

    Parameters
    ----------
    message : str
        A sentence that says what is wrong and what to do. The same sentence for several files is
        shown once, with all of them.
    level : str
        ``error``: the run cannot start. ``warning``: the user is asked once.
    product : DataProduct, optional
        The file it is about; the user can leave such files out with one click.
    detail : str
        What differs from file to file, for example a position.
    """

    message: str
    level: str = WARNING
    product: Any = None
    detail: str = ""

    def __post_init__(self) -> None:
        if self.level not in (ERROR, WARNING):
            raise ValueError(f"level must be {ERROR!r} or {WARNING!r}, not {self.level!r}")

    @classmethod
    def error(cls, message: str, product: Any = None, detail: str = "") -> Issue:
        """Return an issue that blocks the run."""
        return cls(message, ERROR, product, detail)

    @classmethod
    def warning(cls, message: str, product: Any = None, detail: str = "") -> Issue:
        """Return an issue that the user may accept."""
        return cls(message, WARNING, product, detail)
