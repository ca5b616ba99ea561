"""The same events by every way there is: one file and one process, a database, a broker with one worker or with several
that are killed. What comes out must be the same to the byte.

Here because a county that outgrows its file must find the numbers it had, and because a difference between two ways is
a mistake in one of them, wherever it is.
"""

from __future__ import annotations

import hashlib
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import func, select

from contracts.intake import validate
from contracts.ports import Generations, LogReader, views_name
from contracts.recorded import Submission
from domain.ledger import Ledger
from ops.demo import generate
from ops.migrations import migrate
from ops.torture.delivering import NOW_US, Orders
from ops.torture.workers import Workers, relaying
from projections.generations.postgres import PostgresGenerations
from projections.generations.sqlite import SqliteGenerations
from projections.kpi import AsOf, refresh, scorecard
from projections.kpi.tables import CELLS
from projections.tables import DIRTY_PERIODS, METADATA, VIEW_STATE
from projections.views import Views
from streams.runner import Runner
from streams.tables import QUARANTINE

ZONE = "America/Los_Angeles"
PARTITIONS = 8
RECORD_EVENTS = 250
"""So many submissions are recorded at once, at one moment."""


@dataclass(frozen=True, slots=True)
class Given:
    """What is sent, in groups that are recorded at once, each with its moment; and when the scorecard is read."""

    sent: tuple[tuple[int, tuple[bytes, ...]], ...]
    as_of_us: int

    @classmethod
    def of(cls, events: int, seed: int) -> Given:
        """The first arrivals of a partnership that is large enough to send as many."""
        arrivals = list(islice(generate.events(seed, scale=max(0.03, events / 110_000)), events))
        groups = []
        for begin in range(0, len(arrivals), RECORD_EVENTS):
            some = arrivals[begin : begin + RECORD_EVENTS]
            groups.append((some[-1][0], tuple(body for _, body in some)))
        return cls(tuple(groups), arrivals[-1][0] + 86_400_000_000)

    def groups(self) -> Iterator[tuple[int, list[Submission]]]:
        """The groups as submissions; made as they are asked for, because so many at once would fill the memory."""
        for moment_us, bodies in self.sent:
            yield moment_us, [validate(body) for body in bodies]


@dataclass(frozen=True, slots=True)
class Came:
    """What came of one way: the ledger's root, and the digest of every table, of the cells and of the scorecard."""

    way: str
    events: int
    seconds: float
    told: dict[str, str]
    remarks: str


class Moment:
    """A clock that stands where it was put."""

    def __init__(self) -> None:
        self.us = 0

    def __call__(self) -> int:
        return self.us


Plan = Callable[[Workers, float], None]
"""What becomes of the workers, told which share of the events is applied; called again and again until all are."""


def one_worker(workers: Workers, share: float) -> None:
    """One from the beginning to the end."""
    if workers.begun == 0:
        workers.add()


def killed_workers(workers: Workers, share: float) -> None:
    """Two; a third joins on the way, and two are killed."""
    if workers.begun == 0:
        workers.add()
        workers.add()
    elif workers.begun == 2 and share > 0.2:
        workers.add()
    elif share > 0.4 + 0.2 * workers.killed and workers.killed < 2:
        workers.kill()


PLANS: dict[str, Plan] = {"a broker and one worker": one_worker, "a broker and workers that are killed": killed_workers}


