"""A seeded year with planted breaches: each is found from the first microsecond after its due moment, and nothing else.

The fates are drawn first and the truth is kept beside the events, by arithmetic of its own; no clock is waited for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from contracts.recorded import Recorded
from projections.kpi import AsOf, cells, refresh
from projections.kpi.asof import as_of_store
from projections.obligations import Obligation, asking, every
from projections.views import Views
from tests.projections.fake_log import FakeLog, MemoryStore, recorded

ZONE = "America/Chicago"
AGENCIES = ("county", "harbor", "lakeside", "metro", "school")
HOLIDAYS = ("2025-01-01", "2025-05-26", "2025-07-04", "2025-12-25")
FIRST = date(2025, 1, 1)
DAY_US = 86_400_000_000


def us(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def local(day: date, hour: int = 12) -> int:
    return us(datetime.combine(day, time(hour), tzinfo=ZoneInfo(ZONE)))


def end_of(day: date) -> int:
    return local(day + timedelta(days=1), 0) - 1


@dataclass
class Truth:
    """When what was planted is overdue: after ``due`` and before ``until`` (None: for good)."""

    due: int
    until: int | None

    def overdue(self, at: int) -> bool:
        return at > self.due and (self.until is None or at < self.until)


@dataclass
class Year:
    """Events in the order in which they happened, recorded as they happened, and what is true of them."""

    random: Random
    said: list[tuple[int, str, dict[str, Any], str]] = field(default_factory=list)
    truth: dict[str, Truth] = field(default_factory=dict)

    def say(self, at: int, type: str, data: dict[str, Any], agency: str) -> None:
        self.said.append((at, type, data, agency))

    def fate(self, key: str, due: int, begun: int) -> tuple[str, int]:
        """What becomes of an obligation, and when; the truth of it is noted."""
        fate = self.random.choice(("met", "met", "on_the_dot", "late", "never", "waived", "waived_late"))
        at = {
            "met": begun + (due - begun) // self.random.randint(2, 9),
            "on_the_dot": due,
            "late": due + self.random.randint(1, 30 * DAY_US),
            "never": 0,
            "waived": begun + (due - begun) // 3,
            "waived_late": due + self.random.randint(1, 30 * DAY_US),
        }[fate]
        if fate in ("late", "waived_late"):
            self.truth[key] = Truth(due, at)
        elif fate == "never":
            self.truth[key] = Truth(due, None)
        return fate, at

    def log(self) -> list[Recorded]:
        ordered = sorted(self.said, key=lambda said: said[0])
        return [
            recorded(number, type, data, id=f"e{number}", agency=agency, time_us=at, recorded_at_us=at)
            for number, (at, type, data, agency) in enumerate(ordered, 1)
        ]


def year(seed: int) -> Year:
    """The partnership's year."""
    found = Year(Random(seed))
    start = local(FIRST - timedelta(days=20))
    found.say(start, "calendar.set", {"plan": "p", "weekdays": [1, 2, 3, 4, 5], "holidays": list(HOLIDAYS)}, "county")
    for name, limit, unit in (("by-hours", 36, "hours"), ("by-days", 3, "days"), ("by-work", 2, "business_days")):
        # Each pact binds the county and one other, so that no two limits meet.
        other = {"by-hours": "harbor", "by-days": "lakeside", "by-work": "metro"}[name]
        terms = {"answer_within": {"limit": limit, "unit": unit}}
        signed = {"agreement": name, "kind": "mou", "parties": ["county", other], "effective": "2025-01-01"}
        found.say(start + 1, "agreement.signed", {**signed, "terms": terms}, "county")
    _referrals(found)
    _commitments(found)
    _governance(found)
    return found


def _referrals(found: Year) -> None:
    for number in range(80):
        day = FIRST + timedelta(days=found.random.randrange(330))
        target = found.random.choice(("harbor", "lakeside", "metro", "school"))
        name, asked = f"r{number}", local(day, found.random.randint(0, 23))
        request = {"referral": name, "requester": "county", "target": target, "need": "housing"}
        found.say(asked, "referral.requested", request, "county")
        if target == "school":  # no agreement limits the school
            continue
        if target == "harbor":
            due = asked + 36 * 3_600_000_000
        elif target == "lakeside":
            due = end_of(day + timedelta(days=3))
        else:
            last, left = day, 2
            while left:
                last += timedelta(days=1)
                left -= last.weekday() < 5 and last.isoformat() not in HOLIDAYS
            due = end_of(last)
        fate, at = found.fate(name, due, asked)
        if fate.startswith("waived"):
            found.say(at, "referral.withdrawn", {"referral": name}, "county")
        elif fate != "never":
            found.say(at, "referral.accepted", {"referral": name}, target)


