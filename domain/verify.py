"""Recomputes from the stored bodies everything the ledger says about them, and names what does not agree.

It is here so that anyone holding the file can check it without trusting the program that wrote it: a flipped
byte, a lost or added row, a changed head or an event moved to another identity each show up with their
log_index.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from contracts.catalogue import CATALOGUE
from contracts.envelope import WIRE_PREFIX
from contracts.faults import Fault
from contracts.moments import parse_us
from contracts.ports import Progress
from domain import packed
from domain.back_end import Asking, BackEnd
from domain.claims import claim
from domain.decode import CORRECTIONS
from domain.tree import Frontier

PROBLEMS_NAMED = 100
"""Problems told one by one; a ledger broken in more places is as broken."""

_RUN = 2_000

_SELECT = (
    "SELECT log_index, time_us, recorded_at_us, topic_id, subject_id, source_id, agency_id, "
    "originator_version, originator_id, event_id, digest, state FROM log ORDER BY log_index"
)

_REPEATED = (
    "SELECT min(log_index), max(log_index), count(*) FROM log{unindexed} WHERE source_id IS NOT NULL "
    "GROUP BY CASE WHEN event_id IS NULL THEN originator_id ELSE CAST(source_id AS text) || '/' || event_id END "
    "HAVING count(*) > 1"
)

_REPEATED_NAMES = "SELECT text, count(*) FROM names{unindexed} GROUP BY text HAVING count(*) > 1"

_COMPARED = ("source", "id", "topic", "subject", "time", "agency")


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


def verify(back_end: BackEnd, progress: Progress | None = None) -> VerifyResult:
    """Check the whole ledger in one snapshot; blocks no writer. Findings are returned, not raised.

    Raises UnavailableFault where the database is lost on the way.
    """
    check = _Check()
    try:
        with back_end.snapshot() as asking:
            head = asking.ask("SELECT log_index, recorded_at_us, frontier, root FROM head").fetchone()
            check.names = dict(asking.stream("SELECT id, text FROM names"))
            check.packed = packed.entries(asking)
            rows = asking.stream(_SELECT)
            while run := rows.fetchmany(_RUN):
                check.run(run)
                if progress is not None:
                    progress(check.events, max(0 if head is None else head[0], check.events))
            check.no_more_packed()
            check.head(head)
            check.counts(asking)
            check.held(asking)
            check.identities(asking)
            for sentence in asking.damages(PROBLEMS_NAMED):
                check.say(None, sentence)
    except Exception as error:
        if not back_end.is_damage(error):
            fault = back_end.fault(error)
            if fault is None:
                raise
            raise fault from error
        check.say(check.last, f"the ledger cannot be read past this event: {error}")
    return VerifyResult(not check.found, check.events, check.tree.root(), check.found)


class _Check:
    def __init__(self) -> None:
        self.tree = Frontier()
        self.found: list[Finding] = []
        self.names: dict[int, str] = {}
        self.events = 0
        self.decisions = 0
        self.claims: dict[str, int] = {}
        self.last = 0
        self.packed: Iterator[packed.Entry] = iter(())
        self._held: packed.Entry | None = None
        self._recorded_at_us = 0

    def say(self, log_index: int | None, sentence: str) -> None:
        if len(self.found) < PROBLEMS_NAMED:
            self.found.append(Finding(log_index, sentence))

    def run(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """A run of rows in order of log_index: place, digest and columns of each, then the tree over all."""
        digests = []
        for row in rows:
            log_index, recorded_at_us, digest, state = row[0], row[2], row[10], row[11]
            if log_index != self.last + 1:
                self.say(log_index, f"the event before it is {self.last}: log_index is not dense")
            if recorded_at_us < self._recorded_at_us:
                self.say(log_index, "recorded_at lies before that of the event before it")
            actual = hashlib.sha256(state).digest()
            if actual != digest:
                self.say(log_index, "the digest is not the digest of the body")
            digests.append(actual)
            self.decisions += row[9] is not None
            self.last = log_index
            self._recorded_at_us = recorded_at_us
            self._columns(row)
        self.tree.extend(digests)
        self.events += len(rows)

    def _columns(self, row: tuple[Any, ...]) -> None:
        """Whether the typed columns say what the body says, and the row is kept under the body's identity."""
        log_index, time_us, recorded_at_us, topic_id, subject_id, source_id, agency_id = row[:7]
        version, originator_id, event_id, _, state = row[7:]
        entry = self._packed_at(log_index)
        try:
            body = orjson.loads(state)
            said = (
                body["source"],
                body["id"],
                body["type"].removeprefix(WIRE_PREFIX),
                body["subject"],
                None if body.get("time") is None else parse_us(body["time"]),
                body.get("agency"),
            )
            corrects = said[2].rpartition(".v")[0] in CORRECTIONS
            supersedes = (body["data"] if corrects else body).get("supersedes") is not None
        except (Fault, ValueError, LookupError, TypeError, AttributeError) as error:
            self.say(log_index, f"the body is not an event: {type(error).__name__}")
            return
        if event_id is None:
            event_id = originator_id.partition("/")[2]
            if version != 1 or originator_id != f"{source_id}/{event_id}":
                self.say(log_index, "a statement is not kept under its source and id")
        else:
            self._claim(log_index, said[2], body["data"])
        name = self.names.get
        agency = name(agency_id)
        # The agency may have been supplied by the sender's credential; then the body does not name one.
        kept = (
            name(source_id),
            event_id,
            name(topic_id),
            name(subject_id),
            time_us,
            agency if said[5] else None,
        )
        if kept != said:
            for column, on_row, in_body in zip(_COMPARED, kept, said, strict=True):
                if on_row != in_body:
                    self.say(log_index, f"the column {column} says {on_row!r}, the body {in_body!r}")
        columns = packed.columns(topic_id, subject_id, source_id, agency_id, time_us, supersedes)
        if entry != (log_index, recorded_at_us, columns, event_id):
            self.say(log_index, "the packed columns do not say what the row and the body say")

    def _claim(self, log_index: int, topic: str, data: dict[str, Any]) -> None:
        """What a decision takes for its aggregate alone; taken twice is told."""
        try:
            claimed = claim(topic.rpartition(".v")[0], CATALOGUE.upcast(topic, data))
        except (Fault, LookupError, TypeError):
            self.say(log_index, "the body is not a decision of the catalogue")
            return
        if claimed is not None and self.claims.setdefault(claimed, log_index) != log_index:
            self.say(log_index, f"{claimed} was taken by event {self.claims[claimed]} already")

    def held(self, asking: Asking) -> None:
        """Whether the table of claims says what the decisions say."""
        kept: dict[str, int] = dict(asking.ask("SELECT claim, log_index FROM claims").fetchall())
        for claimed, log_index in sorted(set(kept.items()) ^ set(self.claims.items())):
            where = "the table of claims" if kept.get(claimed) == log_index else "its body"
            self.say(log_index, f"{claimed} is this event's by {where} alone")

    def _packed_at(self, log_index: int) -> packed.Entry | None:
        """What is packed about an event; what is packed about none is told on the way."""
        while (entry := self._held or next(self.packed, None)) is not None and entry.log_index < log_index:
            self.say(entry.log_index, "columns are packed of an event that is not in the log")
            self._held = None
        self._held = entry if entry is not None and entry.log_index > log_index else None
        return entry

    def no_more_packed(self) -> None:
        """To be called after the last row."""
        while (entry := self._held or next(self.packed, None)) is not None:
            self._held = None
            self.say(entry.log_index, "columns are packed of an event that is not in the log")

    def head(self, head: tuple[int, int, bytes, bytes] | None) -> None:
        if head is None:
            self.say(None, "the ledger has no head")
            return
        log_index, recorded_at_us, frontier, root = head
        if log_index != self.last:
            self.say(None, f"the head says {log_index} events, the log ends at {self.last}")
        if self.events and recorded_at_us != self._recorded_at_us:
            self.say(None, "the head's recorded_at is not that of the last event")
        if root != self.tree.root():
            self.say(None, f"the head's root {root.hex()} is not the root of the bodies {self.tree.root().hex()}")
        if frontier != self.tree.to_bytes():
            self.say(None, "the head's tree state is not that of the bodies")

    def identities(self, asking: Asking) -> None:
        """Whether each identity and each name stands in one row only: asked of the rows, not of the indexes."""
        unindexed = asking.unindexed()
        for first, last, times in asking.ask(_REPEATED.format(unindexed=unindexed)):
            self.say(last, f"an event of this source and id is event {first} as well ({times} in all)")
        for text, times in asking.ask(_REPEATED_NAMES.format(unindexed=unindexed)):
            self.say(None, f"the name {text!r} is kept {times} times")

    def counts(self, asking: Asking) -> None:
        totals: dict[str, int] = dict(asking.ask("SELECT outcome, n FROM totals").fetchall())
        kept: dict[str, int] = dict(
            asking.ask("SELECT status, CAST(sum(times) AS bigint) FROM rejections GROUP BY status").fetchall()
        )
        if totals.get("recorded") != self.events:
            self.say(
                None,
                f"{totals.get('recorded')} were answered as recorded, {self.events} are in the log",
            )
        for outcome in ("rejected", "conflict"):
            if totals.get(outcome, 0) != kept.get(outcome, 0):
                self.say(None, f"{totals.get(outcome)} were answered as {outcome}, {kept.get(outcome, 0)} are kept")
        found = asking.ask(
            "SELECT count(*) FROM decision_identity JOIN log USING (log_index) "
            "WHERE identity = CAST(source_id AS text) || '/' || event_id"
        ).fetchone()
        (decisions,) = found or (0,)
        if decisions != self.decisions:
            self.say(
                None,
                f"{self.decisions} decisions are in the log, {decisions} in the table of their identities",
            )
