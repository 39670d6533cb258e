"""What is wrong with a plugin or a setting, as data: shown by checks, commands and pages alike."""

from __future__ import annotations

from dataclasses import dataclass

CHECK_PREFIX = "tom_pipeline_core"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One thing that is wrong, and what mends it."""

    id: str
    """Of the system check, such as ``tom_pipeline_core.W012``; the letter is the severity."""

    what: str
    """A sentence."""

    where: str
    """The distribution with its version, or the setting."""

    hint: str
    """What to do; a command where there is one."""

    subject: str = ""
    """The name of the pipeline or module concerned, as registered."""

    traceback: str = ""
    """For staff only: it shows paths of the server."""

    @property
    def severity(self) -> str:
        """``error``, ``warning`` or ``info``."""
        letter = self.id.rpartition(".")[2][:1]
        return {"E": "error", "W": "warning"}.get(letter, "info")


def check_id(code: str) -> str:
    """Return the full id of a check, ``W012`` → ``tom_pipeline_core.W012``."""
    return f"{CHECK_PREFIX}.{code}"
