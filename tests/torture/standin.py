"""A very small ledger with one additive view, in flavours that keep the laws and flavours that break them on
purpose.

Here because the torture must be seen to notice: each broken flavour makes one mistake a real ledger could
make.
"""

from __future__ import annotations

import hashlib
import random
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from domain.sqlite.file import make_durable_directory
from ops.torture.judge import Identity, Row

Event = tuple[str, str, bytes]


@dataclass(frozen=True)
class Standin:
    acknowledges_early: bool = False
    """Answers before the transaction is committed."""
    separate_position: bool = False
    """Commits the view first and its position afterwards."""
    batch_in_pieces: bool = False
    """One transaction an event instead of one a batch."""

    forgets_directory: bool = False
    """Does not sync the directory in which it made its home."""

    def open(self, home: Path, *, synchronous: str = "FULL") -> StandinSession:
        return StandinSession(self, home, synchronous)

    def batches(self, seed: int) -> Sequence[Sequence[Event]]:
        rng = random.Random(seed)
        batches: list[list[Event]] = []
        for number in range(12):
            batch = [
                ("source", f"{seed}-{number}-{i}", rng.randbytes(rng.randint(20, 900)))
                for i in range(rng.randint(1, 9))
            ]
            if number and rng.random() < 0.3:
                batch.append(rng.choice(batches[-1]))
            batches.append(batch)
        return batches

    def unit(self, batch: Sequence[Event]) -> frozenset[Identity]:
        return frozenset((source, name) for source, name, _ in batch)


class StandinSession:
    def __init__(self, flavour: Standin, home: Path, synchronous: str) -> None:
        self.flavour = flavour
        if not home.is_dir():
            if flavour.forgets_directory:
                home.mkdir(parents=True)
            else:
                make_durable_directory(home)
        self.db = sqlite3.connect(home / "standin.db", isolation_level=None)
        self.db.execute("PRAGMA journal_mode=WAL")
        self.db.execute(f"PRAGMA synchronous={synchronous}")
        self.db.execute("PRAGMA wal_autocheckpoint=20")
        self.db.execute("BEGIN IMMEDIATE")
        self.db.execute(
            "CREATE TABLE IF NOT EXISTS log "
            "(log_index INTEGER PRIMARY KEY, source, id, digest, body, UNIQUE (source, id))"
        )
        self.db.execute("CREATE TABLE IF NOT EXISTS view (n)")
        self.db.execute("CREATE TABLE IF NOT EXISTS position (at)")
        if not self.db.execute("SELECT 1 FROM view").fetchone():
            self.db.execute("INSERT INTO view VALUES (0)")
            self.db.execute("INSERT INTO position VALUES (0)")
        self.db.execute("COMMIT")
        self.waiting: list[Sequence[Event]] = []

    def record(self, batch: Sequence[Event]) -> Sequence[tuple[str, Identity | None, int, bytes]]:
        if not self.flavour.acknowledges_early:
            return self._record(batch)
        for earlier in self.waiting:
            self._record(earlier)
        self.waiting = [batch]
        (place,) = self.db.execute("SELECT count(*) FROM log").fetchone()
        answers: list[tuple[str, Identity | None, int, bytes]] = []
        for source, name, body in batch:
            digest = hashlib.sha256(body).digest()
            known = self.db.execute("SELECT log_index FROM log WHERE source=? AND id=?", (source, name)).fetchone()
            told = next((answer for answer in answers if answer[1] == (source, name)), None)
            if known or told:
                answers.append(("duplicate", (source, name), known[0] if known else (told or (0, 0, 0))[2], digest))
            else:
                place += 1
                answers.append(("recorded", (source, name), place, digest))
        return answers

    def _record(self, batch: Sequence[Event]) -> Sequence[tuple[str, Identity | None, int, bytes]]:
        answers: list[tuple[str, Identity | None, int, bytes]] = []
        self.db.execute("BEGIN IMMEDIATE")
        for source, name, body in batch:
            known = self.db.execute(
                "SELECT log_index, digest FROM log WHERE source=? AND id=?", (source, name)
            ).fetchone()
            if known:
                answers.append(("duplicate", (source, name), *known))
                continue
            digest = hashlib.sha256(body).digest()
            cursor = self.db.execute(
                "INSERT INTO log (source, id, digest, body) VALUES (?, ?, ?, ?)", (source, name, digest, body)
            )
            answers.append(("recorded", (source, name), int(cursor.lastrowid or 0), digest))
            if self.flavour.batch_in_pieces:
                self.db.execute("COMMIT")
                self.db.execute("BEGIN IMMEDIATE")
        self.db.execute("COMMIT")
        return answers

    def project(self) -> None:
        self.db.execute("BEGIN IMMEDIATE")
        (head,) = self.db.execute("SELECT count(*) FROM log").fetchone()
        self.db.execute("UPDATE view SET n = n + ? - (SELECT at FROM position)", (head,))
        if self.flavour.separate_position:
            self.db.execute("COMMIT")
            self.db.execute("BEGIN IMMEDIATE")
        self.db.execute("UPDATE position SET at = ?", (head,))
        self.db.execute("COMMIT")

    def rows(self) -> Sequence[Row]:
        return [
            Row(place, (source, name), digest, body)
            for place, source, name, digest, body in self.db.execute("SELECT * FROM log ORDER BY log_index")
        ]

    def verify(self) -> Sequence[str]:
        answer = [row[0] for row in self.db.execute("PRAGMA integrity_check")]
        return [] if answer == ["ok"] else answer

    def tally(self) -> int:
        return int(self.db.execute("SELECT n FROM view").fetchone()[0])

    def views(self) -> dict[str, list[object]]:
        return {"view": [self.tally()]}

    def rebuilt(self) -> dict[str, list[object]]:
        return {"view": [len(self.rows())]}

    def close(self) -> None:
        for batch in self.waiting:
            self._record(batch)
        self.db.close()


HONEST = Standin()
EARLY = Standin(acknowledges_early=True)
SEPARATE = Standin(separate_position=True)
PIECES = Standin(batch_in_pieces=True)
FORGETFUL = Standin(forgets_directory=True)
