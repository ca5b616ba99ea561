"""The import report: how every event and row of a file ended, by outcome and by rule.

The counts add up, so that a data steward can tell from the report alone that nothing was lost on the way in.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from contracts.faults import Problem
from contracts.recorded import Outcome

MAX_REFUSALS_SHOWN = 50
MAX_EXAMPLES_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Refusal:
    """An event or a row that was not recorded and is not a duplicate; ``row`` is its record number in the file."""

    row: int
    status: str
    code: str
    detail: str
    pointer: str
    hint: str
    id: str | None


@dataclass(slots=True)
class ImportReport:
    """What an import did (or, where ``dry_run``, would do to a ledger that holds none of it yet).

    ``recorded``, ``duplicate``, ``conflict`` and ``rejected`` count submissions and add up to ``submitted``: a row's
    events, or one rejection for a row that could not be mapped (``unmapped_rows`` of them). ``flags`` counts rows by
    rule, with zero for a rule that no row broke; ``examples`` gives the first few row numbers of each. ``stopped`` says
    why the file could not be read to its end, where it could not.
    """

    mapping: str
    dry_run: bool = False
    rows: int = 0
    submitted: int = 0
    recorded: int = 0
    duplicate: int = 0
    conflict: int = 0
    rejected: int = 0
    unmapped_rows: int = 0
    flags: dict[str, int] = field(default_factory=dict)
    says: dict[str, str] = field(default_factory=dict)
    examples: dict[str, list[int]] = field(default_factory=dict)
    refusals: list[Refusal] = field(default_factory=list)
    unused_columns: list[str] = field(default_factory=list)
    stopped: Problem | None = None

    def flag(self, rule: str, row: int) -> None:
        """Count a row under a rule."""
        self.flags[rule] = self.flags.get(rule, 0) + 1
        seen = self.examples.setdefault(rule, [])
        if len(seen) < MAX_EXAMPLES_SHOWN:
            seen.append(row)

    def count(self, row: int, outcome: Outcome) -> None:
        """Count how one submission of a row ended."""
        self.submitted += 1
        if outcome.status == "recorded":
            self.recorded += 1
        elif outcome.status == "duplicate":
            self.duplicate += 1
        else:
            if outcome.status == "conflict":
                self.conflict += 1
            else:
                self.rejected += 1
            if len(self.refusals) < MAX_REFUSALS_SHOWN:
                self.refusals.append(_refusal(row, outcome))

    def as_dict(self) -> dict[str, Any]:
        """The report's JSON shape, which is part of the contract: the four outcomes, flags by rule, and rows."""
        return {
            "recorded": self.recorded,
            "duplicate": self.duplicate,
            "conflict": self.conflict,
            "rejected": self.rejected,
            "flags": dict(self.flags),
            "rows": self.rows,
        }


def _refusal(row: int, outcome: Outcome) -> Refusal:
    found = outcome.problem
    return Refusal(
        row=row,
        status=outcome.status,
        code=found.code if found else "",
        detail=found.detail if found else "",
        pointer=found.pointer if found else "",
        hint=found.hint if found else "",
        id=outcome.id,
    )
