"""Compares what was acknowledged with what a reopened ledger holds, and counts the differences.

Here, free of files and processes, so that the judgement itself can be tested: a judge that cannot see a
missing row proves nothing by reporting none. Every count comes from what was read back.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

Identity = tuple[str, str]
"""(source, id) of an event."""


@dataclass(frozen=True, slots=True)
class Ack:
    """One acknowledgement as the sender got it: identity, place in the log, SHA-256 (32 bytes)."""

    identity: Identity
    log_index: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class Row:
    """One event as read back from the ledger; ``counted`` where the additive view is to count it."""

    log_index: int
    identity: Identity
    digest: bytes
    body: bytes
    counted: bool = True


@dataclass(slots=True)
class Findings:
    """What one look at one ledger found. ``lost``, ``torn`` and ``doubled`` count events (or batches, or view
    rows).
    """

    acknowledged: int = 0
    lost: int = 0
    torn: int = 0
    doubled: int = 0
    stored_unacknowledged: int = 0
    remarks: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not (self.lost or self.torn or self.doubled)

    def add(self, other: Findings) -> None:
        """Take another look's counts into these; keeps the first 20 remarks."""
        self.acknowledged += other.acknowledged
        self.lost += other.lost
        self.torn += other.torn
        self.doubled += other.doubled
        self.stored_unacknowledged += other.stored_unacknowledged
        self.remarks = (self.remarks + other.remarks)[:20]

    def _say(self, remark: str) -> None:
        if len(self.remarks) < 20:
            self.remarks.append(remark)


def encode_acks(batch: int, acks: Iterable[Ack]) -> bytes:
    """One line for the acknowledgements of one batch (newline included)."""
    rows = [[*ack.identity, ack.log_index, ack.digest.hex()] for ack in acks]
    return json.dumps({"batch": batch, "acks": rows}).encode() + b"\n"


def decode_acks(line: bytes) -> tuple[int, list[Ack]]:
    """The inverse of ``encode_acks``."""
    content = json.loads(line)
    acks = [Ack((source, name), place, bytes.fromhex(digest)) for source, name, place, digest in content["acks"]]
    return int(content["batch"]), acks


def judge_log(acks: Sequence[Ack], rows: Iterable[Row], problems: Sequence[str] = ()) -> Findings:
    """Hold the log against the acknowledgements.

    lost: acknowledged events that are nowhere in the log. torn: acknowledged events found with another place
    or digest, rows whose bytes do not give their digest, holes in log_index, acknowledgements that contradict
    one another, and each problem that the ledger's own ``verify`` reports. doubled: rows beyond the first of
    an identity.
    """
    found = Findings()
    first: dict[Identity, tuple[int, bytes]] = {}
    for place, row in enumerate(rows, start=1):
        if row.log_index != place:
            found.torn += 1
            found._say(f"log_index {row.log_index} where {place} belongs")
        if hashlib.sha256(row.body).digest() != row.digest:
            found.torn += 1
            found._say(f"log_index {row.log_index}: the bytes do not give the digest")
        if row.identity in first:
            found.doubled += 1
            found._say(f"{row.identity} is in the log at {first[row.identity][0]} and {row.log_index}")
        else:
            first[row.identity] = (row.log_index, row.digest)
    told: dict[Identity, Ack] = {}
    for ack in acks:
        earlier = told.setdefault(ack.identity, ack)
        if earlier != ack:
            found.torn += 1
            found._say(f"{ack.identity} was acknowledged as {earlier.log_index} and as {ack.log_index}")
    found.acknowledged = len(told)
    for ack in told.values():
        kept = first.get(ack.identity)
        if kept is None:
            found.lost += 1
            found._say(f"{ack.identity}, acknowledged as {ack.log_index}, is not in the log")
        elif kept != (ack.log_index, ack.digest):
            found.torn += 1
            found._say(f"{ack.identity}, acknowledged as {ack.log_index}, is kept as {kept[0]} or otherwise")
    found.stored_unacknowledged = len(first.keys() - told.keys())
    for problem in problems:
        found.torn += 1
        found._say(f"verify: {problem}")
    return found


def judge_whole(units: Iterable[frozenset[Identity]], rows: Sequence[Row]) -> Findings:
    """Each unit is the set of new statements of one batch that got no answer: all of it is in the log, or
    none of it.
    """
    kept = {row.identity for row in rows}
    found = Findings()
    for unit in units:
        present = len(unit & kept)
        if 0 < present < len(unit):
            found.torn += 1
            found._say(f"{present} of the {len(unit)} events of one transaction are in the log")
    return found


def judge_tally(rows: Sequence[Row], counted: int) -> Findings:
    """``counted``: how many events the additive view says it has seen after catching up with the whole
    log.
    """
    found = Findings()
    due = sum(row.counted for row in rows)
    if counted > due:
        found.doubled = counted - due
        found._say(f"the view counted {counted} events of {due}")
    elif counted < due:
        found.lost = due - counted
        found._say(f"the view counted only {counted} events of {due}")
    return found


def judge_views(kept: dict[str, list[object]], rebuilt: dict[str, list[object]]) -> Findings:
    """Rows by table as kept up to date through the trouble, against a rebuild from the log; each difference
    counts.
    """
    found = Findings()
    for table in sorted(kept.keys() | rebuilt.keys()):
        mine, fresh = Counter(map(repr, kept.get(table, []))), Counter(map(repr, rebuilt.get(table, [])))
        differing = sum(((mine - fresh) + (fresh - mine)).values())
        if differing:
            found.doubled += differing
            found._say(f"table {table}: {differing} rows differ from a rebuild")
    return found
