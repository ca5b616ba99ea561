"""Plays a session against a home and, afterwards, looks at what a crashed home holds.

Here because both campaigns, kills and power cuts, do the same two things around a different kind of violence.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ops.torture.judge import (
    Ack,
    Findings,
    Identity,
    Row,
    decode_acks,
    encode_acks,
    judge_log,
    judge_tally,
    judge_views,
    judge_whole,
)
from ops.torture.subject import Session, Subject

Batch = Sequence[Any]

PROJECT_EVERY = 3
"""Batches between two catch-ups of the views, so that kills fall into both kinds of work."""


def play(session: Session, batches: Sequence[Batch], acknowledge: Callable[[bytes], None]) -> None:
    """Record the batches one by one; ``acknowledge`` gets a line for each, after the ledger returned and not
    before.
    """
    for number, batch in enumerate(batches):
        answers = session.record(batch)
        acks = [
            Ack(identity, log_index, digest)
            for status, identity, log_index, digest in answers
            if status in ("recorded", "duplicate") and identity is not None
        ]
        acknowledge(encode_acks(number, acks))
        if number % PROJECT_EVERY == PROJECT_EVERY - 1:
            session.project()
    session.project()


def warm_up(subject: Subject, home: Path) -> None:
    """Play and look at a session in this process, so that what is imported, compiled and cached on first use is there
    before the first fork instead of being made again in every child. ``home`` must not exist; give it up afterwards."""
    history, batches = History(), subject.batches(0)
    lines: list[bytes] = []
    session = subject.open(home)
    try:
        play(session, batches, lines.append)
    finally:
        session.close()
    history.take(subject, batches, lines)
    look(subject, home, history, random.Random(0), deep=True)


@dataclass(slots=True)
class History:
    """Everything that was sent to one home and every answer that came back, over all its sessions."""

    sent: list[Batch] = field(default_factory=list)
    acks: list[Ack] = field(default_factory=list)
    units: list[frozenset[Identity]] = field(default_factory=list)
    """New statements of each batch that was on its way when a crash came."""
    _known: set[Identity] = field(default_factory=set)

    def copy(self) -> History:
        return History(list(self.sent), list(self.acks), list(self.units), set(self._known))

    def take(self, subject: Subject, batches: Sequence[Batch], lines: Sequence[bytes]) -> None:
        """Add a session: the batches it was going to send and the acknowledgement lines that it wrote."""
        answered = -1
        for line in lines:
            answered, acks = decode_acks(line)
            self.acks.extend(acks)
        for number, batch in enumerate(batches[: answered + 2]):
            unit = subject.unit(batch)
            self.sent.append(batch)
            if number == answered + 1:
                self.units.append(unit - self._known)
            self._known |= unit

    def some(self, rng: random.Random, count: int) -> list[Batch]:
        """The last two batches and a few earlier ones, to be sent again."""
        earlier = self.sent[:-2]
        return rng.sample(earlier, min(count, len(earlier))) + self.sent[-2:]


def look(
    subject: Subject,
    home: Path,
    history: History,
    rng: random.Random,
    *,
    deep: bool,
    everything: bool = False,
) -> Findings:
    """Reopen a crashed home, judge it, and go on recording in it (so give it a copy).

    ``deep``: also compare every view with a rebuild. ``everything``: send all batches again rather than a
    sample. A home that cannot be opened or read has lost all that was acknowledged in it, and is reported so.
    """
    try:
        session = subject.open(home)
        try:
            return _look(session, history, history.sent if everything else history.some(rng, 3), deep=deep)
        finally:
            session.close()
    except Exception as broken:  # noqa: BLE001 - whatever a crashed home raises is the finding, not an end of the run
        lost = len({ack.identity for ack in history.acks})
        return Findings(lost, lost, torn=1, remarks=[f"the home cannot be used: {type(broken).__name__}: {broken}"])


def _look(session: Session, history: History, again: Sequence[Batch], *, deep: bool) -> Findings:
    rows = session.rows()
    found = judge_log(history.acks, rows, session.verify())
    found.add(judge_whole(history.units, rows))
    session.project()
    found.add(judge_tally(rows, session.tally()))
    if deep:
        found.add(judge_views(session.views(), session.rebuilt()))
    found.add(_send_again(session, rows, again))
    after = session.rows()
    if list(after[: len(rows)]) != list(rows):
        found.add(Findings(torn=1, remarks=["recording on changed rows that were already in the log"]))
    session.project()
    found.add(judge_tally(after, session.tally()))
    return found


def _send_again(session: Session, rows: Sequence[Row], again: Sequence[Batch]) -> Findings:
    """What is there must be answered as a duplicate with its first receipt, what is not must be taken."""
    kept = {row.identity: row for row in rows}
    found = Findings()
    for batch in again:
        for status, identity, log_index, digest in session.record(batch):
            row = kept.get(identity) if identity is not None else None
            if row is None or identity is None:
                continue
            if status == "recorded":
                found.add(Findings(doubled=1, remarks=[f"{identity} was recorded a second time"]))
            elif status == "duplicate" and (log_index, digest) != (row.log_index, row.digest):
                found.add(Findings(torn=1, remarks=[f"{identity} was answered with a receipt that is not its first"]))
            elif status == "rejected":
                found.add(Findings(lost=1, remarks=[f"{identity} is in the log and was rejected when sent again"]))
    return found
