"""What an import did, in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Report:
    """Counts, and a line for whatever is not as it was."""

    found: int = 0
    imported: int = 0
    already: int = 0
    moved: list[tuple[str, str]] = field(default_factory=list)
    """Tables, old and new name."""

    notes: list[str] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        """Yield the report line by line."""
        if not self.found and not self.moved and not self.notes:
            yield "There are no processes of tom_education to import."
            return
        yield (
            f"{self.imported} of {self.found} processes of tom_education were imported; "
            f"{self.already} were here already."
        )
        yield from self.notes
        for old, new in self.moved:
            yield f"The table {old} was copied to {new}, which may be dropped, and removed."
