"""Laws 4 and 5 on PostgreSQL: the same rows and the same cells as on SQLite, followed or rebuilt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.recorded import Recorded
from projections import dialect
from projections.dialect import Dialect
from projections.kpi import refresh
from projections.kpi.memory import MemoryStore as OtherMemoryStore
from projections.kpi.tables import CELLS, KPI_METADATA, prepare
from projections.statements import make_empty
from projections.tables import METADATA
from projections.views import Views
from tests.projections.fake_log import FakeLog, MemoryStore, contents
from tests.projections.postgres_stores import PostgresGenerations, PostgresStore
from tests.projections.random_events import SOURCES, TIMES, ZONE, Draft, drafts, log_of
from tests.projections.random_payloads import AGENCIES
from tests.projections.test_law_four import BOOKKEEPING, Contents, arrivals, as_stored, cut, plain

FEW = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
NOW_US = 1_767_225_600_000_000


@pytest.fixture(scope="module")
def generations(postgres_server: Any) -> Iterator[PostgresGenerations]:
    from ops.migrations import migrate

    address = postgres_server.migrated(migrate)
    found = PostgresGenerations(address, clock=lambda: 0)
    yield found
    found.close()
    postgres_server.drop(address)


@pytest.fixture(scope="module")
def store(generations: PostgresGenerations) -> PostgresStore:
    return PostgresStore(generations)


@pytest.fixture(autouse=True)
def every_bulk_by_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialect, "COPIED_FROM_ROWS", 1)


def rows(store: Any) -> Contents:
    found = contents(store, METADATA)
    return {name: kept for name, kept in found.items() if name not in BOOKKEEPING}


def followed(store: Any, log: FakeLog, batches: Sequence[Sequence[Recorded]]) -> Contents:
    views = Views(ZONE)
    with store.write() as connection:
        views.reset(connection)
    for batch in batches:
        with store.write() as connection:
            views.apply(connection, batch, log)
    return rows(store)


def rebuilt(store: Any, log: FakeLog) -> Contents:
    Views(ZONE).rebuild(store, log)
    return rows(store)


@given(arrival=arrivals())
@FEW
def test_any_order_any_batches_followed_or_rebuilt_gives_the_rows_that_sqlite_gives(
    store: PostgresStore, arrival: Any
) -> None:
    found, order, sizes, _ = arrival
    log = FakeLog(log_of(order))
    memory = MemoryStore()
    expected = followed(memory, log, cut(log.events, sizes))
    memory.close()
    assert as_stored(plain(log_of(found))) == as_stored(expected)
    # Byte for byte: the same texts, the same numbers of the same kinds.
    assert expected == followed(store, log, cut(log.events, sizes))
    assert expected == rebuilt(store, log)


def test_the_law_notices_a_row_that_is_not_copied(store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> None:
    # Negative control: of every bulk the last row is left out.
    insert = Dialect.insert

    def short(self: Dialect, connection: Any, table: str, columns: Any, rows: Any) -> None:
        insert(self, connection, table, columns, list(rows)[: -1 if self.copies else None])

    monkeypatch.setattr(Dialect, "insert", short)
    one = draft_of("call.received", {"call": "c-1", "psap": "p", "channel": "911"})
    log = FakeLog(log_of([one]))
    memory = MemoryStore()
    expected = followed(memory, log, [log.events])
    memory.close()
    assert expected["calls"]
    assert expected != rebuilt(store, log)
    monkeypatch.setattr(Dialect, "insert", insert)
    assert expected == rebuilt(store, log)


def test_a_rebuild_may_compute_for_longer_than_a_writer_may_be_silent(
    generations: PostgresGenerations, store: PostgresStore
) -> None:
    idle = "SHOW idle_in_transaction_session_timeout"
    told: list[Any] = []
    live = generations.live_store()
    Views(ZONE).rebuild(live, FakeLog([]), done=lambda c, _: told.append(c.exec_driver_sql(idle).scalar()))
    with live.write() as connection:
        told.append(connection.exec_driver_sql(idle).scalar())
    assert ["0", "30s"] == told


def draft_of(type: str, data: dict[str, Any]) -> Draft:
    """One statement."""
    return Draft(1, type, data, TIMES[0], SOURCES[0], AGENCIES[0], TIMES[1], None, None)


def test_every_text_is_compared_by_its_bytes(generations: PostgresGenerations) -> None:
    store = PostgresStore(generations)
    with store.write() as connection:
        Views(ZONE).prepare(connection)
        prepare(connection)
        otherwise = connection.exec_driver_sql(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema()"
            " AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C'"
        ).all()
        there = connection.exec_driver_sql(
            "SELECT count(DISTINCT table_name) FROM information_schema.columns WHERE table_schema = current_schema()"
        ).scalar()
    assert [] == otherwise
    assert len(METADATA.tables) + len(KPI_METADATA.tables) == there


def cells(store: Any, log: FakeLog) -> Contents:
    """Everything kept of KPIs after following the log and counting twice, the second time a month later."""
    views = Views(ZONE)
    with store.write() as connection:
        views.reset(connection)
        make_empty(connection, KPI_METADATA)
    half = len(log.events) // 2
    for number, batch in enumerate((log.events[:half], log.events[half:])):
        with store.write() as connection:
            views.apply(connection, batch, log)
        refresh(store, log, NOW_US + number * 31 * 86_400_000_000, ZONE)
    return contents(store, KPI_METADATA)


@given(found=st.lists(drafts(most=24), min_size=3, max_size=3))
@settings(FEW, max_examples=12)
def test_every_kpi_of_the_library_comes_to_the_same_cells_as_on_sqlite(store: PostgresStore, found: Any) -> None:
    # Three sets, so that one log holds more families than one set has; identities stay distinct by their source.
    drawn = [replaced(draft, number) for number, some in enumerate(found) for draft in some]
    log = FakeLog(log_of(drawn))
    memory = MemoryStore()
    expected = cells(memory, log)
    memory.close()
    assert expected == cells(store, log)
    assert expected[CELLS.name]


def replaced(draft: Draft, number: int) -> Draft:
    """The draft under a source of its set's own."""
    return replace(draft, source=f"{draft.source}/{number}")


def test_both_stores_in_memory_are_no_postgresql() -> None:
    # Else everything above would compare a thing with itself.
    for memory in (MemoryStore(), OtherMemoryStore()):
        with memory.write() as connection:
            assert dialect.SQLITE is dialect.of(connection)
        memory.close()
