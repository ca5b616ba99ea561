"""What one open transaction adds to the log: rows, names, tree, head and totals, all of it or nothing.

It is here so that there is a single place where ``log_index`` is given out, ``recorded_at`` is settled and a
digest is checked right before it is written, whether the events come from a batch of statements, from an
aggregate's decision or from the library's own recorder interface.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import chain

from eventsourcing.persistence import StoredEvent

from contracts import event_ids
from contracts.recorded import Accepted, Receipt
from domain import packed
from domain.back_end import Row, Taken, Writing, recorded_statements
from domain.names import Names
from domain.tree import Frontier

_INSERT = (
    "INSERT INTO log (log_index, time_us, recorded_at_us, topic_id, subject_id, source_id, agency_id, "
    "originator_version, originator_id, event_id, digest, state) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)"
)


class DamagedSubmission(Exception):
    """The digest handed in is not that of the bytes handed in: somebody changed one of them on the way."""


class Appending:
    """The additions of one write transaction: used by one thread, and closed before the commit."""

    def __init__(self, writing: Writing, names: Names, now_us: int) -> None:
        """Reads the head, so that nothing remembered from an earlier transaction can be wrong."""
        self.writing = writing
        self._names = names
        self.first, last_us, frontier = writing.head()
        self.last = self.first
        self.recorded_at_us = max(now_us, last_us)
        self._frontier = Frontier.from_bytes(self.first, frontier)
        self._counts: dict[str, int] = {}
        self._topics: dict[tuple[str, int], str] = {}
        self._columns: list[packed.Packed] = []
        self._event_ids: list[str] = []

    def statements(self, run: Sequence[Accepted]) -> tuple[list[Receipt], list[bool]]:
        """Append a run of statements; returns, in order, each one's receipt and whether it is the new one.

        The receipt of an identity that was recorded before (or earlier in the run) is the first one; the
        caller compares the digests. What is worth looking up first is the database's to say; the log's own
        uniqueness objects to the rest.
        """
        ids = self._intern_envelopes(run)
        keys = [f"{ids[event.source]}/{event.id}" for event in run]
        known = {key: Receipt(*receipt) for key, *receipt in self.writing.expected(keys)}
        firsts = dict(zip(keys, run, strict=True))
        if known or len(firsts) < len(run):
            firsts = {}
            for key, event in zip(keys, run, strict=True):
                if key not in known:
                    firsts.setdefault(key, event)
        try:
            fresh = self._insert_statements(firsts, ids)
        except Taken:
            stated = recorded_statements(self.writing, list(firsts))
            known.update((key, Receipt(*receipt)) for key, *receipt in stated)
            fresh = self._insert_statements({k: e for k, e in firsts.items() if k not in known}, ids)
        if len(fresh) == len(run):
            return list(fresh.values()), [True] * len(run)
        receipts: list[Receipt] = []
        is_new: list[bool] = []
        unseen = set(fresh)
        for key in keys:
            receipts.append(fresh[key] if key in fresh else known[key])
            is_new.append(key in unseen)
            unseen.discard(key)
        return receipts, is_new

    def recorded_before(self, event: Accepted) -> Receipt | None:
        """The first receipt of this event's identity, as a statement or as a decision; None if new."""
        ids = self._names.intern(self.writing, (event.source,))
        key = f"{ids[event.source]}/{event.id}"
        for _, *receipt in (*self.writing.expected([key]), *recorded_statements(self.writing, [key])):
            return Receipt(*receipt)
        return None

    def decision(self, event: Accepted, originator_id: str, originator_version: int) -> Receipt:
        """Append one decision as the next event of its aggregate.

        The database refuses, in its own words, where the aggregate has moved on or the identity is taken.
        """
        _check(event)
        ids = self._intern_envelopes((event,))
        receipt = Receipt(self.last + 1, self.recorded_at_us, event.digest)
        topic_id, source_id = ids[self._topic(event)], ids[event.source]
        subject_id, agency_id = ids[event.subject], ids[event.agency]
        columns = packed.columns(
            topic_id, subject_id, source_id, agency_id, event.time_us, event.supersedes is not None
        )
        self.writing.execute(
            _INSERT,
            (
                receipt.log_index,
                event.time_us,
                self.recorded_at_us,
                topic_id,
                subject_id,
                source_id,
                agency_id,
                originator_version,
                originator_id,
                event.id,
                event.digest,
                event.body,
            ),
        )
        self.writing.execute(
            "INSERT INTO decision_identity VALUES (?, ?)", (f"{source_id}/{event.id}", receipt.log_index)
        )
        self._grow((event.digest,), (columns,), (event.id,))
        return receipt

    def holder(self, claim: str) -> str | None:
        """The id of the aggregate that holds a claim; None where it is free."""
        found = self.writing.ask(
            "SELECT originator_id FROM claims JOIN log USING (log_index) WHERE claim = ?", (claim,)
        ).fetchone()
        return None if found is None else str(found[0])

    def hold(self, claim: str, log_index: int) -> None:
        """Keep a claim for the aggregate of a decision just appended; the database refuses where it is held."""
        self.writing.execute("INSERT INTO claims VALUES (?, ?)", (claim, log_index))

    def foreign(self, events: Sequence[StoredEvent], originator_ids: Sequence[str]) -> list[int]:
        """Append stored events that know no CloudEvent columns; returns their log_indexes."""
        ids = self._names.intern(self.writing, {event.topic for event in events})
        digests = [hashlib.sha256(event.state).digest() for event in events]
        first = self.last + 1
        self.writing.execute_many(
            _INSERT,
            [
                (
                    first + position,
                    None,
                    self.recorded_at_us,
                    ids[event.topic],
                    None,
                    None,
                    None,
                    event.originator_version,
                    originator_id,
                    None,
                    digest,
                    event.state,
                )
                for position, (event, originator_id, digest) in enumerate(
                    zip(events, originator_ids, digests, strict=True)
                )
            ],
        )
        columns = [packed.columns(ids[event.topic], None, None, None, None, False) for event in events]
        self._grow(digests, columns, [""] * len(columns))
        return list(range(first, self.last + 1))

    def count(self, outcome: str, n: int = 1) -> None:
        """Add to the total of an outcome; ``recorded`` is counted by itself."""
        self._counts[outcome] = self._counts.get(outcome, 0) + n

    def close(self) -> None:
        """Write head and totals. Nothing may be appended afterwards."""
        with self.writing.together():
            if self.last > self.first:
                self.writing.execute(
                    "UPDATE head SET log_index = ?, recorded_at_us = ?, frontier = ?, root = ?",
                    (self.last, self.recorded_at_us, self._frontier.to_bytes(), self._frontier.root()),
                )
                ids = event_ids.join(self._event_ids)
                self.writing.execute(
                    packed.INSERT, (self.first + 1, self.recorded_at_us, packed.pack(self._columns), ids)
                )
                self.count("recorded", self.last - self.first)
            for outcome, n in self._counts.items():
                self.writing.execute("UPDATE totals SET n = n + ? WHERE outcome = ?", (n, outcome))

    def _grow(self, digests: Sequence[bytes], columns: Sequence[packed.Packed], ids: Sequence[str]) -> None:
        """Counts events whose rows are written: their digests, columns and ids."""
        self._frontier.extend(digests)
        self._columns.extend(columns)
        self._event_ids.extend(ids)
        self.last += len(digests)

    def _insert_statements(self, firsts: dict[str, Accepted], ids: dict[str, int]) -> dict[str, Receipt]:
        """One row each; where one of them cannot be inserted, nothing but rows needs to be taken back."""
        index = self.last
        at = self.recorded_at_us
        topics = self._topics
        sha256 = hashlib.sha256
        columns_of = packed.columns
        rows: list[Row] = []
        receipts: dict[str, Receipt] = {}
        digests: list[bytes] = []
        columns: list[packed.Packed] = []
        for key, event in firsts.items():
            index += 1
            digest = event.digest
            body = event.body
            if sha256(body).digest() != digest:
                _check(event)
            topic = ids[topics[event.type, event.version]]
            subject = ids[event.subject]
            source = ids[event.source]
            agency = ids[event.agency]
            time_us = event.time_us
            rows.append((index, time_us, at, topic, subject, source, agency, key, digest, body))
            columns.append(columns_of(topic, subject, source, agency, time_us, event.supersedes is not None))
            receipts[key] = Receipt(index, at, digest)
            digests.append(digest)
        self.writing.statements(rows)
        self._grow(digests, columns, [event.id for event in firsts.values()])
        return receipts

    def _intern_envelopes(self, events: Sequence[Accepted]) -> dict[str, int]:
        named = [(self._topic(event), event.source, event.agency, event.subject) for event in events]
        return self._names.intern(self.writing, dict.fromkeys(chain.from_iterable(named)))

    def _topic(self, event: Accepted) -> str:
        key = (event.type, event.version)
        topic = self._topics.get(key)
        if topic is None:
            topic = self._topics[key] = f"{event.type}.v{event.version}"
        return topic


def _check(event: Accepted) -> None:
    if hashlib.sha256(event.body).digest() != event.digest:
        raise DamagedSubmission(f"the digest of {event.source} {event.id} is not the digest of its body")
