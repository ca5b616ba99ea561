"""A projector that only writes down what it was given, and fails where a test tells it to."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy.engine import Connection

from contracts.ports import LogReader, Store
from contracts.recorded import Recorded
from tests.projections.fake_log import FakeLog, MemoryStore, recorded

NOW_US = 1_760_000_000_000_000


class Diary:
    """Keeps one row an applied event in the order of application; ``poison`` says which events it cannot apply."""

    name = "diary"

    def __init__(self, poison: Callable[[Recorded], bool] = lambda event: False, version: str = "1") -> None:
        self.poison = poison
        self.version = version
        self.refreshed = 0
        self.broken: Exception | None = None

    def prepare(self, connection: Connection) -> None:
        connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS diary (log_index INTEGER, subject TEXT)")

    def apply(self, connection: Connection, batch: Sequence[Recorded], reader: LogReader) -> None:
        if self.broken is not None:
            raise self.broken
        for event in batch:
            connection.exec_driver_sql("INSERT INTO diary VALUES (?, ?)", (event.log_index, event.subject))
            if self.poison(event):
                raise ValueError(f"cannot apply {event.id}")

    def refresh(self, store: Store, reader: LogReader, now_us: int) -> int:
        self.refreshed += 1
        return 0

    def reset(self, connection: Connection) -> None:
        connection.exec_driver_sql("DELETE FROM diary")

    def key(self, event: Recorded) -> str:
        return event.subject


def calls_log(events: int, subjects: int = 50) -> FakeLog:
    """A log of calls, the events of one subject ``subjects`` apart."""
    return FakeLog(
        recorded(
            n,
            "encounter.engaged",
            {"call": f"c-{n % subjects}"},
            id=f"e{n}",
            recorded_at_us=NOW_US - (events - n) * 1_000_000,
        )
        for n in range(1, events + 1)
    )


def diary_of(store: MemoryStore) -> list[tuple[int, str]]:
    """What was applied, in order."""
    with store.read() as connection:
        return [tuple(row) for row in connection.exec_driver_sql("SELECT * FROM diary ORDER BY rowid")]
