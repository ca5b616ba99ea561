"""The control of the campaign on PostgreSQL: the library's own recorder with its database functions switched on.

It is here because a tailing reader that misses nothing proves little unless one that must miss something does, by
the same way of counting. Nothing of the ledger is used, and nothing of this is used by the ledger.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from threading import Event, Thread
from urllib.parse import urlsplit
from uuid import uuid4

from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore

BATCHES = (1, 1, 1, 100)
"""Sizes to choose from: while a long one is inserted, short ones take later ids and commit before it."""

BEHIND = 300
"""Events that the reader may be behind before the writers wait for it."""


def missed_by_the_library(
    seconds: float, writers: int, address: str, *, db_functions: bool = True, seed: int = 0
) -> dict[str, int]:
    """Write with the library's recorder and tail it; returns the number of ``events``, and of those ``missed``.

    ``address`` is an empty database. Ends at the first event missed, for that is what it is asked, or after some
    seconds.
    """
    recorder = _recorder(address, writers + 2, db_functions)
    stop, done = Event(), Event()
    seen: set[int] = set()
    last = 0

    def write(number: int) -> None:
        rng = random.Random(seed * 1_000 + number)
        while not stop.is_set():
            originator = uuid4()
            ids = recorder.insert_events(
                [
                    StoredEvent(originator_id=originator, originator_version=version, topic="t", state=b"{}")
                    for version in range(rng.choice(BATCHES))
                ]
            )

            # A reader that has fallen behind reads what is long committed, and misses nothing.
            while ids and max(ids) - last > BEHIND and not stop.is_set():
                time.sleep(0.001)

    def tail() -> None:
        nonlocal last
        while True:
            ending = done.is_set()
            found = recorder.select_notifications(last, 5_000, inclusive_of_start=False)
            for notification in found:
                last = int(notification.id)
                seen.add(last)
            if not found and ending:
                return

    threads = [Thread(target=write, args=(number,), daemon=True) for number in range(writers)]
    reading = Thread(target=tail, daemon=True)
    for thread in (*threads, reading):
        thread.start()
    try:
        _until(lambda: _missed(recorder, seen, last) > 0, seconds)
        stop.set()
        for thread in threads:
            thread.join()
        done.set()
        reading.join()
        stored = _stored(recorder, last)
        return {"events": len(stored), "missed": len(stored - seen)}
    finally:
        recorder.datastore.close()


def _recorder(address: str, connections: int, db_functions: bool) -> PostgresApplicationRecorder:
    parts = urlsplit(address)
    datastore = PostgresDatastore(
        dbname=parts.path.removeprefix("/"),
        host=parts.hostname or "127.0.0.1",
        port=str(parts.port or 5432),
        user=parts.username or "postgres",
        password=parts.password or "",
        pool_size=connections,
        max_overflow=connections,
        originator_id_type="uuid",
        enable_db_functions=db_functions,
    )
    recorder = PostgresApplicationRecorder(datastore)
    recorder.create_table()
    return recorder


def _until(happened: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not happened():
        time.sleep(0.05)


def _missed(recorder: PostgresApplicationRecorder, seen: set[int], upto: int) -> int:
    before = set(seen)
    reached = max(before, default=0)
    return len(_stored(recorder, min(reached, upto)) - before)


def _stored(recorder: PostgresApplicationRecorder, upto: int) -> set[int]:
    with recorder.datastore.transaction() as cursor:
        rows = cursor.execute(
            "SELECT notification_id FROM stored_events WHERE notification_id <= %s", (upto,)
        ).fetchall()
    return {int(row["notification_id"]) for row in rows}
