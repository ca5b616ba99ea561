"""Recomputes from the stored bodies everything the ledger says about them, and names what does not agree.

It is here so that anyone holding the file can check it without trusting the program that wrote it: a flipped byte, a lost
or added row, a changed head or an event moved to another identity each show up with their log_index.
"""

from __future__ import annotations

import hashlib
import sqlite3
from dataclasses import dataclass, field

import orjson

from contracts.moments import parse_us
from contracts.ports import Progress
from domain.sqlite_file import SqliteFile
from domain.tree import Frontier

PROBLEMS_NAMED = 100
"""Problems told one by one; a ledger broken in more places is as broken."""

_RUN = 2_000

_SELECT = (
    "SELECT log_index, time_us, recorded_at_us, topic.text, subject.text, source_id, source.text, agency.text, "
    "originator_version, originator_id, event_id, digest, state FROM log "
    "LEFT JOIN names AS topic ON topic.id = topic_id LEFT JOIN names AS subject ON subject.id = subject_id "
    "LEFT JOIN names AS source ON source.id = source_id LEFT JOIN names AS agency ON agency.id = agency_id "
    "ORDER BY log_index"
)

_WIRE_PREFIX = "org.tallystick."


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not agree; ``log_index`` is None where it is about the ledger as a whole."""

    log_index: int | None
    sentence: str


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """``events`` were read, ``root`` is the root recomputed from their bodies (32 bytes)."""

    ok: bool
    events: int
    root: bytes
    problems: list[Finding] = field(default_factory=list)


def verify(file: SqliteFile, progress: Progress | None = None) -> VerifyResult:
    """Check the whole ledger in one snapshot; blocks no writer. Findings are returned, not raised."""
    check = _Check()
    try:
        with file.reading() as connection:
            head = connection.execute("SELECT log_index, recorded_at_us, frontier, root FROM head").fetchone()
            rows = connection.execute(_SELECT)
            while run := rows.fetchmany(_RUN):
                for row in run:
                    check.row(row)
                if progress is not None:
                    progress(check.events, max(head[0], check.events))
            check.head(head)
            check.counts(connection)
    except sqlite3.DatabaseError as error:
        check.say(check.last, f"the file cannot be read past this event: {error}")
    return VerifyResult(not check.found, check.events, check.tree.root(), check.found)


class _Check:
    def __init__(self) -> None:
        self.tree = Frontier()
        self.found: list[Finding] = []
        self.events = 0
        self.decisions = 0
        self.last = 0
        self._recorded_at_us = 0

    def say(self, log_index: int | None, sentence: str) -> None:
        if len(self.found) < PROBLEMS_NAMED:
            self.found.append(Finding(log_index, sentence))

    def row(self, row: tuple[object, ...]) -> None:
        log_index, time_us, recorded_at_us, topic, subject, source_id, source, agency = row[:8]
        version, originator_id, event_id, digest, state = row[8:]
        assert isinstance(log_index, int)
        assert isinstance(recorded_at_us, int)
        assert isinstance(state, bytes)
        if log_index != self.last + 1:
            self.say(log_index, f"the event before it is {self.last}: log_index is not dense")
        if recorded_at_us < self._recorded_at_us:
            self.say(log_index, "recorded_at lies before that of the event before it")
        actual = hashlib.sha256(state).digest()
        if actual != digest:
            self.say(log_index, "the digest is not the digest of the body")
        self.tree.extend((actual,))
        self.events += 1
        self.last = log_index
        self._recorded_at_us = recorded_at_us
        try:
            said = _envelope(state)
        except (ValueError, KeyError, TypeError) as error:
            self.say(log_index, f"the body is not an event: {error!r}")
            return
        known_id = event_id
        if event_id is None:
            known_id = str(originator_id).partition("/")[2]
            if originator_id != f"{source_id}/{said[1]}" or version != 1:
                self.say(log_index, "the identity under which it is kept is not that of the body")
        else:
            self.decisions += 1
        for name, kept, spoken in zip(
            ("source", "id", "topic", "subject", "time"),
            (source, known_id, topic, subject, time_us),
            said,
            strict=True,
        ):
            if kept != spoken:
                self.say(log_index, f"the column {name} says {kept!r}, the body {spoken!r}")
        if said_agency := orjson.loads(state).get("agency"):
            if said_agency != agency:
                self.say(log_index, f"the column agency says {agency!r}, the body {said_agency!r}")

    def head(self, head: tuple[int, int, bytes, bytes]) -> None:
        log_index, recorded_at_us, frontier, root = head
        if log_index != self.last:
            self.say(None, f"the head says {log_index} events, the log ends at {self.last}")
        if self.events and recorded_at_us != self._recorded_at_us:
            self.say(None, "the head's recorded_at is not that of the last event")
        if root != self.tree.root():
            self.say(
                None, f"the head's root {root.hex()} is not the root of the bodies {self.tree.root().hex()}"
            )
        if frontier != self.tree.to_bytes():
            self.say(None, "the head's tree state is not that of the bodies")

    def counts(self, connection: sqlite3.Connection) -> None:
        totals = dict(connection.execute("SELECT outcome, n FROM totals").fetchall())
        kept = dict(
            connection.execute("SELECT status, sum(times) FROM rejections GROUP BY status").fetchall()
        )
        if totals.get("recorded") != self.events:
            self.say(
                None,
                f"{totals.get('recorded')} submissions were answered as recorded, {self.events} are in the log",
            )
        for outcome in ("rejected", "conflict"):
            if totals.get(outcome, 0) != kept.get(outcome, 0):
                self.say(
                    None, f"{totals.get(outcome)} were answered as {outcome}, {kept.get(outcome, 0)} are kept"
                )
        (decisions,) = connection.execute(
            "SELECT count(*) FROM decision_identity JOIN log USING (log_index) JOIN names ON names.id = source_id "
            "WHERE identity = source_id || '/' || event_id"
        ).fetchone()
        if decisions != self.decisions:
            self.say(
                None,
                f"{self.decisions} decisions are in the log, {decisions} in the table of their identities",
            )


def _envelope(state: bytes) -> tuple[str, str, str, str, int | None]:
    """(source, id, topic, subject, time_us) as the body says them."""
    body = orjson.loads(state)
    time_us = None if body.get("timeunknown") else parse_us(body["time"])
    return body["source"], body["id"], body["type"].removeprefix(_WIRE_PREFIX), body["subject"], time_us
