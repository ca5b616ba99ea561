"""A seeded year of shared facts and reports with planted disputes, late halves, lone halves and silences.

Each is found from its moment on and nothing else is; the truth is kept beside the events by arithmetic of its own, and
the clock is a parameter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.engine import Connection

from contracts.recorded import Recorded
from projections.feeds import feed_states
from projections.halves.walk import Item, walk
from projections.kpi import AsOf
from projections.views import Views
from tests.projections.fake_log import FakeLog, MemoryStore, recorded

ZONE = "America/Chicago"
PAIRS = (("county", "harbor"), ("county", "lakeside"))
GRACE_DAYS = {"harbor": 14, "lakeside": 7}
"""Nothing is agreed with harbor, so fourteen days; the agreement with lakeside says seven."""
DAY_US = 86_400_000_000
FIRST = date(2025, 1, 1)


def us(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def local(day: date, hour: int = 12) -> int:
    return us(datetime.combine(day, time(hour), tzinfo=ZoneInfo(ZONE)))


@dataclass
class Fact:
    """What is true of one shared fact: since when it is claimed, confirmed, disputed; None where never."""

    other: str
    claimed: int | None
    confirmed: int | None = None
    disputed: int | None = None

    def state(self, at: int) -> str | None:
        second = min((t for t in (self.confirmed, self.disputed) if t is not None), default=None)
        if self.claimed is None or self.claimed > at:
            return "unmatched" if second is not None and second <= at else None
        if self.disputed is not None and self.disputed <= at:
            return "disputed"
        return "confirmed" if self.confirmed is not None and self.confirmed <= at else "pending"

    def late(self, at: int) -> bool:
        assert self.claimed is not None
        return self.state(at) == "pending" and at > self.claimed + GRACE_DAYS[self.other] * DAY_US


@dataclass
class Year:
    """Events recorded as they happened, and what is true of them."""

    random: Random
    said: list[tuple[int, str, dict[str, Any], str]] = field(default_factory=list)
    truth: dict[str, Fact] = field(default_factory=dict)
    silent: dict[str, list[date]] = field(default_factory=dict)
    """Agency -> the first days of the months it never reported on."""

    def say(self, at: int, type: str, data: dict[str, Any], agency: str) -> None:
        self.said.append((at, type, data, agency))

    def log(self) -> list[Recorded]:
        ordered = sorted(self.said, key=lambda said: said[0])
        return [
            recorded(number, type, data, id=f"e{number}", agency=agency, time_us=at, recorded_at_us=at)
            for number, (at, type, data, agency) in enumerate(ordered, 1)
        ]


Say = Callable[[Year, str, str, int, str], None]


def _referral(found: Year, key: str, other: str, at: int, half: str) -> None:
    about = {"referral": key}
    if half == "first":
        found.say(at, "referral.requested", {**about, "requester": "county", "target": other, "need": "beds"}, "county")
    elif half == "confirmed":
        found.say(at, found.random.choice(("referral.received", "referral.accepted")), about, other)
    else:
        found.say(at, "referral.disputed", {**about, "reason": "never came"}, other)


def _service(found: Year, key: str, other: str, at: int, half: str) -> None:
    about = {"delivery": key}
    if half == "first":
        found.say(at, "service.delivered", {**about, "service": "s", "units": 2, "for_agency": other}, "county")
    elif half == "confirmed":
        found.say(at, "service.confirmed", about, other)
    else:
        found.say(at, "service.disputed", {**about, "reason": "half of it"}, other)


def _money(found: Year, key: str, other: str, at: int, half: str) -> None:
    about = {"transaction": key}
    paid = {"amount_minor": 5_000, "currency": "USD"}
    if half == "first":
        data = {**about, **paid, "funding": "f", "provider": "county", "receiver": other}
        found.say(at, "funding.disbursed", data, "county")
    elif half == "confirmed":
        found.say(at, "funding.received", {**about, **paid}, other)
    else:
        found.say(at, "funding.disputed", {**about, "reason": "not ours"}, other)


def year(seed: int) -> Year:
    found = Year(Random(seed))
    start = local(FIRST - timedelta(days=20))
    signed = {"agreement": "pact", "kind": "mou", "parties": ["county", "lakeside"], "effective": "2024-01-01"}
    found.say(start, "agreement.signed", {**signed, "terms": {"confirm_within_days": 7}}, "county")
    kinds: tuple[tuple[str, Say], ...] = (("r", _referral), ("d", _service), ("x", _money))
    for prefix, say in kinds:
        for number in range(30):
            _fate(found, say, f"{prefix}{number}")
    _reports(found)
    return found


def _fate(found: Year, say: Say, key: str) -> None:
    other = found.random.choice(("harbor", "lakeside"))
    grace = GRACE_DAYS[other]
    at = local(FIRST + timedelta(days=found.random.randrange(300)), found.random.randrange(24))
    fate = found.random.choice(("in_time", "on_the_dot", "late", "never", "disputed", "settled_late", "alone"))
    soon, dot, late = at + found.random.randrange(1, grace) * DAY_US // 2, at + grace * DAY_US, at + 40 * DAY_US
    truth = Fact(other, None if fate == "alone" else at)
    if fate != "alone":
        say(found, key, other, at, "first")
    if fate in ("in_time", "alone"):
        truth.confirmed = soon
    elif fate == "on_the_dot":
        truth.confirmed = dot
    elif fate == "late":
        truth.confirmed = late
    elif fate == "disputed":
        truth.disputed = soon
    elif fate == "settled_late":  # disputed after it was confirmed: the dispute stands
        truth.confirmed, truth.disputed = soon, late
    if truth.confirmed is not None:
        say(found, key, other, truth.confirmed, "confirmed")
    if truth.disputed is not None:
        say(found, key, other, truth.disputed, "disputed")
    # The claimer's own word is no second half.
    if fate == "never":
        say(found, key, "county", at + DAY_US, "confirmed")
    found.truth[key] = truth


def _reports(found: Year) -> None:
    """Both partners report on encounters every month with ten days of grace; some months one of them is silent."""
    for agency in ("harbor", "lakeside"):
        expected = {"agency": agency, "feed": "encounter", "cadence": "monthly", "grace_days": 10}
        found.say(local(FIRST - timedelta(days=9)), "report.expected", {**expected, "since": "2025-01-01"}, "county")
        found.silent[agency] = []
        for month in range(1, 13):
            if found.random.random() < 0.3:
                found.silent[agency].append(date(2025, month, 1))
            else:
                call = {"call": f"{agency}-{month}", "disposition": "other"}
                found.say(local(date(2025, month, 20)), "encounter.closed", call, agency)


class Read:
    """The ledger as it was known at a moment, read at that moment."""

    def __init__(self, found: Year) -> None:
        self.log = FakeLog(found.log())

    @contextmanager
    def known(self, as_of: AsOf) -> Iterator[Connection]:
        """The views of what was recorded by then."""
        store, views = MemoryStore(), Views(ZONE)
        with store.write() as connection:
            views.prepare(connection)
            views.apply(connection, self.log.after(0, as_of.log_index or 0), self.log)
        with store.read() as connection:
            yield connection
        store.close()

    def items(self, at: int) -> dict[str, Item]:
        as_of = AsOf(at, self.log.upto_moment(at))
        with self.known(as_of) as connection:
            lists = [
                walk(connection, self.log, one, other, as_of=as_of, zone=ZONE, limit=500).items for one, other in PAIRS
            ]
        return {item.subject.partition("/")[2]: item for listed in lists for item in listed}

    def silent(self, at: int) -> set[tuple[str, str]]:
        as_of = AsOf(at, self.log.upto_moment(at))
        with self.known(as_of) as connection:
            found = feed_states(connection, at, ZONE)
        return {(one.agency, one.latest.period) for one in found if one.status == "silent" and one.latest}


@pytest.fixture(scope="module", params=[1, 2])
def told(request: pytest.FixtureRequest) -> tuple[Year, Read]:
    found = year(request.param)
    return found, Read(found)


def moments(found: Year) -> list[int]:
    """Around a sample of the planted ends of grace and second halves, and a day here and there."""
    edges: list[int] = []
    for _, truth in found.random.sample(sorted(found.truth.items()), 8):
        if truth.claimed is not None:
            edges += [truth.claimed + GRACE_DAYS[truth.other] * DAY_US + step for step in (0, 1)]
        edges += [at + step for at in (truth.confirmed, truth.disputed) if at is not None for step in (-1, 0)]
    return sorted([*edges, *(local(FIRST + timedelta(days=n)) for n in range(5, 420, 45))])


def test_every_planted_half_is_found_in_its_state_and_nothing_else(told: tuple[Year, Read]) -> None:
    found, read = told
    for at in moments(found):
        expected = {
            key: (state, truth.late(at) if truth.claimed else False)
            for key, truth in found.truth.items()
            if (state := truth.state(at)) is not None
        }
        assert expected == {key: (one.state, one.past_grace) for key, one in read.items(at).items()}, at


def test_every_kind_of_trouble_was_planted(told: tuple[Year, Read]) -> None:
    found, _ = told
    end = local(date(2026, 3, 1))
    for prefix in ("r", "d", "x"):
        mine = [truth for key, truth in found.truth.items() if key.startswith(prefix)]
        assert {"confirmed", "disputed", "pending", "unmatched"} == {truth.state(end) for truth in mine}
    assert all(found.silent.values())


def test_a_silence_is_found_on_the_day_after_its_grace_and_ends_with_the_next_report(told: tuple[Year, Read]) -> None:
    found, read = told
    for month in range(1, 12):
        last = date(2025, month + 1, 1) - timedelta(days=1)
        due = local(last + timedelta(days=11), 0)  # the end of the tenth day after the month
        first = date(2025, month, 1)
        expected = {(agency, f"2025-{month:02}") for agency, silent in found.silent.items() if first in silent}
        assert expected == read.silent(due), month
        before = {
            (agency, f"2025-{month - 1:02}")
            for agency, silent in found.silent.items()
            if month > 1 and date(2025, month - 1, 1) in silent
        }
        assert before == read.silent(due - 1), month


@pytest.mark.parametrize("kind", ["referral.disputed", "service.confirmed", "funding.received"])
def test_control_a_half_that_never_came_is_noticed(kind: str) -> None:
    found = year(1)
    dropped = next(said for said in found.said if said[1] == kind and said[3] != "county")
    found.said.remove(dropped)
    end = local(date(2026, 3, 1))
    read = {key: one.state for key, one in Read(found).items(end).items()}
    expected = {key: state for key, truth in found.truth.items() if (state := truth.state(end)) is not None}
    assert read != expected


def test_control_a_report_that_never_came_is_noticed() -> None:
    found = year(1)
    dropped = next(said for said in found.said if said[1] == "encounter.closed")
    found.said.remove(dropped)
    month = datetime.fromtimestamp(dropped[0] / 1e6, UTC).date().replace(day=1)
    last = (month + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    silent = Read(found).silent(local(last + timedelta(days=11), 0))
    assert (dropped[3], f"{month:%Y-%m}") in silent
