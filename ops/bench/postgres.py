"""How fast the ledger on PostgreSQL records and rebuilds, against the plain library on the same server.

The server is one of our own with its defaults (fsync, synchronous_commit and full_page_writes on), on the disk the
other benchmarks use; every figure has a database of its own, so that none finds another's pages in the cache.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import orjson
import psycopg

from contracts.intake import validate
from domain.ledger import Ledger
from ops.bench import library_postgres
from ops.bench.library import save_one_at_a_time
from ops.bench.load import wire_events
from ops.bench.measuring import Report, rate
from ops.composition import open_house, system_clock
from ops.migrations import migrate
from ops.settings import load_settings

_BATCH = 1000

FreshDatabase = Callable[[], str]
"""Makes an empty database on the server; returns its address."""


def bench_postgres(report: Report, folder: Path, fresh: FreshDatabase, rounds: int, events: int) -> None:
    """Bulk record against the library's ``save`` and against raw COPY of the same bytes; then the rebuild against
    the library's projection, one event a transaction. In turns, the library before and after.
    """
    library: list[float] = []
    bulk: list[float] = []
    copied: list[float] = []
    for number in range(rounds):
        bodies = list(wire_events(events, seed=number, tag=f"p{number}"))
        before = _library(fresh(), bodies)
        ledger_address, raw_address = _migrated(fresh), fresh()
        bulk.append(rate(events, lambda: _record(ledger_address, bodies)))  # noqa: B023
        copied.append(rate(events, lambda: _copy(raw_address, bodies)))  # noqa: B023
        library.append((before + _library(fresh(), bodies)) / 2)
    report.ratio("PostgreSQL: bulk record ÷ library save, one event at a time", bulk, library, 15, "events/s")
    report.add(
        "  bulk record as a share of raw COPY of the same bytes",
        f"{statistics.median(bulk) / statistics.median(copied):.0%} ({statistics.median(copied):,.0f} events/s)",
    )
    _rebuild(report, folder, fresh, rounds, 3 * events)


def _rebuild(report: Report, folder: Path, fresh: FreshDatabase, rounds: int, events: int) -> None:
    address = _migrated(fresh)
    fill(address, events)
    app = library_postgres.open_cases(fresh())
    sample = [orjson.loads(body) for body in wire_events(2000, tag="lp")]
    save_one_at_a_time(app, sample)
    library: list[float] = []
    rows: list[float] = []
    settings = load_settings(folder / "postgres-home", database=address)
    with open_house(settings=settings) as house:
        house.runner.prepare()
        for _ in range(rounds):
            view = fresh()
            library.append(
                rate(len(sample), lambda view=view: library_postgres.project_one_at_a_time(app, view, len(sample)))  # type: ignore[misc]
            )
            rows.append(rate(events, lambda: house.views.rebuild(house.store, house.reader)))
    app.close()
    report.ratio(
        "PostgreSQL: rebuild from calls and referrals ÷ library projection, one event a transaction",
        rows,
        library,
        50,
        "events/s",
    )


def fill(address: str, events: int, tag: str = "v") -> None:
    """Record so many valid events about calls and referrals in a migrated database, in batches of 2,000."""
    ledger = Ledger.connect(address, clock=system_clock)
    try:
        bodies = wire_events(events, tag=tag)
        while batch := [validate(body) for body in islice(bodies, 2000)]:
            ledger.record(batch)
    finally:
        ledger.close()


def _migrated(fresh: FreshDatabase) -> str:
    address = fresh()
    migrate(address)
    return address


def _library(address: str, bodies: list[bytes]) -> float:
    few = [orjson.loads(body) for body in bodies[:1000]]
    app = library_postgres.open_cases(address)
    try:
        return rate(len(few), lambda: save_one_at_a_time(app, few))
    finally:
        app.close()


def _record(address: str, bodies: list[bytes]) -> None:
    ledger = Ledger.connect(address, clock=system_clock)
    try:
        for at in range(0, len(bodies), _BATCH):
            outcomes = ledger.record([validate(body) for body in bodies[at : at + _BATCH]])
            if any(outcome.status != "recorded" for outcome in outcomes):
                raise RuntimeError(f"the benchmark's own events were refused: {outcomes[0]}")
    finally:
        ledger.close()


def _copy(address: str, bodies: list[bytes]) -> None:
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("CREATE TABLE log (log_index bigint PRIMARY KEY, state bytea)")
        index = 0
        for at in range(0, len(bodies), _BATCH):
            with (
                connection.transaction(),
                connection.cursor() as cursor,
                cursor.copy("COPY log FROM STDIN (FORMAT BINARY)") as rows,
            ):
                rows.set_types(["int8", "bytea"])
                for body in bodies[at : at + _BATCH]:
                    index += 1
                    rows.write_row((index, body))
