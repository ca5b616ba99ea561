"""Holding the demonstration's reviews: on their days, the ledger as filled so far is read and what it shows is fixed.

A review cannot be written down beforehand like any other event, because its digest is that of the very cells the
committee saw; so it is made here, between two nights, by the same code that a real committee would use.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Any, Final, Protocol

import orjson

from contracts.moments import format_us
from ops.demo import cast
from ops.demo.cast import SECRETARIAT
from ops.demo.committee import REVIEWS
from ops.demo.plan import moment_us

if TYPE_CHECKING:
    from ops.composition import House
    from projections.reviews import Snapshot

_HOUR: Final = 19.0
"""UTC: early afternoon in the partnership's zone, before the day's own reports are recorded at its end."""


class Freezer(Protocol):
    """Fixes what the ledger shows."""

    def __call__(self, moment_us: int, log_index: int) -> tuple[str, int]:
        """(digest in hexadecimal, number of cells) of the plan as known at a log_index and judged at a moment."""
        ...


class HouseFreezer:
    """A Freezer that reads a house, and keeps the snapshots so that nobody has to wait for them afterwards."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._frozen: list[Snapshot] = []

    def __call__(self, moment_us: int, log_index: int) -> tuple[str, int]:
        from ops.reviewing import reviews_of
        from projections.kpi import AsOf

        snapshot = reviews_of(self._house).freeze(cast.PLAN, AsOf(moment_us, log_index))
        self._frozen.append(snapshot)
        return snapshot.sha256, len(snapshot.cells)

    def keep(self) -> None:
        """Put the snapshots where the house looks for them; they can be made again at any time."""
        from projections.reviews.kept import keep

        with self._house.store.write() as connection:
            for snapshot in self._frozen:
                keep(connection, snapshot, self._house.views.version)


def held_on() -> Iterator[tuple[int, str]]:
    """(moment in UTC microseconds, review) of every review that was held, in order."""
    for review, _, held in sorted(REVIEWS, key=lambda one: one[2] or date.max):
        if held is not None:
            yield moment_us(held, _HOUR), review


def review_held(review: str, at_us: int, log_index: int, freezer: Freezer) -> bytes:
    """The decision that holds a review of the ledger up to ``log_index``, as the secretariat sends it."""
    sha256, cells = freezer(at_us, log_index)
    data: dict[str, Any] = {
        "review": review,
        "plan": cast.PLAN,
        "as_of": log_index,
        "moment": format_us(at_us),
        "cells_sha256": sha256,
        "cells": cells,
    }
    return orjson.dumps(
        {
            "specversion": "1.0",
            "id": f"review.held-{review}",
            "source": SECRETARIAT.source,
            "type": "org.tallystick.review.held.v1",
            "subject": f"review/{review}",
            "time": format_us(at_us),
            "agency": SECRETARIAT.agency,
            "data": data,
        }
    )