def _commitments(found: Year) -> None:
    until = {"every": "month", "from": "2025-01-01", "until": "2025-12-31"}
    for number, (obligor, obligee) in enumerate((("harbor", "county"), ("lakeside", "county"), ("county", "metro"))):
        name = f"c{number}"
        pact = {"harbor": "by-hours", "lakeside": "by-days", "county": "by-work"}[obligor]
        made = {"commitment": name, "agreement": pact, "clause": "1", "deliverable": "Beds", "quantity": 4}
        made |= {"obligor": obligor, "obligee": obligee, "recurrence": until}
        found.say(local(FIRST - timedelta(days=9)), "commitment.made", made, "county")
        for month in range(1, 13):
            first = date(2025, month, 1)
            last = (date(2025, month + 1, 1) if month < 12 else date(2026, 1, 1)) - timedelta(days=1)
            about = {"commitment": name, "period": f"2025-{month:02}"}
            due = end_of(last)
            fate, at = found.fate(f"{name}#2025-{month:02}", due, local(first, 1))
            evidence = {**about, "evidence_ref": "r"}
            if fate.startswith("waived"):
                found.say(at, "commitment.waived", {**about, "reason": "agreed"}, obligee)
            elif fate == "never":
                # Half of it, and its own waiver: neither ends the breach.
                found.say(local(first), "commitment.evidenced", {**evidence, "quantity": 2}, obligor)
                found.say(local(last), "commitment.waived", {**about, "reason": "busy"}, obligor)
            else:
                found.say(at - 1, "commitment.evidenced", {**evidence, "quantity": 2}, obligor)
                found.say(at, "commitment.evidenced", {**evidence, "quantity": 2}, obligor)
    # One pact ends in October: what its commitment owes from then on is owed no more.
    ended = local(date(2025, 10, 10))
    found.say(ended, "agreement.ended", {"agreement": "by-days", "kind": "terminated"}, "county")
    for key in ("c1#2025-10", "c1#2025-11", "c1#2025-12"):
        found.truth.pop(key, None)
    for _, type, data, _ in found.said:
        asked_late = type == "referral.requested" and data["target"] == "lakeside"
        if asked_late and next(at for at, _, d, _ in found.said if d is data) > ended:
            found.truth.pop(data["referral"], None)


def _governance(found: Year) -> None:
    for number in range(12):
        day = FIRST + timedelta(days=found.random.randrange(300))
        due = day + timedelta(days=found.random.randint(3, 40))
        opened, owner = local(day), found.random.choice(AGENCIES)
        for kind, key in (("action", f"a{number}"), ("finding", f"f{number}"), ("review", f"v{number}")):
            fate, at = found.fate(key, end_of(due), opened)
            if fate.startswith("waived"):  # nobody waives these: done all the same, at that moment
                fate = "met" if at <= end_of(due) else "late"
            done = fate != "never"
            if kind == "action":
                data = {"action": key, "plan": "p", "owner": owner, "due": due.isoformat(), "what": "Call"}
                found.say(opened, "action.opened", data, "county")
                if done:
                    found.say(at, "action.closed", {"action": key, "evidence_ref": "m"}, owner)
            elif kind == "finding":
                data = {"audit": key, "severity": "low", "what": "W", "owner": owner, "due": due.isoformat()}
                found.say(opened, "audit.finding", data, "county")
                if done:
                    found.say(at, "audit.closed", {"audit": key}, owner)
            else:
                found.say(opened, "review.scheduled", {"review": key, "plan": "p", "due": due.isoformat()}, "county")
                if done:
                    held = {"review": key, "plan": "p", "as_of": 1, "cells_sha256": "0f" * 32, "cells": 0}
                    found.say(at, "review.held", held, "county")


class Told:
    """The views of a log, read at any moment."""

    def __init__(self, events: list[Recorded]) -> None:
        self.log = FakeLog(events)
        self.store = MemoryStore()
        views = Views(ZONE)
        with self.store.write() as connection:
            views.prepare(connection)
            views.apply(connection, events, self.log)

    def obligations(self, at: int) -> list[Obligation]:
        with self.store.read() as connection:
            return list(every(connection, at, ZONE, asking(at, ZONE, since="2024-01-01")))

    def overdue(self, at: int) -> set[str]:
        return {one.key for one in self.obligations(at) if one.state == "overdue"}


@pytest.fixture(scope="module", params=[1, 2])
def told(request: pytest.FixtureRequest) -> Iterator[tuple[Year, Told]]:
    found = year(request.param)
    read = Told(found.log())
    yield found, read
    read.store.close()


