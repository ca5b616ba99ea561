"""What everything else does with views whose partitions stand at different places: replay, audit, going back to one
line."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import update

from contracts.faults import UnavailableFault
from contracts.ports import Store, views_name
from ops.torture.delivering import FailingViews, Orders, meets
from projections.kpi.audit import audit
from projections.partitioned import PartitionedViews
from projections.views import Views
from streams.live_line import LiveLine
from streams.place import gone_ahead
from streams.quarantine import Quarantine
from streams.runner import Runner
from streams.tables import POSITIONS
from tests.delivery.delivery_world import PARTITIONS, World, begin_views, world
from tests.projections.partition_world import NOW_US, in_process, line, messages, tables

ZONE = "America/Los_Angeles"
EVENTS = 1_200


@pytest.fixture
def ledger(postgres_address: str) -> Iterator[World]:
    with world(postgres_address, EVENTS) as made:
        begin_views(made)
        yield made


def lanes(ledger: World) -> list[Any]:
    return messages(ledger.ledger.reader().after(0, EVENTS + 1), PARTITIONS)


def expected(ledger: World) -> Any:
    return in_process(ledger.ledger.reader().after(0, EVENTS + 1), ZONE)


def orders(poison_of: int) -> Orders:
    return Orders("", "", "t", PARTITIONS, ZONE, NOW_US, poison_of=poison_of)


def live_line(ledger: World) -> LiveLine:
    def make(number: int, store: Store) -> Runner:
        views = PartitionedViews(ZONE, name=views_name(number))
        return Runner(ledger.ledger.reader(), store, views, clock=lambda: NOW_US)

    return LiveLine(
        ledger.generations,
        ledger.ledger.reader(),
        make,
        version=Views(ZONE).version,
        clock=lambda: NOW_US,
        moved=threading.Condition(),
    )


@pytest.mark.parametrize("by", ["the worker's line", "the house's line"])
def test_what_workers_parked_is_replayed_to_the_rows_of_a_run_without_poison(ledger: World, by: str) -> None:
    failing = line(
        ledger.generations,
        ledger.ledger.reader(),
        FailingViews(orders(25), ""),
        brake_keys=10_000,
        brake_window=10_000,
    )
    for partition, lane in enumerate(lanes(ledger)):
        failing.take(partition, lane)
    quarantine = Quarantine(ledger.store)
    poison = sum(meets(event, 25) for event in ledger.ledger.reader().after(0, EVENTS + 1))
    assert quarantine.count() >= poison > 20
    assert expected(ledger) != tables(ledger.generations, ledger.number)
    well = line(ledger.generations, ledger.ledger.reader(), PartitionedViews(ZONE))
    replayed = well.replay() if by == "the worker's line" else live_line(ledger).replay()
    assert 0 == replayed.left == quarantine.count()
    assert expected(ledger) == tables(ledger.generations, ledger.number)


def half_applied(ledger: World) -> None:
    """Every partition somewhere else, none at the position."""
    own = line(ledger.generations, ledger.ledger.reader(), PartitionedViews(ZONE))
    for partition, lane in enumerate(lanes(ledger)):
        own.take(partition, lane[: len(lane) * (partition + 1) // PARTITIONS])


def test_views_whose_partitions_stand_at_different_places_are_audited_as_they_are(ledger: World) -> None:
    half_applied(ledger)
    reader, name = ledger.ledger.reader(), views_name(ledger.number)
    with ledger.store.read() as connection:
        ahead = gone_ahead(connection, reader, name, PARTITIONS, 0)
        assert ahead is not None
        found = audit(connection, reader, ZONE, 0, ahead=ahead)
        assert () == found.differences
        assert found.rows > 100
        # Negative control: the rows of the whole log up to the furthest partition are others.
        assert audit(connection, reader, ZONE, ahead[0][-1].log_index).differences


def test_one_line_does_not_go_on_where_workers_did_but_makes_views_of_its_own(ledger: World) -> None:
    half_applied(ledger)
    one = live_line(ledger)
    one.catch_up()
    assert ledger.number != ledger.generations.live()
    assert expected(ledger) == tables(ledger.generations, ledger.generations.live())


def test_what_workers_parked_is_not_replayed_into_views_of_another_version(ledger: World) -> None:
    half_applied(ledger)
    before = tables(ledger.generations, ledger.number)
    with ledger.store.write() as connection:
        connection.execute(update(POSITIONS).where(POSITIONS.c.name == views_name(ledger.number)).values(version="0"))
    with pytest.raises(UnavailableFault, match="views_behind"):
        live_line(ledger).replay()
    assert ledger.number == ledger.generations.live()
    assert before == tables(ledger.generations, ledger.number)
