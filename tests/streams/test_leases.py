"""One holder at a time, by the database's clock; whoever was overtaken commits nothing, however long it slept."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import insert, select, update

from contracts.faults import UnavailableFault
from contracts.ports import Store
from streams.kafka.tables import RELAYS
from streams.leases import LEASES, Lease, Leases
from tests.streams.durable import durable_store
from tests.streams.told_clock import ToldClock

__all__ = ["durable_store"]

NAME = "relay:t.events"


class World:
    """Leases on a database whose time a test moves: on SQLite the clock, on PostgreSQL the row (the server's own clock
    cannot be told)."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.clock = ToldClock()
        self.leases = Leases(store, self.clock)

    def taken(self, holder: str, for_s: float = 10) -> Lease:
        lease = self.leases.take(NAME, holder, for_s)
        assert lease is not None
        return lease

    def forward(self, seconds: float) -> None:
        with self.store.write() as connection:
            if connection.dialect.name == "sqlite":
                self.clock.forward(seconds)
            else:
                earlier = LEASES.c.until_us - round(seconds * 1_000_000)
                connection.execute(update(LEASES).values(until_us=earlier))

    def work(self, lease: Lease, *, guarded: bool = True) -> None:
        """What only the holder may do."""
        with self.store.share() as connection:
            if guarded:
                lease.guard(connection)
            connection.execute(insert(RELAYS).values(topic=lease.holder, partitions=1, log_index=1, token=lease.token))

    def worked(self) -> list[str]:
        with self.store.read() as connection:
            return list(connection.scalars(select(RELAYS.c.topic).order_by(RELAYS.c.token)))


@pytest.fixture
def world(durable_store: Store) -> World:
    return World(durable_store)


def test_while_one_holds_it_nobody_else_does(world: World) -> None:
    first = world.taken("a")
    assert world.leases.take(NAME, "b", 10) is None
    assert first == world.leases.holder(NAME)
    assert world.leases.take("another", "b", 10) is not None


def test_what_has_run_out_is_taken_over_under_a_higher_token(world: World) -> None:
    first = world.taken("a")
    world.forward(9)
    assert world.leases.take(NAME, "b", 10) is None
    world.forward(2)
    assert world.leases.holder(NAME) is None
    second = world.taken("b")
    assert first.token < second.token
    with pytest.raises(UnavailableFault) as told:
        world.leases.renew(first, 10)
    assert "lease_lost" == told.value.problem.code


def test_what_is_renewed_does_not_run_out(world: World) -> None:
    lease = world.taken("a")
    for _ in range(3):
        world.forward(8)
        lease = world.leases.renew(lease, 10)
    assert world.leases.take(NAME, "b", 10) is None
    world.forward(60)
    assert lease.token == world.leases.renew(lease, 10).token  # Nobody took it meanwhile.


def test_what_is_given_up_is_free_at_once_and_only_by_its_holder(world: World) -> None:
    first = world.taken("a")
    world.leases.give_up(first)
    second = world.taken("b")
    assert first.token < second.token
    world.leases.give_up(first)
    assert second == world.leases.holder(NAME)


def test_a_holder_that_starts_again_fences_off_what_it_was_before(world: World) -> None:
    before = world.taken("a")
    again = world.taken("a")
    world.work(again)
    with pytest.raises(UnavailableFault):
        world.work(before)
    assert ["a"] == world.worked()


def test_a_holder_that_slept_commits_nothing_after_another_took_over(world: World) -> None:
    first = world.taken("a")
    world.forward(11)
    second = world.taken("b")
    world.work(second)
    with pytest.raises(UnavailableFault):
        world.work(first)
    assert ["b"] == world.worked()


def test_without_the_guard_it_would(world: World) -> None:
    first = world.taken("a")
    world.forward(11)
    world.work(world.taken("b"))
    world.work(first, guarded=False)
    assert {"a", "b"} == set(world.worked())


def test_nobody_takes_over_between_the_guard_and_the_commit(world: World) -> None:
    first = world.taken("a")
    world.forward(11)
    order: list[str] = []
    began = threading.Event()

    def overtake() -> None:
        began.set()
        world.taken("b")
        order.append("taken over")

    other = threading.Thread(target=overtake)
    with world.store.share() as connection:
        first.guard(connection)
        other.start()
        assert began.wait(10)
        other.join(0.3)  # Long enough for it to have overtaken, had nothing held it.
        connection.execute(insert(RELAYS).values(topic="a", partitions=1, log_index=1, token=first.token))
        order.append("committed")
    other.join(10)
    assert ["committed", "taken over"] == order


def test_of_many_who_want_it_at_once_one_gets_it(world: World) -> None:
    got: list[Lease | None] = []
    start = threading.Barrier(6)

    def want(number: int) -> None:
        start.wait(10)
        got.append(world.leases.take(NAME, f"worker-{number}", 60))

    threads = [threading.Thread(target=want, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert [1] == [lease.token for lease in got if lease is not None]
    assert 6 == len(got)