def campaign(
    events: int,
    seed: int,
    broker: str | None,
    database: Callable[[], str],
    *,
    partitions: int = PARTITIONS,
    deadline_s: float = 900.0,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Sends the same events by every way; ``equal`` tells whether all came to the same, ``differences`` names what
    did not.

    ``broker`` is ``host:port``, or None for the ways that need none; ``database`` gives the URL of a fresh, empty one
    each time it is called. Raises TimeoutError where a way has not come to its end after ``deadline_s``, AssertionError
    where a worker ended by itself.
    """
    given = Given.of(events, seed)
    came: list[Came] = []
    for one in _ways(given, broker, database, partitions, deadline_s):
        came.append(one)
        say(f"{one.way}: {one.events} events in {one.seconds:.1f} s{one.remarks}")
    differences = [
        f"{one.way}: {name}" for one in came[1:] for name, digest in one.told.items() if digest != came[0].told[name]
    ]
    return {
        "events": events,
        "seed": seed,
        "recorded": came[0].events,
        "root": came[0].told["root"],
        "seconds": {one.way: round(one.seconds, 2) for one in came},
        "differences": differences,
        "equal": not differences,
    }


def _ways(
    given: Given, broker: str | None, database: Callable[[], str], partitions: int, deadline_s: float
) -> Iterator[Came]:
    with tempfile.TemporaryDirectory(prefix="tallystick-equality-") as folder:
        yield on_sqlite(given, Path(folder))
    yield on_postgres(given, database())
    if broker is not None:
        for way, plan in PLANS.items():
            yield by_broker(given, way, plan, database(), broker, partitions, deadline_s)


def on_sqlite(given: Given, home: Path) -> Came:
    """One file, one process."""
    clock = Moment()
    with (
        closing(Ledger.open(home, clock=clock)) as ledger,
        closing(SqliteGenerations(home, clock=lambda: NOW_US)) as generations,
    ):
        return _in_process("a file", given, ledger, generations, clock)


def on_postgres(given: Given, address: str) -> Came:
    """A database, one process."""
    migrate(address)
    clock = Moment()
    with (
        closing(Ledger.connect(address, clock=clock)) as ledger,
        closing(PostgresGenerations(address, clock=lambda: NOW_US)) as generations,
    ):
        return _in_process("a database", given, ledger, generations, clock)


def by_broker(
    given: Given, way: str, plan: Plan, address: str, broker: str, partitions: int, deadline_s: float
) -> Came:
    """Recorded in a database, sent by a relay to a broker, applied by processes; all at the same time."""
    migrate(address)
    clock = Moment()
    orders = Orders(address, broker, f"equality-{uuid.uuid4().hex[:12]}", partitions, ZONE, given.as_of_us)
    with (
        closing(Ledger.connect(address, clock=clock)) as ledger,
        closing(PostgresGenerations(address, clock=lambda: NOW_US)) as generations,
    ):
        began_s = time.monotonic()
        number, _ = _begin(ledger.reader(), generations)
        recording = threading.Thread(target=_record, args=(given, ledger, clock), name="recording")
        expected = sum(len(bodies) for _, bodies in given.sent)
        with relaying(ledger, orders), Workers(orders, generations, number) as workers:

            def all_applied() -> bool:
                return not recording.is_alive() and workers.position() >= ledger.reader().head().log_index

            def go_on() -> None:
                workers.check()
                plan(workers, workers.furthest() / expected)

            recording.start()
            try:
                workers.wait_for(all_applied, deadline_s, go_on)
            finally:
                recording.join()
            seconds = time.monotonic() - began_s
            remarks = f", {workers.begun} workers of whom {workers.killed} were killed"
        return _came(way, given, ledger, generations, number, seconds, remarks)


def _record(given: Given, ledger: Ledger, clock: Moment) -> None:
    for moment_us, group in given.groups():
        clock.us = moment_us
        ledger.record(group)


def _in_process(way: str, given: Given, ledger: Ledger, generations: Generations, clock: Moment) -> Came:
    began_s = time.monotonic()
    number, runner = _begin(ledger.reader(), generations)
    for moment_us, group in given.groups():
        clock.us = moment_us
        ledger.record(group)
        runner.step()
    while runner.step():
        continue
    return _came(way, given, ledger, generations, number, time.monotonic() - began_s, "")


def _begin(reader: LogReader, generations: Generations) -> tuple[int, Runner]:
    """An empty generation that is live, and the line that follows the log in one process."""
    number = generations.begin(Views(ZONE).version)
    runner = Runner(reader, generations.store(number), Views(ZONE, name=views_name(number)), clock=lambda: NOW_US)
    runner.prepare()
    return number, runner


def _came(
    way: str, given: Given, ledger: Ledger, generations: Generations, number: int, seconds: float, remarks: str
) -> Came:
    """Counts the cells and reads everything."""
    store = generations.store(number)
    refresh(store, ledger.reader(), given.as_of_us, ZONE)
    head = ledger.reader().head()
    told = {"root": head.root.hex()}
    with store.read() as connection:
        parked = connection.scalar(select(func.count()).select_from(QUARANTINE))
        assert not parked, f"{way}: {parked} events could not be applied"
        for table in [*METADATA.sorted_tables, CELLS]:
            if table.name not in (DIRTY_PERIODS.name, VIEW_STATE.name):
                rows = connection.execute(select(table).order_by(*table.primary_key.columns))
                told[table.name] = _digest(repr(tuple(row)).encode() for row in rows)
        card = scorecard(connection, AsOf(given.as_of_us, None), ZONE)
        told["scorecard"] = _digest([orjson.dumps(card.to_json(), option=orjson.OPT_SORT_KEYS)])
    return Came(way, head.log_index, seconds, told, remarks)


def _digest(parts: Iterable[bytes]) -> str:
    found = hashlib.sha256()
    for part in parts:
        found.update(part + b"\n")
    return found.hexdigest()