def expected(found: Year, at: int) -> set[str]:
    return {key for key, truth in found.truth.items() if truth.overdue(at)}


def moments(found: Year) -> list[int]:
    """Around a sample of the planted due moments and ends, and a day here and there."""
    planted = found.random.sample(sorted(found.truth.items()), 14)
    edges = [truth.due + step for _, truth in planted for step in (-1, 0, 1)]
    edges += [truth.until + step for _, truth in planted if truth.until is not None for step in (-1, 0)]
    return sorted([*edges, *(local(FIRST + timedelta(days=n)) for n in range(0, 420, 30))])


def test_every_planted_breach_is_found_on_its_moment_and_nothing_else(told: tuple[Year, Told]) -> None:
    found, read = told
    assert len(found.truth) > 30
    for at in moments(found):
        assert expected(found, at) == read.overdue(at), at


def test_every_kind_of_breach_was_planted(told: tuple[Year, Told]) -> None:
    found, _ = told
    assert {"a", "c", "f", "r", "v"} == {key[0] for key in found.truth}


@pytest.mark.parametrize("kind", ["referral.accepted", "commitment.evidenced", "action.closed", "review.held"])
def test_control_an_answer_that_never_came_is_noticed(kind: str) -> None:
    found = year(1)
    dropped = next(said for said in found.said if said[1] == kind and not _planted(found, said[2]))
    found.said.remove(dropped)
    read = Told(found.log())
    end = local(date(2026, 3, 1))
    assert len(read.overdue(end) - expected(found, end)) == 1
    read.store.close()


def _planted(found: Year, data: dict[str, Any]) -> bool:
    keys = [str(data[name]) for name in ("referral", "action", "review") if name in data]
    if "commitment" in data:
        keys = [f"{data['commitment']}#{data['period']}"]
    if keys == ["c1#2025-10"] or keys[0].startswith("c1#2025-1"):
        return True
    if keys[0].startswith("r"):
        target = next(
            d["target"] for _, t, d, _ in found.said if t == "referral.requested" and d["referral"] == keys[0]
        )
        if target == "lakeside":
            return True
    return keys[0] in found.truth


def test_a_past_moment_reads_as_it_was_known_then(told: tuple[Year, Told]) -> None:
    """What is read from all events as of a moment is what the events recorded by then say themselves."""
    found, read = told
    for at in found.random.sample(moments(found), 4):
        known = read.log.upto_moment(at)
        with as_of_store(read.log, ZONE, AsOf(at, known)) as store, store.read() as connection:
            then = list(every(connection, at, ZONE, asking(at, ZONE, since="2024-01-01")))
        # How much of a promise has been delivered is told as of the last event, so the words are left out.
        assert {bare(one) for one in then} == {bare(one) for one in read.obligations(at)}


def test_k39_counts_what_the_lists_show(told: tuple[Year, Told]) -> None:
    _, read = told
    for month in (3, 7, 11):
        at = local(date(2025, month, 20))
        refresh(read.store, read.log, at, ZONE)
        with read.store.read() as connection:
            (cell,) = cells(connection, kpi="K39", period="all", group="all", as_of=AsOf(at))
        listed = [one for one in read.obligations(at) if one.kind == "commitment" and one.due_us <= at]
        # A month's K39 takes in what is recorded by the reading, so only what had been done by then may differ.
        kept = sum(one.state == "met" for one in listed)
        fallen_due = sum(one.state in ("met", "late", "overdue") for one in listed)
        later = {one.key for one in read.obligations(local(date(2026, 6, 1))) if one.state == "waived"}
        waived_since = sum(one.key in later and one.state != "waived" for one in listed)
        assert (kept, fallen_due - waived_since) == (cell.numerator, cell.denominator)


def bare(one: Obligation) -> Obligation:
    return one._replace(what="")


EVENTS = year(3).log()


@settings(max_examples=8, deadline=None, phases=(Phase.generate,), suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(1, len(EVENTS)), st.integers(-40, 400), st.randoms(use_true_random=False))
def test_live_views_and_the_prefix_of_the_log_tell_the_same(upto: int, days: int, random: Random) -> None:
    """However the first events arrived, they say the same as the log rebuilt up to there, word for word."""
    at = local(FIRST + timedelta(days=days))
    arrived = EVENTS[:upto]
    random.shuffle(arrived)
    live = Told(arrived)
    with as_of_store(FakeLog(EVENTS), ZONE, AsOf(at, upto)) as store, store.read() as connection:
        prefix = list(every(connection, at, ZONE, asking(at, ZONE, since="2024-01-01")))
    assert sorted(prefix) == sorted(live.obligations(at))
    live.store.close()
