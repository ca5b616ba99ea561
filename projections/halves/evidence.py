"""The events behind a shared fact: which statement is the first half, which the second, where they differ.

Here so that a list shows the very events that made a row. They are chosen by the rules of the read models, from
events that nothing supersedes and up to where the views have read; nothing later is shown beside an older state.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import Connection, RowMapping

from contracts.moments import format_us, local_day
from contracts.ports import LogReader
from contracts.recorded import Recorded
from projections import statements
from projections.calendar import first_month_of, period_text
from projections.halves.facts import FACTS, SharedFact
from projections.tables import SUPERSEDED, VIEW_STATE

SAID = ("units", "attendees", "amount_minor", "currency", "quantity", "period", "reason", "evidence_ref", "outcome")
"""Payload fields that a half is told with."""


@dataclass(frozen=True, slots=True)
class Half:
    """One statement of a half; moments are UTC microseconds, the digest is SHA-256 over the stored bytes."""

    event: Recorded

    def said(self) -> dict[str, Any]:
        """What it says of how much and why, as far as the type of event tells."""
        data = self.event.data
        return {name: data[name] for name in SAID if data.get(name) is not None}

    def to_json(self) -> dict[str, Any]:
        event = self.event
        return {
            "log_index": event.log_index,
            "type": event.type,
            "agency": event.agency,
            "source": event.source,
            "id": event.id,
            "time": None if event.time_us is None else format_us(event.time_us),
            "recorded_at": format_us(event.recorded_at_us),
            "digest": event.digest.hex(),
            "said": self.said(),
        }


@dataclass(frozen=True, slots=True)
class Difference:
    """What the two sides do not say alike: a figure of each, or the reason of a dispute."""

    about: str
    claimed: Any
    answered: Any

    def to_json(self) -> dict[str, Any]:
        return {"about": self.about, "claimed": self.claimed, "answered": self.answered}

    def sentence(self) -> str:
        """In words, for a cell of a spreadsheet."""
        about = self.about.replace("_", " ")
        if self.about == "reason":
            return f"disputed: {self.answered}"
        return f"{about}: {self.claimed} claimed, {self.answered} answered"


@dataclass(frozen=True, slots=True)
class Halves:
    """The events of each half, the one that counts first; empty where that half is missing."""

    first: tuple[Half, ...]
    second: tuple[Half, ...]
    differences: tuple[Difference, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "first": [half.to_json() for half in self.first],
            "second": [half.to_json() for half in self.second],
            "differences": [difference.to_json() for difference in self.differences],
        }


def halves_of(connection: Connection, reader: LogReader, rows: Sequence[RowMapping], zone: str) -> list[Halves]:
    """Both halves of each item (a row of ``items``), in their order. Reads the events about their subjects only."""
    subjects = sorted({row["subject"] for row in rows})
    if not subjects:
        return []
    upto = connection.scalar(select(VIEW_STATE.c.value).where(VIEW_STATE.c.name == "high_water")) or 0
    about: dict[str, list[Recorded]] = defaultdict(list)
    for event in live(connection, reader.by_subject(subjects, upto)):
        about[event.subject].append(event)
    return [_halves(FACTS[row["fact"]], row, about[row["subject"]], zone) for row in rows]


def live(connection: Connection, events: Sequence[Recorded]) -> list[Recorded]:
    """The events that their own agency neither withdrew nor replaced; decisions always stand."""
    gone: set[tuple[str, str, str]] = set()
    names = SUPERSEDED.c
    for chunk in statements.chunks(sorted({event.id for event in events if event.kind == "statement"})):
        query = select(names.source, names.event_id, names.agency).where(names.event_id.in_(chunk))
        gone.update((row[0], row[1], row[2]) for row in connection.execute(query))
    return [e for e in events if e.kind == "decision" or (e.source, e.id, e.agency) not in gone]


def _halves(fact: SharedFact, row: Mapping[Any, Any], events: Iterable[Recorded], zone: str) -> Halves:
    """Chooses among the live events about a row's subject."""
    mine = sorted((event for event in events if _concerns(fact, row, event, zone)), key=_early)
    first = [event for event in mine if event.type in fact.first] if row["state"] != "unmatched" else []
    # A promise is the obligor's to evidence, and its evidence adds up; of any other claim the first statement stands.
    first = [event for event in first if event.agency == row["claimer"]] if fact.name == "commitment" else first[:1]
    answers, disputes = [], []
    for way in fact.confirmations:
        said = [event for event in mine if event.type in way.types]
        # A row that keeps only the first of a type cannot know of another agency's after it.
        counted = said[:1] if way.first_only else said
        answers += [event for event in counted if _answers(fact, row, event)]
    for way in fact.disputes:
        disputes += [event for event in mine if event.type in way.types and _answers(fact, row, event)]
    counts_last = fact.quantity is not None and fact.quantity.confirmed is not None
    answer = (max(answers, key=_late) if counts_last else min(answers, key=_early)) if answers else None
    second = [event for event in (*disputes[:1], answer) if event is not None]
    return Halves(
        tuple(Half(event) for event in first),
        tuple(Half(event) for event in second),
        tuple(_differences(fact, row, first, disputes[:1], answer)),
    )


def _concerns(fact: SharedFact, row: Mapping[Any, Any], event: Recorded, zone: str) -> bool:
    """Whether an event about the subject is about this row: several periods share one commitment."""
    if fact.name != "commitment":
        return True
    period = _behind_hash(row)
    if len(period) == len("2025-03-09"):
        return True  # owed once: everything about the commitment is about this
    named = event.data.get("period")
    if named is not None or event.type not in fact.first:
        return named in (None, period)
    if event.time_us is None:
        return False
    every = "quarter" if "Q" in period else "month" if "-" in period else "year"
    day = dt.date.fromisoformat(local_day(event.time_us, zone))
    return period_text(first_month_of(day, every), every) == period


def _behind_hash(row: Mapping[Any, Any]) -> str:
    """The period of a commitment's key, the agency of an attendance's."""
    return str(row["key"]).rpartition("#")[2]


def _answers(fact: SharedFact, row: Mapping[Any, Any], event: Recorded) -> bool:
    """Whether an event is another side's word: never the claimer's own, and of an attendance the attending
    agency's alone."""
    if fact.name == "training":
        return event.agency == _behind_hash(row)
    return bool(event.agency != row["claimer"])


def _differences(
    fact: SharedFact,
    row: Mapping[Any, Any],
    first: Sequence[Recorded],
    disputes: Sequence[Recorded],
    answer: Recorded | None,
) -> list[Difference]:
    found = [Difference("reason", None, event.data.get("reason")) for event in disputes]
    if not first or answer is None:
        return found
    claim = dict(first[0].data)
    if fact.name == "training":
        claim["attendees"] = (claim.get("attendees_by_agency") or {}).get(answer.agency)
    for name in ("units", "attendees", "amount_minor", "currency"):
        one, other = claim.get(name), answer.data.get(name)
        if one is not None and other is not None and one != other:
            found.append(Difference(name, one, other))
    return found


def _early(event: Recorded) -> tuple[bool, int, str, str]:
    return (event.time_us is None, event.time_us or 0, event.source, event.id)


def _late(event: Recorded) -> tuple[bool, int, str, str]:
    return (event.time_us is not None, event.time_us or 0, event.source, event.id)
