"""Reading what the runs themselves wrote down."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass
class Execution:
    """One run of one process, from its first word to its last."""

    pk: int
    attempt: int
    pid: int
    began: float
    last: float
    ended: bool = False


def executions(journal: Path) -> list[Execution]:
    """Return every run that began, in order."""
    found: dict[tuple[int, int, int, int], Execution] = {}
    repeats: dict[tuple[int, int, int], int] = {}
    if not journal.exists():
        return []
    for line in journal.read_text().splitlines():
        words = line.split()
        if len(words) != 5:
            continue  # cut off by a kill; a single write of so few bytes is not known to be
        what, (pk, attempt, pid), moment = words[0], map(int, words[1:4]), float(words[4])
        run = (pk, attempt, pid)
        if what == "B":
            repeats[run] = repeats.get(run, 0) + 1
            found[(*run, repeats[run])] = Execution(pk, attempt, pid, moment, moment)
        else:
            execution = found[(*run, repeats[run])]
            execution.last = moment
            execution.ended = execution.ended or what == "E"
    return list(found.values())


def overlaps(runs: list[Execution]) -> list[tuple[Execution, Execution]]:
    """Return pairs of runs of one process that were alive at the same time."""
    pairs = []
    by_process: dict[int, list[Execution]] = {}
    for run in runs:
        by_process.setdefault(run.pk, []).append(run)
    for those in by_process.values():
        those.sort(key=lambda run: run.began)
        for number, first in enumerate(those):
            pairs += [(first, other) for other in those[number + 1 :] if other.began < first.last]
    return pairs
