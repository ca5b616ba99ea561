"""A partnership of any size, in the whole language: the demonstration's three years, lived by as many cases as asked.

What grows with a ledger must be measured on ledgers that differ in size alone, so the same plan, calendar and agencies
are given more of the same cases, night by night. One run of the demonstration is checked as any submission is; the
further cases are its copies under ids of their own, which keep every contract because their original did.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import orjson

from contracts.intake import validate
from contracts.moments import local_epoch_day
from contracts.recorded import Accepted
from domain.ledger import Ledger
from ops.demo import cast
from ops.demo.generate import events
from ops.demo.simulation import SimulatedClock
from ops.settings import write_settings

COPIES_MAX: Final = 256
BATCH_EVENTS: Final = 3_000
SEED: Final = 7
SCALE: Final = 0.8
"""Of the demonstration's daily work: one run of it is then near 100,000 events."""

_MARK: Final = "~"
"""Where a copy's number goes; it stands in nothing that the demonstration says."""
_NAMES_A_CASE: Final = frozenset(
    (
        "arrest",
        "assessment",
        "audit",
        "basis_ref",
        "call",
        "certification",
        "colocation",
        "consent",
        "delivery",
        "denial",
        "disclosure",
        "engagement",
        "enrollment",
        "flag",
        "incident",
        "input",
        "part_of",
        "person",
        "referral",
        "survey",
        "training",
        "transaction",
    )
)
"""The members of ``data`` that name a case, or something of it, and not an agency, a place, a period or the plan."""
_NAMES_AN_EVENT: Final = ("supersedes", "replacement")


@dataclass(frozen=True, slots=True)
class Case:
    """A statement about a case as it was accepted, with a mark in each of its ids and nothing that is not copied."""

    original: Accepted
    body: str
    id: str
    subject: str
    supersedes: str | None

    def copy(self, number: int) -> Accepted:
        """The same statement about the case of that number. Nothing reads a statement's ``data`` on its way to the
        log, so a copy has none.
        """
        own, was = f"{number:02x}", self.original
        body = self.body.replace(_MARK, own).encode()
        return Accepted(
            body,
            sha256(body).digest(),
            was.source,
            self.id.replace(_MARK, own),
            was.type,
            was.version,
            was.kind,
            self.subject.replace(_MARK, own),
            was.agency,
            was.time_us,
            None if self.supersedes is None else self.supersedes.replace(_MARK, own),
            {},
        )


@dataclass(frozen=True, slots=True)
class Day:
    """What arrives in one night: what is said but once (decisions, and what is about no case), and the cases."""

    arrives_us: int
    once: list[Accepted]
    cases: list[Case]


class Partnership:
    """The demonstration's days, read once; ledgers of several sizes can be filled from them."""

    def __init__(self, *, scale: float = SCALE) -> None:
        """``scale`` is that of the demonstration's daily work in one copy."""
        self.days = [_day(group) for group in _nights(scale)]
        self.once = sum(len(day.once) for day in self.days)
        self.cases = sum(len(day.cases) for day in self.days)

    def nights(self, count: int) -> Iterator[tuple[int, list[Accepted]]]:
        """``count`` events in order of arrival, as (UTC microseconds, what arrives).

        Each night brings its cases in as many copies as it takes; of the last copy only the first so many statements
        are told. Raises ValueError where the count is too small for what is said once, or needs too many copies.
        """
        whole, rest = divmod(count - self.once, self.cases)
        if count < self.once or whole >= COPIES_MAX:
            raise ValueError(f"between {self.once} and {self.once + COPIES_MAX * self.cases} events can be told")
        for day in self.days:
            told = [*day.once, *(case.copy(number) for number in range(whole) for case in day.cases)]
            told += [case.copy(whole) for case in day.cases[:rest]]
            rest = max(0, rest - len(day.cases))
            if told:
                yield day.arrives_us, told

    def fill(self, home: Path, count: int) -> None:
        """Record ``count`` events in a new home whose clock stands at the end of the three years."""
        clock = SimulatedClock()
        ledger = Ledger.open(home, clock=clock)
        try:
            write_settings(home, {"zone": cast.ZONE, "as_of": cast.AS_OF})
            for arrives_us, told in self.nights(count):
                clock.now_us = arrives_us
                for at in range(0, len(told), BATCH_EVENTS):
                    _recorded(ledger, told[at : at + BATCH_EVENTS])
        finally:
            ledger.close()


def _recorded(ledger: Ledger, batch: Sequence[Accepted]) -> None:
    for outcome in ledger.record(batch):
        if outcome.status != "recorded":
            raise RuntimeError(f"the benchmark's own events were refused: {outcome}")


def _nights(scale: float) -> Iterator[list[tuple[int, Accepted]]]:
    """Each night's arrivals that the contracts accept, every identity once."""
    seen: set[tuple[str, str]] = set()
    kept = []
    for arrives_us, raw in events(SEED, scale=scale):
        event = validate(raw)
        if isinstance(event, Accepted) and (event.source, event.id) not in seen:
            seen.add((event.source, event.id))
            kept.append((arrives_us, event))
    for _, night in groupby(kept, key=lambda one: local_epoch_day(one[0], cast.ZONE)):
        yield list(night)


def _day(night: list[tuple[int, Accepted]]) -> Day:
    once: list[Accepted] = []
    cases: list[Case] = []
    for _, event in night:
        case = None if event.kind == "decision" else _case(event)
        if case is None:
            once.append(event)
        else:
            cases.append(case)
    return Day(night[-1][0], once, cases)


def _case(event: Accepted) -> Case | None:
    """The statement with its marks; None where it is about no case."""
    family, _, name = event.subject.partition("/")
    if family not in _NAMES_A_CASE:
        return None
    told: dict[str, Any] = orjson.loads(event.body)
    if _MARK in event.body.decode():
        raise ValueError(f"the mark of a copy stands in {event.id}")
    told["id"], told["subject"] = _numbered(event.id), f"{family}/{name}{_MARK}"
    data = told["data"]
    for member in _NAMES_A_CASE & data.keys():
        data[member] += _MARK
    for holder in (told, data):
        for member in _NAMES_AN_EVENT:
            if member in holder:
                holder[member] = _numbered(holder[member])
    body = orjson.dumps(told, option=orjson.OPT_SORT_KEYS).decode()
    return Case(event, body, told["id"], told["subject"], event.supersedes and _numbered(event.supersedes))


def _numbered(identity: str) -> str:
    """An event's id whose last two digits are a copy's number: as long as before, and in the same order."""
    return identity[:-2] + _MARK
