"""Reviews as every porch shows them: their snapshots, made where they are not kept, and what restates them.

Here because a snapshot needs the views of an earlier log_index and the restatements need those of now, and page,
interface and command must give the same answer about both.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary, ref

from contracts.faults import fault
from ops import deciding

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from ops.composition import House
    from projections.kpi import AsOf
    from projections.kpi.history import Change
    from projections.reviews import CellName, Held, Restatement, Snapshot

SNAPSHOTS_KEPT = 8
"""Snapshots in memory; one of twenty KPIs over two years takes a few megabytes."""
RESTATED_KEPT = 64
SOURCE = "urn:tallystick:reviews"

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class OpenReview:
    """A review that was held, as a reading knows it.

    ``restated`` are the numbers that are others now; ``decided`` the decisions since then about targets and
    definitions of its KPIs, by KPI, which change how the same figures are judged or which are counted.
    """

    held: Held
    snapshot: Snapshot
    restated: tuple[Restatement, ...]
    decided: dict[str, tuple[Change, ...]]

    @property
    def matches(self) -> bool:
        """Whether the digest and the number of cells that the review states are those of its snapshot."""
        return self.held.sha256 == self.snapshot.sha256 and self.held.cells == len(self.snapshot.cells)

    def to_json(self) -> dict[str, Any]:
        return {
            **self.held.to_json(),
            "matches": self.matches,
            "computed_sha256": self.snapshot.sha256,
            "computed_cells": len(self.snapshot.cells),
            "decided_since": [
                {"kpi": kpi, **change.to_json()} for kpi, changes in self.decided.items() for change in changes
            ],
            "restatements": [one.to_json() for one in self.restated],
        }


class Reviews:
    """The reviews of one house. May be used from any thread; at most so much is remembered as the limits above."""

    def __init__(self, house: House) -> None:
        # Not held fast: what is remembered of a house goes with it.
        self._of = ref(house)
        self._lock = threading.Lock()
        self._snapshots: dict[Any, Snapshot] = {}
        self._restated: dict[Any, tuple[Restatement, ...]] = {}
        self._names: dict[Any, tuple[CellName, ...]] = {}

    @property
    def _house(self) -> House:
        found = self._of()
        if found is None:
            raise fault("closing", "the ledger was closed")
        return found

    def every(self, as_of: AsOf) -> list[Held]:
        """Every review known at a reading, the newest first."""
        from projections.reviews import held_reviews

        with self._house.reading(as_of) as connection:
            return held_reviews(connection)

    def one(self, review: str, as_of: AsOf) -> Held:
        """A review known at a reading. Raises the fault ``not_found``."""
        for held in self.every(as_of):
            if held.review == review:
                return held
        raise fault("not_found", f"there is no review {review!r}")

    def open(self, held: Held, as_of: AsOf) -> OpenReview:
        """A held review with all that restates it. Raises ValueError for one that was not held."""
        snapshot = self.snapshot(held)
        with self._house.reading(as_of) as connection:
            restated = self._restatements(connection, snapshot)
            decided = self._decided(connection, snapshot)
        return OpenReview(held, snapshot, restated, decided)

    def restated(self, held: Held, as_of: AsOf, **some: str | None) -> tuple[Restatement, ...]:
        """What restates a review: all of it, or the numbers of one ``kpi``, ``period`` and ``group``."""
        snapshot = self.snapshot(held)
        with self._house.reading(as_of) as connection:
            return self._restatements(connection, snapshot, **some)

    def changed(self, held: Held, as_of: AsOf, **some: str | None) -> tuple[CellName, ...]:
        """The names of the numbers that are others now, of all or of some. Costs no search for the events, so that a
        list or a mark may ask."""
        from projections.kpi.cells import Reading
        from projections.kpi.explaining import high_water, stored_generation
        from projections.kpi.shapes import AsOf
        from projections.reviews.restating import changed

        snapshot = self.snapshot(held)
        with self._house.reading(as_of) as connection:
            upto = high_water(connection)
            key = _key(snapshot, (upto, stored_generation(connection)), some)
            found = self._remembered(self._names, key)
            if found is None:
                reading = Reading(connection, AsOf(snapshot.moment_us, upto), self._house.zone)
                found = tuple(one.name for one in changed(reading, snapshot, **some))
        return self._remember(self._names, key, found, RESTATED_KEPT)

    def matches(self, held: Held) -> bool:
        """Whether the digest and the number of cells that a review states are those of its snapshot."""
        snapshot = self.snapshot(held)
        return held.sha256 == snapshot.sha256 and held.cells == len(snapshot.cells)

    def line(self, held: Held, as_of: AsOf) -> dict[str, Any]:
        """A review in a list, as JSON: with whether its digest ``matches`` and how many ``restatements`` there are;
        both None for one that has not been held."""
        told: dict[str, Any] = {**held.to_json(), "matches": None, "restatements": None}
        if held.held:
            told |= {"matches": self.matches(held), "restatements": len(self.changed(held, as_of))}
        return told

    def latest(self, plan: str | None, as_of: AsOf) -> Held | None:
        """The last review of a plan that was held by a reading."""
        return next((held for held in self.every(as_of) if held.held and held.plan == plan), None)

    def snapshot(self, held: Held) -> Snapshot:
        """What was frozen: as kept, else folded from the log anew and kept where this house may write."""
        from projections.reviews.kept import keep, kept

        house = self._house
        reading = held.reading()
        key = (held.plan, reading, held.sha256)
        found = self._remembered(self._snapshots, key)
        if found is not None:
            return found
        with house.store.read() as connection:
            found = kept(connection, held.plan, reading, held.sha256 or "", house.views.version)
        if found is None:
            found = self.freeze(held.plan, reading)
            if house.writable:
                with house.store.write() as connection:
                    keep(connection, found, house.views.version)
        return self._remember(self._snapshots, key, found, SNAPSHOTS_KEPT)

    def freeze(self, plan: str, reading: AsOf) -> Snapshot:
        """The snapshot of a plan at a reading, from the log. Raises the fault ``plan_not_adopted``."""
        from sqlalchemy import select

        from projections.kpi.populations import table_of
        from projections.reviews import freeze

        plans = table_of("plans")
        with self._house.reading(reading) as connection:
            if connection.scalar(select(plans.c.adopted).where(plans.c.plan == plan)) != 1:
                raise fault("plan_not_adopted", f"the plan {plan!r} was not adopted as known then")
            return freeze(connection, plan, reading, self._house.zone)

    def _restatements(self, connection: Connection, snapshot: Snapshot, **some: str | None) -> tuple[Restatement, ...]:
        from projections.kpi.explaining import high_water, stored_generation
        from projections.reviews import restatements

        # The figures of a moment gone by follow from the rows alone, and these from the position.
        some = {what: value for what, value in some.items() if value is not None}
        key = _key(snapshot, (high_water(connection), stored_generation(connection)), some)
        found = self._remembered(self._restated, key)
        if found is not None:
            return found
        found = restatements(connection, self._house.reader, snapshot, self._house.zone, **some)
        return self._remember(self._restated, key, found, RESTATED_KEPT)

    def _decided(self, connection: Connection, snapshot: Snapshot) -> dict[str, tuple[Change, ...]]:
        from projections.kpi.history import decisions, history

        decided = decisions(connection, self._house.reader)
        found = {}
        for kpi in dict.fromkeys(shown.kpi for shown in snapshot.shown):
            since = [one for one in history(decided, kpi).changes if one.event.log_index > snapshot.as_of]
            if since:
                found[kpi] = tuple(since)
        return found

    def _remembered(self, kept: dict[Any, V], key: Any) -> V | None:
        with self._lock:
            found = kept.pop(key, None)
            if found is not None:
                kept[key] = found  # last in the line of those to be forgotten
            return found

    def _remember(self, kept: dict[Any, V], key: Any, value: V, most: int) -> V:
        with self._lock:
            kept[key] = value
            while len(kept) > most:
                del kept[next(iter(kept))]
        return value


def _key(snapshot: Snapshot, state: tuple[int, str], some: Mapping[str, str | None]) -> Any:
    """All that what restates a snapshot depends on. The moment is part of it: which periods were over hangs on that
    alone, while two reviews of the same events may well have frozen the same numbers."""
    asked = tuple(sorted((what, value) for what, value in some.items() if value is not None))
    return (snapshot.plan, snapshot.as_of, snapshot.moment_us, snapshot.sha256, state, asked)


_OF_HOUSE: WeakKeyDictionary[House, Reviews] = WeakKeyDictionary()
_ONE_EACH = threading.Lock()


def reviews_of(house: House) -> Reviews:
    """The reviews of a house, the same each time, so that its porches share what is remembered."""
    with _ONE_EACH:
        return _OF_HOUSE.setdefault(house, Reviews(house))


def decide(house: House, name: str, review: str, agency: str, data: dict[str, Any]) -> int:
    """Record a decision about a review, taken now by an agency; returns its log_index.

    Raises the Fault of the rule that refuses it, and ``home_in_use`` where another process writes.
    """
    _, receipt = deciding.decide(
        house,
        name,
        {"review": review, **data},
        subject=f"review/{review}",
        agency=agency,
        source=SOURCE,
    )
    return receipt.log_index


__all__ = ["OpenReview", "Reviews", "decide", "reviews_of"]
