"""A rebuild where workers share the partitions: it holds exactly what they had applied, and they go on from there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy.engine import Connection

from contracts.ports import views_name
from ops.cli.rebuild import _sentences
from ops.composition import House, open_house
from ops.rebuilding import rebuild
from ops.settings import Settings
from projections.generations.postgres import PostgresGenerations
from projections.kpi import refresh
from projections.partitioned import PartitionedViews
from streams.partition_line import PartitionLine
from tests.ops.conftest import NOW_US

Raw = Callable[..., bytes]
ZONE = "America/Los_Angeles"
PARTITIONS = 4


@pytest.fixture
def house(postgres_address: str, tmp_path: Path, raw: Raw) -> Iterator[House]:
    """Forty calls of which thirty are in the views that a first rebuild made; with a broker, so that no line of its own
    follows."""
    settings = Settings(
        home=tmp_path / "home",
        zone=ZONE,
        database=postgres_address,
        broker="kafka://127.0.0.1:9",
        events_partitions=PARTITIONS,
    )
    with open_house(settings=settings, clock=lambda: NOW_US) as opened:
        opened.record([raw(number) for number in range(30)])
        rebuild(opened)
        opened.record([raw(number) for number in range(30, 40)])
        yield opened


def line_of(house: House) -> PartitionLine:
    return PartitionLine(
        house.reader,
        house.generations,
        lambda number: PartitionedViews(ZONE, name=views_name(number)),
        partitions=PARTITIONS,
        clock=lambda: NOW_US,
    )


def counted(house: House) -> tuple[int, int]:
    """(calls, entries counted): an event applied twice would show in the second."""
    with house.viewing() as connection:
        calls = connection.exec_driver_sql("SELECT count(*) FROM calls").scalar_one()
        return int(calls), int(connection.exec_driver_sql("SELECT sum(n) FROM entries").scalar_one())


def some_partitions(house: House) -> None:
    """Workers have taken in two of the partitions, and the cells are counted."""
    line = line_of(house)
    line.catch_up(0, 40)
    line.catch_up(2, 35)
    refresh(house.store, house.reader, NOW_US, ZONE)


def test_it_is_compared_at_the_place_of_every_partition_and_workers_go_on(house: House) -> None:
    some_partitions(house)
    before = counted(house)
    assert (30, 30) < before < (40, 40)
    seen: list[tuple[int, int]] = []

    def moment(name: str) -> None:
        if name == "level":
            seen.append(counted(house))

    built = rebuild(house, moment=moment, sleep=lambda _: None)
    assert built.audit is not None
    assert ((), True, [before]) == (built.audit.differences, built.switched, seen)
    assert built.audit.cells
    assert (40, 40) == counted(house)
    line = line_of(house)
    for partition in range(PARTITIONS):
        assert 40 == line.catch_up(partition, 40)
    assert (40, 40) == counted(house)


def test_a_row_that_only_one_of_them_holds_is_named(house: House) -> None:
    # Negative control: the events of the partitions ahead of the others are compared, too.
    some_partitions(house)
    with house.store.write() as connection:
        taken = "DELETE FROM calls WHERE call = (SELECT max(call) FROM calls WHERE call > 'c-30')"
        assert 1 == connection.exec_driver_sql(taken).rowcount
    built = rebuild(house, sleep=lambda _: None)
    assert built.audit is not None
    assert (False, 1) == (built.switched, len(built.audit.differences))


def test_a_generation_that_a_worker_is_inside_of_is_left_for_the_next_rebuild_and_that_is_said(
    postgres_address: str, tmp_path: Path, raw: Raw
) -> None:
    place = {"home": tmp_path, "zone": ZONE, "database": postgres_address, "broker": "kafka://127.0.0.1:9"}
    other = PostgresGenerations(postgres_address, clock=lambda: NOW_US)
    with open_house(settings=Settings(**place, lock_timeout_s=0.2), clock=lambda: NOW_US) as house:
        house.record([raw(1)])
        for _ in range(2):
            rebuild(house)
        old = house.generations.live()
        with ExitStack() as entered:
            inside: list[Connection] = []

            def worker(step: str) -> None:
                if step == "caught up":
                    inside.append(entered.enter_context(other.store(old).share()))

            built = rebuild(house, keep=0, moment=worker)
            assert (True, (old,)) == (built.switched, built.left)
            assert 1 == inside[0].exec_driver_sql("SELECT count(*) FROM calls").scalar()
        assert f"Generation {old} is still in use; it is removed by the next rebuild." in _sentences(built)
        again = rebuild(house, keep=0)
        assert ((), True) == (again.left, old in again.dropped)
    other.close()
