"""Apache Kafka stopped, started and killed under load: nothing recorded is lost and nothing is counted twice."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from ops.torture.workers import Workers, relaying
from projections.kpi.audit import audit
from projections.partitioned import PartitionedViews
from streams.place import gone_ahead, place
from streams.quarantine import Quarantine
from tests.delivery.delivery_world import DEADLINE_S, World, begin_views, more, world
from tests.servers.broker import Broker, running


@pytest.fixture
def kafka() -> Iterator[Broker]:
    with running("apache") as started:
        yield started


@pytest.mark.slow
def test_a_broker_that_is_stopped_and_killed_loses_nothing(kafka: Broker, postgres_address: str) -> None:
    with world(postgres_address, 0) as ledger:
        begin_views(ledger)
        orders = ledger.orders(kafka.address)
        done = threading.Event()
        recording = threading.Thread(target=more, args=(ledger, 4_000, done))
        with relaying(ledger.ledger, orders), Workers(orders, ledger.generations, ledger.number) as workers:
            workers.add()
            recording.start()
            try:
                for end in (kafka.stop, kafka.kill):
                    reached = workers.position()
                    workers.wait_for(lambda at=reached: workers.position() > at, DEADLINE_S, workers.revive)
                    end()
                    # The ledger goes on without its broker.
                    head = ledger.ledger.reader().head().log_index
                    workers.wait_for(lambda at=head: ledger.ledger.reader().head().log_index > at, 10, lambda: None)
                    kafka.start()
            finally:
                done.set()
                recording.join()
            head = ledger.ledger.reader().head().log_index
            workers.wait_for(lambda: workers.position() >= head, 2 * DEADLINE_S, workers.revive)
        assert_as_the_log_has_it(ledger, head)


def assert_as_the_log_has_it(ledger: World, head: int) -> None:
    """Every row, the counts among them, is what the log gives when it is folded anew."""
    name, reader = PartitionedViews("UTC", name=f"views.{ledger.number}").name, ledger.ledger.reader()
    with ledger.store.read() as connection:
        assert head == place(connection, name).log_index
        ahead = gone_ahead(connection, reader, name, 4, head)
        found = audit(connection, reader, "America/Los_Angeles", head, ahead=ahead)
    assert () == found.differences
    assert found.rows > 100
    assert 0 == Quarantine(ledger.store).count()
