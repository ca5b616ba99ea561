"""Writers on PostgreSQL while their sessions, or the whole server, are killed; readers that tail the log meanwhile.

It is here so that the first three laws are tried where several processes write to one ledger: what was acknowledged
must be there once, at the place of its receipt, and no reader may ever have passed over an event.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any

import psycopg

from contracts.faults import UnavailableFault
from contracts.intake import validate_object
from contracts.recorded import Accepted, Outcome
from domain.ledger import Ledger
from domain.postgres.limits import Limits
from ops.migrations import migrate
from ops.torture.local_postgres import LocalPostgres

LONGEST_BATCH = 40
SHARED_IDENTITIES = 500
READERS = 2
KILL_EVERY_S = 0.1
KILL_SERVER_EVERY_S = 4.0
SETTLE_S = 60.0

Identity = tuple[str, str]


@dataclass(slots=True)
class Told:
    """What one writer was told: the receipts of its acknowledged events, and what it must never be told."""

    receipts: dict[Identity, tuple[int, bytes]] = field(default_factory=dict)
    acknowledged: int = 0
    repeated: int = 0
    unavailable: int = 0
    false_conflicts: int = 0
    false_duplicates: int = 0
    other_receipts: int = 0
    unknown: set[Identity] = field(default_factory=set)

    def hear(self, event: Accepted, outcome: Outcome, alone: bool) -> None:
        """Judge one outcome; ``alone`` where nobody else sends this identity."""
        identity = (event.source, event.id)
        if outcome.receipt is None or outcome.status in ("conflict", "rejected"):
            self.false_conflicts += 1
            return
        receipt = (outcome.receipt.log_index, outcome.receipt.digest)
        first = self.receipts.setdefault(identity, receipt)
        self.other_receipts += first != receipt
        if outcome.status == "recorded":
            self.acknowledged += 1
        else:
            self.repeated += 1
            if alone and first is receipt and identity not in self.unknown:
                self.false_duplicates += 1


@dataclass(slots=True)
class Tailed:
    """What a reader saw: the digests by place, and where it passed over something."""

    digests: list[bytes] = field(default_factory=list)
    passed_over: int = 0


def campaign(
    seconds: float,
    writers: int = 8,
    address: str | None = None,
    *,
    kill_server: bool = False,
    seed: int = 0,
    folder: Path | None = None,
) -> dict[str, int]:
    """Write, kill and read for some seconds; returns counts, of which those in ``MUST_BE_ZERO`` must be 0.

    ``address`` is a migrated database of a server that stays; None starts a server of its own (in ``folder``), which
    ``kill_server`` kills again and again, with all of its processes. Raises what opening the ledger raises.
    """
    with ExitStack() as stack:
        server = None
        if address is None:
            server = stack.enter_context(LocalPostgres(folder))
            address = server.fresh()
            migrate(address)
        elif kill_server:
            raise ValueError("a server given by address is not ours to kill")
        return _run(seconds, writers, address, server if kill_server else None, seed)


MUST_BE_ZERO = (
    "false_conflicts",
    "false_duplicates",
    "other_receipts",
    "lost",
    "twice",
    "holes",
    "passed_over",
    "unseen",
    "problems",
)
"""The counts that say that a law was broken."""


def _run(seconds: float, writers: int, address: str, server: LocalPostgres | None, seed: int) -> dict[str, int]:
    stop, done = Event(), Event()
    told = [Told() for _ in range(writers)]
    tailed = [Tailed() for _ in range(READERS)]
    kills = {"sessions": 0, "servers": 0}
    errors: list[BaseException] = []

    def guarded(target: Callable[..., None], *arguments: object) -> Thread:
        def run() -> None:
            try:
                target(*arguments)
            except BaseException as error:  # noqa: BLE001 - raised again, in the thread that asked
                errors.append(error)
                stop.set()
                done.set()

        return Thread(target=run, daemon=True)

    writing = [guarded(_write, address, number, seed, told[number], stop) for number in range(writers)]
    reading = [guarded(_tail, address, tailed[number], done) for number in range(READERS)]
    killing = guarded(_kill, address, server, random.Random(seed), kills, stop)
    for thread in (*writing, *reading, killing):
        thread.start()
    stop.wait(seconds)
    stop.set()
    for thread in (killing, *writing):
        thread.join()
    done.set()
    for thread in reading:
        thread.join()
    if errors:
        raise errors[0]
    return {**_judge(address, told, tailed), **{f"killed_{kind}": n for kind, n in kills.items()}}


def _limits() -> Limits:
    return Limits(pool_max=3, patience_s=SETTLE_S)


def _write(address: str, number: int, seed: int, told: Told, stop: Event) -> None:
    rng = random.Random(seed * 1_000 + number)
    own = 0
    book = _opened(address)
    try:
        while not stop.is_set():
            batch: list[tuple[Accepted, bool]] = []
            for _ in range(rng.randint(1, LONGEST_BATCH)):
                dice = rng.random()
                if dice < 0.1:
                    batch.append((_event("//shared", rng.randrange(SHARED_IDENTITIES)), False))
                elif dice < 0.2 and own:
                    batch.append((_event(f"//writer-{number}", rng.randrange(own)), True))
                else:
                    batch.append((_event(f"//writer-{number}", own), True))
                    own += 1
            _send(book, batch, told)
    finally:
        book.close()


def _send(book: Ledger, batch: Sequence[tuple[Accepted, bool]], told: Told) -> None:
    """Until it is acknowledged: a sender that is told to come back does."""
    deadline = time.monotonic() + SETTLE_S
    while True:
        try:
            outcomes = book.record([event for event, _ in batch])
        except UnavailableFault:
            told.unavailable += 1
            # Whether it was recorded is not known, so to be told "duplicate" is true from now on.
            told.unknown.update((event.source, event.id) for event, _ in batch)
            if time.monotonic() > deadline:
                raise
            continue
        for (event, alone), outcome in zip(batch, outcomes, strict=True):
            told.hear(event, outcome, alone)
        return


def _tail(address: str, tailed: Tailed, done: Event) -> None:
    book = _opened(address)
    reader = book.reader()
    try:
        while True:
            ending = done.is_set()
            events = reader.after(len(tailed.digests), 500)
            for event in events:
                if event.log_index != len(tailed.digests) + 1:
                    tailed.passed_over += 1
                tailed.digests.append(event.digest)
            if not events:
                if ending:
                    return
                done.wait(0.005)
    finally:
        book.close()


def _kill(address: str, server: LocalPostgres | None, rng: random.Random, kills: dict[str, int], stop: Event) -> None:
    next_server = time.monotonic() + KILL_SERVER_EVERY_S / 4
    while not stop.wait(rng.uniform(0, 2 * KILL_EVERY_S)):
        if server is not None and time.monotonic() > next_server:
            server.stop_hard()
            server.start()
            kills["servers"] += 1
            next_server = time.monotonic() + rng.uniform(0.5, 1.5) * KILL_SERVER_EVERY_S
            continue
        with suppress(psycopg.OperationalError), psycopg.connect(address, autocommit=True) as session:
            ended = session.execute(
                "SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity "
                "WHERE application_name IN ('tallystick write', 'tallystick ask') AND datname = current_database() "
                "ORDER BY random() LIMIT 1) AS one"
            ).fetchall()
            kills["sessions"] += len(ended)


def _opened(address: str) -> Ledger:
    """A ledger of its own: its sessions and what it remembers are those of another process."""
    deadline = time.monotonic() + SETTLE_S
    while True:
        try:
            return Ledger.connect(address, clock=lambda: time.time_ns() // 1000, limits=_limits())
        except UnavailableFault:
            if time.monotonic() > deadline:
                raise


def _event(source: str, number: int) -> Accepted:
    accepted = validate_object(
        {
            "specversion": "1.0",
            "id": f"e{number:08}",
            "source": source,
            "type": "org.tallystick.call.received.v1",
            "subject": f"call/c{number}",
            "time": "2025-03-01T10:00:00Z",
            "agency": "county",
            "data": {"call": f"c{number}", "channel": "911"},
        }
    )
    assert isinstance(accepted, Accepted)
    return accepted


def _judge(address: str, told: Sequence[Told], tailed: Sequence[Tailed]) -> dict[str, int]:
    book = _opened(address)
    try:
        reader = book.reader()
        head = book.head().log_index
        digests: list[bytes] = []
        identities: set[Identity] = set()
        holes = twice = 0
        while events := reader.after(len(digests), 2_000):
            for event in events:
                holes += event.log_index != len(digests) + 1
                twice += (event.source, event.id) in identities
                identities.add((event.source, event.id))
                digests.append(event.digest)
        lost = sum(
            not (index <= len(digests) and digests[index - 1] == digest)
            for one in told
            for index, digest in one.receipts.values()
        )
        counts: dict[str, Any] = {
            "events": len(digests),
            "lost": lost,
            "twice": twice,
            "holes": holes + (head != len(digests)),
            "passed_over": sum(one.passed_over for one in tailed),
            "unseen": sum(one.digests != digests for one in tailed),
            "problems": len(book.verify().problems),
        }
        for name in (
            "acknowledged",
            "repeated",
            "unavailable",
            "false_conflicts",
            "false_duplicates",
            "other_receipts",
        ):
            counts[name] = sum(getattr(one, name) for one in told)
        return counts
    finally:
        book.close()
