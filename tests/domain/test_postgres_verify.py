"""What a damaged PostgreSQL index would let in is named, with amcheck and without it."""

from __future__ import annotations

import psycopg
import pytest

from contracts.faults import UnavailableFault
from domain.ledger import Ledger
from domain.postgres.asking import PostgresAsking
from tests.domain.given import Stopped, adopted, call, statuses


def opened(address: str) -> Ledger:
    return Ledger.connect(address, clock=Stopped())


def problems(address: str) -> list[str]:
    book = opened(address)
    found = [problem.sentence for problem in book.verify().problems]
    book.close()
    return found


def unkept(address: str, index: str, *, kept: bool) -> None:
    """Rows that are inserted while an index is not kept are missing from it for good."""
    with psycopg.connect(address) as connection:
        connection.execute("UPDATE pg_index SET indisready = %s WHERE indexrelid = %s::regclass", (kept, index))


@pytest.mark.parametrize("amcheck", [False, True])
def test_an_index_that_lacks_a_row_is_named(postgres_address: str, amcheck: bool) -> None:
    book = opened(postgres_address)
    book.record([call(1), call(2)])
    book.close()
    if amcheck:
        with psycopg.connect(postgres_address) as connection:
            connection.execute("CREATE EXTENSION amcheck")
    assert [] == problems(postgres_address)
    unkept(postgres_address, "log_subject", kept=False)
    book = opened(postgres_address)
    book.record([call(3)])
    book.close()
    unkept(postgres_address, "log_subject", kept=True)
    (told,) = problems(postgres_address)
    assert "log_subject" in told
    assert ("amcheck" in told) == amcheck


def test_a_connection_lost_on_the_way_is_no_finding(postgres_address: str) -> None:
    book = opened(postgres_address)
    book.record([call(1)])

    def end(*_: int) -> None:
        with psycopg.connect(postgres_address, autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE application_name = 'tallystick ask' AND datname = current_database()"
            )

    with pytest.raises(UnavailableFault):
        book.verify(end)
    assert book.verify().ok
    book.close()


def test_an_index_that_is_not_valid_is_named(postgres_address: str) -> None:
    with psycopg.connect(postgres_address) as connection:
        connection.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'log_subject'::regclass")
    assert ["the index log_subject is not valid"] == problems(postgres_address)


def test_an_event_let_in_twice_by_a_damaged_index_is_named(
    postgres_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    unkept(postgres_address, "log_originator", kept=False)
    book = opened(postgres_address)
    assert ["recorded", "recorded"] == statuses(book.record([call(1), adopted()]))
    book.close()
    unkept(postgres_address, "log_originator", kept=True)
    with psycopg.connect(postgres_address) as connection:
        # Or so small a table is read without its index.
        connection.execute(f'ALTER DATABASE "{connection.info.dbname}" SET enable_seqscan = off')  # type: ignore[arg-type]
    book = opened(postgres_address)
    assert ["recorded"] == statuses(book.record([call(1)]))
    book.close()
    monkeypatch.setattr(PostgresAsking, "damages", lambda *_: ())
    assert ["an event of this source and id is event 1 as well (2 in all)"] == problems(postgres_address)
