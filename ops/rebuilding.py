"""``tallystick rebuild``: views built anew beside those that are read, compared with them, and put in their place.

Here because this needs all of the rooms: the log to build from, a line that follows it until it stands where the live
one does, and the audit that tells whether both say the same. Whatever ends it, readers keep what they had.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import inspect, select
from sqlalchemy.exc import DatabaseError, OperationalError

from contracts.faults import Fault, fault
from contracts.ports import Progress, Store, views_name
from ops.metrics import Metrics

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from ops.house import House
    from projections.kpi.audit import Audit
    from streams.partition_line import PartitionLine
    from streams.place import Place
    from streams.runner import Runner

KEPT = 1
"""How many generations are kept besides the live one, unless asked for otherwise."""
SETTLING_LOOKS = 40
SETTLING_S = 0.25
"""So often, with such a pause, it is looked whether no cell of the live views waits to be counted."""

Moment = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild came to. ``number`` was built and is live where ``switched``; ``before`` was live (0: none).

    ``audit`` is how both compare where they were made by the same version from the same events, and ``changed`` how
    many cells of each KPI version differ where they were not; both are None where there was nothing to compare.
    ``left`` were to be removed as well, and somebody was inside: they go at the end of the next rebuild.
    """

    number: int
    before: int
    position: int
    head: int
    switched: bool
    audit: Audit | None
    changed: dict[tuple[str, int], int] | None
    dropped: tuple[int, ...]
    left: tuple[int, ...] = ()


def rebuild(
    house: House,
    *,
    accept_differences: bool = False,
    keep: int = KEPT,
    progress: Progress | None = None,
    moment: Moment = lambda _: None,
    sleep: Callable[[float], None] = time.sleep,
) -> Rebuilt:
    """Builds a generation beside the live one, while events keep coming, and changes over to it.

    Where both are of the same version and log, every row and cell is compared at the same log_index; where they differ
    nothing is switched, unless ``accept_differences``, and what was built is removed. ``moment`` is told the name of
    each step. Raises the fault ``views_in_use`` where another process is building, and what a rebuild raises.
    """
    generations, reader = house.generations, house.reader
    dropped = _sweep(house)
    left: list[int] = []
    before = generations.live()
    number = generations.begin(house.views.version)
    moment("begun")
    try:
        building = _Building(house, number)
        audit = changed = None
        if number != generations.live():
            audit, changed = _beside(house, building, before, progress, moment, sleep)
        if audit is not None and audit.differences and not accept_differences:
            position = building.position()
            generations.drop(number)
            return Rebuilt(number, before, position, reader.head().log_index, False, audit, changed, tuple(dropped))
        building.to(Standing(reader.head().log_index, {}), progress)
        _carry_over(house, before, building)
        moment("caught up")
        if number != generations.live():
            empty = not _place(house, before)
            generations.switch(number)
            moment("switched")
            if empty:
                # Nobody would go back to it.
                dropped += _dropped(house, [before], left)
    except BaseException:
        with suppress(Fault):
            generations.drop(number)
        raise
    generations.release(number)
    position = building.position()
    dropped += _prune(house, keep, left)
    return Rebuilt(
        number, before, position, reader.head().log_index, True, audit, changed, tuple(dropped), tuple(sorted({*left}))
    )


def back(house: House) -> tuple[int, int]:
    """Changes over to the generation that was live before the live one: (from, to). It then catches up by whoever
    follows the log. Raises the faults ``generation_unknown`` where none is kept, and ``views_behind`` where it was made
    by another version of this program."""
    generations = house.generations
    live = generations.live()
    kept = [one for one in generations.list() if one.state == "kept" and one.number < live]
    if not kept:
        raise fault("generation_unknown", "No earlier generation of the views is kept.")
    chosen = kept[-1]
    if chosen.version != house.views.version:
        raise fault(
            "views_behind",
            f"generation {chosen.number} is of version {chosen.version}; this program makes {house.views.version}",
            hint="Install the version of the program that made it, and go back with that.",
        )
    generations.switch(chosen.number)
    return live, chosen.number


class _Building:
    """The generation that is being built."""

    def __init__(self, house: House, number: int) -> None:
        from ops.composition import runner_maker

        self._house = house
        self.number = number
        self.store: Store = house.generations.store(number)
        make = runner_maker(house.settings, house.reader, house.clock, Metrics())
        self._runner: Runner = make(number, self.store)

    def position(self) -> int:
        """Up to where every event is applied or parked."""
        return self._runner.position()

    def to(self, there: Standing, progress: Progress | None = None) -> None:
        """Takes in what the live views hold, and counts the cells.

        Where workers share the partitions, some of these stand further than all of them: what they hold is taken in
        partition by partition, and from then on so is everything, because an event must not be counted twice.
        """
        divided = self._divided()
        if not divided:
            self._runner.catch_up(progress, upto=there.log_index)
        if divided or there.partitions:
            line = self._partition_line()
            for partition in range(self._house.settings.events_partitions):
                line.catch_up(partition, max(there.log_index, there.partitions.get(partition, 0)))
            self._refresh()

    def _divided(self) -> bool:
        with self.store.read() as connection:
            return bool(_partitions(connection, self.number))

    def _refresh(self) -> None:
        from ops.composition import refresher

        house = self._house
        refresher(house.settings, Metrics())(self.store, house.reader, house.clock())

    def _partition_line(self) -> PartitionLine:
        from projections.partitioned import PartitionedViews
        from streams.partition_line import PartitionLine

        house = self._house
        return PartitionLine(
            house.reader,
            _Alone(self.number, self.store),
            lambda number: PartitionedViews(house.zone, name=views_name(number)),
            partitions=house.settings.events_partitions,
            clock=house.clock,
            batch_limit=house.settings.runner_batch_events,
            brake_keys=house.settings.quarantine_brake_keys,
        )


