"""However events come, each is applied once in effect and in order per subject, and none is lost.

One suite for every way there is: one line in one process, tansu, Apache Kafka.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import pytest

from streams.quarantine import Quarantine
from tests.delivery.delivery_world import ByBroker, Diary, Way, World, in_process, partition_line, world
from tests.servers.broker import KINDS, running

EVENTS = 1_500


@pytest.fixture(scope="module", params=["in process", *KINDS])
def way(request: pytest.FixtureRequest) -> Iterator[Way]:
    if request.param == "in process":
        yield in_process
    else:
        with running(request.param) as started:
            yield ByBroker(started.address)


@pytest.fixture
def ledger(postgres_address: str) -> Iterator[World]:
    with world(postgres_address, EVENTS) as made:
        yield made


def by_subject(entries: list[tuple[int, str]]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for log_index, subject in entries:
        found[subject].append(log_index)
    return found


def assert_once_and_in_order(ledger: World, but: set[int] = frozenset()) -> None:  # type: ignore[assignment]
    entries = Diary.entries(ledger.store)
    assert sorted(set(range(1, ledger.events + 1)) - but) == sorted(log_index for log_index, _ in entries)
    for told in by_subject(entries).values():
        assert sorted(told) == told


def test_every_event_is_applied_once_and_in_order_whoever_crashes(way: Way, ledger: World) -> None:
    # One event in a hundred meets a database that is away; behind a broker, a batch in six ends its worker.
    diary = Diary(ledger.number, transient_of=100, crash_of=6)
    way(ledger, diary)
    assert_once_and_in_order(ledger)
    assert diary.met
    assert Quarantine(ledger.store).count() == 0
    if isinstance(way, ByBroker):
        assert {"unexpected"} == {str(error) for error in way.ended}


def test_what_cannot_be_applied_waits_with_its_key_and_the_rest_goes_on(way: Way, ledger: World) -> None:
    diary = Diary(ledger.number, poison_of=100)
    way(ledger, diary)
    parked = {one.log_index: one for one in Quarantine(ledger.store).parked()}
    poison = {log_index for log_index, one in parked.items() if one.error is not None}
    assert 5 < len(poison) < 50
    assert_once_and_in_order(ledger, but=set(parked))
    keys = {one.key for one in parked.values()}
    applied = by_subject(Diary.entries(ledger.store))
    assert all(max(applied[key], default=0) < min(i for i in parked if parked[i].key == key) for key in keys)

    diary.poison_of = 0
    partition_line(ledger, diary).replay()
    assert_once_and_in_order(ledger)
    assert Quarantine(ledger.store).count() == 0
