"""The reviews there are, as a reading of the ledger knows them: scheduled, held, of which plan and as of when.

Read from the views like everything else, so that an earlier reading knows no later review.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import Connection

from contracts.moments import format_us, parse_us
from projections.kpi.populations import table_of
from projections.kpi.shapes import AsOf


@dataclass(frozen=True, slots=True)
class Held:
    """One review; what is None was not said. ``due`` is a local day, moments are UTC microseconds.

    ``as_of``, ``moment_us``, ``sha256`` and ``cells`` are what it states of its snapshot, None before it is held.
    """

    review: str
    plan: str
    due: str | None
    scheduled_at_us: int | None
    held_at_us: int | None
    as_of: int | None
    moment_us: int | None
    sha256: str | None
    cells: int | None
    agency: str | None

    @property
    def held(self) -> bool:
        return self.as_of is not None

    def reading(self) -> AsOf:
        """The reading that was frozen. Raises ValueError for a review that has not been held."""
        if self.as_of is None or self.moment_us is None:
            raise ValueError(f"the review {self.review} has not been held")
        return AsOf(self.moment_us, self.as_of)

    def to_json(self) -> dict[str, Any]:
        return {
            "review": self.review,
            "plan": self.plan,
            "due": self.due,
            "scheduled_at": _text(self.scheduled_at_us),
            "held_at": _text(self.held_at_us),
            "as_of": self.as_of,
            "moment": _text(self.moment_us),
            "cells_sha256": self.sha256,
            "cells": self.cells,
            "agency": self.agency,
        }


def held_reviews(connection: Connection) -> list[Held]:
    """Every review, the newest first: by when it was held, those that are not held yet by when they are due."""
    table = table_of("reviews")
    found = [_held(row) for row in connection.execute(select(table)).mappings()]
    return sorted(found, key=_newest, reverse=True)


def _newest(one: Held) -> tuple[bool, int, str, str]:
    return (not one.held, one.held_at_us or 0, one.due or "", one.review)


def _held(row: Any) -> Held:
    held = bool(row["held"])
    stated = row["moment"]
    return Held(
        review=row["review"],
        plan=(row["held_plan"] if held else None) or row["plan"],
        due=row["due"],
        scheduled_at_us=row["scheduled_at"],
        held_at_us=row["held_at"],
        as_of=row["as_of"] if held else None,
        # Where it does not say which moment was read as now, it is the one at which the review was held.
        moment_us=(parse_us(stated) if stated else row["held_at"]) if held else None,
        sha256=row["cells_sha256"] if held else None,
        cells=row["cells"] if held else None,
        agency=row["held_agency"] if held else row["agency"],
    )


def _text(moment_us: int | None) -> str | None:
    return None if moment_us is None else format_us(moment_us)