@dataclass(frozen=True, slots=True)
class _Alone:
    """A ``contracts.ports.Followed``: to whoever builds a generation, it is the one that is followed."""

    number: int
    own: Store

    def live(self) -> int:
        return self.number

    def store(self, number: int) -> Store:
        return self.own


@dataclass(frozen=True, slots=True)
class Standing:
    """What a generation holds: every event up to ``log_index``, and of some partitions those up to their own."""

    log_index: int
    partitions: dict[int, int]


def _beside(
    house: House,
    building: _Building,
    before: int,
    progress: Progress | None,
    moment: Moment,
    sleep: Callable[[float], None],
) -> tuple[Audit | None, dict[tuple[str, int], int] | None]:
    """Builds up to where the live generation stands, and compares: (how they compare, how many cells differ)."""
    from projections.kpi.audit import beside, changed_cells, settled
    from streams.place import wrong_log

    live = house.generations.store(before)
    with live.read() as kept:
        found, there, parked = _standing(kept, before)
    foreign = wrong_log(found, house.reader)
    if found.version != house.views.version or foreign or parked or not there.log_index:
        building.to(Standing(house.reader.head().log_index, there.partitions), progress)
        moment("built")
        if foreign or not there.log_index:
            return None, None
        with live.read() as kept, building.store.read() as made:
            try:
                return None, changed_cells(kept, made)
            except DatabaseError:
                # The cells of that version were kept in another form.
                return None, None
    building.to(there, progress)
    moment("built")
    for look in reversed(range(SETTLING_LOOKS)):
        with live.read() as kept:
            if settled(kept) or not look:
                _, there, _ = _standing(kept, before)
                building.to(there)
                moment("level")
                with building.store.read() as made:
                    return beside(kept, made, house.zone), None
        sleep(SETTLING_S)
    raise AssertionError("unreachable")


def _standing(connection: Connection, number: int) -> tuple[Place, Standing, bool]:
    """Where a generation stands, and whether anything of it is in quarantine."""
    from streams.place import place
    from streams.tables import QUARANTINE

    found = place(connection, views_name(number))
    if not found.version:
        return found, Standing(0, {}), False
    query = select(QUARANTINE.c.log_index).where(QUARANTINE.c.name == views_name(number)).limit(1)
    parked = connection.execute(query).first() is not None
    return found, Standing(found.log_index, _partitions(connection, number)), parked


def _partitions(connection: Connection, number: int) -> dict[int, int]:
    """Where the partitions of a generation stand that workers share; none where one line follows the log."""
    from streams.tables import PARTITIONS

    if not inspect(connection).has_table(PARTITIONS.name):
        return {}
    query = select(PARTITIONS.c.partition, PARTITIONS.c.log_index).where(
        PARTITIONS.c.name == views_name(number), PARTITIONS.c.partition >= 0
    )
    return {row.partition: row.log_index for row in connection.execute(query)}


def _carry_over(house: House, before: int, building: _Building) -> None:
    """Takes over the snapshots of reviews, which not every version could fold again."""
    from projections.reviews.kept import carry_over

    if before and before != building.number:
        with house.generations.store(before).read() as kept, building.store.write() as made:
            carry_over(kept, made)


def _sweep(house: House) -> list[int]:
    """Removes what an ended rebuild left behind. Raises the fault ``views_in_use`` where one is under way."""
    left = [one.number for one in house.generations.list() if one.state == "building"]
    for number in left:
        house.generations.drop(number)
    return left


def _prune(house: House, keep: int, left: list[int]) -> list[int]:
    """Removes all but the newest of those that are kept; one that is still in use goes the next time."""
    kept = [one.number for one in house.generations.list() if one.state == "kept"]
    # One that could not be had a moment ago is not waited for again.
    return _dropped(house, [number for number in kept[: max(0, len(kept) - keep)] if number not in left], left)


def _dropped(house: House, numbers: Sequence[int], left: list[int]) -> list[int]:
    """Removes those that nobody is inside of; the others are added to ``left``."""
    gone = []
    for number in numbers:
        try:
            house.generations.drop(number)
        except (Fault, OperationalError):
            left.append(number)
        else:
            gone.append(number)
    return gone


def _place(house: House, number: int) -> int:
    """How far a generation stands in the log."""
    with house.generations.store(number).read() as connection:
        return _standing(connection, number)[1].log_index
