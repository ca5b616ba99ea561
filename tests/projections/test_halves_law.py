"""Law 7: claimed = confirmed + disputed + pending, at every prefix of the log, in count and in quantity.

Random halves of every shared fact arrive in any order, again, voided and corrected, through the real fold; after
each event the sums, the list and a plain reading of the whole set must tell the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.engine import Connection

from contracts.kpi import Not
from contracts.recorded import Recorded
from projections.halves import items as items_module
from projections.halves import sums
from projections.halves.facts import CLAIMED, FACTS, STATES, SharedFact, confirmed_condition, is_, state_condition
from projections.halves.items import items
from projections.halves.sums import AMOUNTS, Counts, reconciliation
from projections.halves.walk import NOBODY, walk
from projections.kpi.conditions import meets
from projections.kpi.populations import table_of
from projections.kpi.shapes import AsOf
from projections.views import Views
from tests.projections import plain_fold
from tests.projections.fake_log import FakeLog, MemoryStore, recorded
from tests.projections.halves_world import AGENCIES, Claim, expected, logs
from tests.projections.random_events import DAY_US, TIMES, ZONE

_store: MemoryStore
NOW = AsOf(TIMES[-1] + 20 * DAY_US)
# A log is folded anew for every example: shrinking one takes minutes, and ten events can be read as they are.
LAW = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    report_multiple_bugs=False,
)


def told(connection: Connection) -> dict[tuple[str, str], Claim]:
    """What the select over all facts says."""
    found = {}
    for row in connection.execute(select(items())):
        claim = Claim(row.claimer, row.other, row.state, row.claimed, row.confirmed, row.disputed)
        found[row.fact, row.key] = claim
    return found


def with_borrowed(connection: Connection, fact: SharedFact) -> Iterator[dict[str, Any]]:
    """The rows of a fact's population, each with what it borrows."""
    lent = {
        loan.column: {
            row[loan.key]: row[loan.source] for row in connection.execute(select(table_of(loan.table))).mappings()
        }
        for loan in fact.borrowed
    }
    for row in connection.execute(select(table_of(fact.population))).mappings():
        yield {**row, **{loan.column: lent[loan.column].get(row[loan.by]) for loan in fact.borrowed}}


def by_conditions(connection: Connection) -> dict[str, Counter[str]]:
    """How many rows meet each state's condition by the row-by-row evaluator; every claim meets exactly one."""
    counted: dict[str, Counter[str]] = {}
    for fact in FACTS.values():
        counts: Counter[str] = Counter()
        confirmed = confirmed_condition(fact.population)
        assert confirmed is not None
        for row in with_borrowed(connection, fact):
            states = [state for state in STATES if meets(state_condition(fact, state), row, 0)]
            claimed = meets(fact.claimed, row, 0)
            assert len(set(states) & set(CLAIMED)) == int(claimed)
            assert len(states) <= 1
            if claimed or not meets(fact.shared, row, 0):
                assert meets(confirmed, row, 0) == (not claimed or states == ["confirmed"])
            counts.update(states)
            counts["claimed"] += claimed
        counted[fact.name] = counts
    return counted


def as_written(number: float) -> Decimal:
    """The number that a reader sees."""
    return Decimal(str(number))


def check_sums(connection: Connection) -> Counts:
    """Claimed = confirmed + disputed + pending in every line, as its numbers are written; the total is the sum over
    facts and over pairs."""
    found = reconciliation(connection, NOW, ZONE)
    for line in found.lines:
        counts = line.counts
        assert counts.claimed == counts.confirmed + counts.disputed + counts.pending
        assert counts.pending_past_grace <= counts.pending
        if line.amounts is not None:
            amounts = line.amounts
            assert amounts.claimed == amounts.confirmed + amounts.disputed + amounts.pending
            assert min(amounts.confirmed, amounts.disputed, amounts.pending) >= 0
            read = {name: as_written(number) for name, number in amounts.to_json().items()}
            assert read["claimed"] == read["confirmed"] + read["disputed"] + read["pending"]
    total = found.total()
    assert total == sum((fact.counts for fact in found.facts()), Counts())
    assert total == sum((pair.counts for pair in found.pairs()), Counts())
    counted = by_conditions(connection)
    for fact in found.facts():
        for name in ("claimed", *STATES):
            assert getattr(fact.counts, name) == counted[fact.fact.name][name]
    return total


def check_quantities(connection: Connection, claims: Sequence[tuple[tuple[str, str], Claim]]) -> None:
    """What is claimed and confirmed of each fact is the sum of the numbers that were stated."""
    for fact in reconciliation(connection, NOW, ZONE).facts():
        of_it = [claim for (name, _), claim in claims if name == fact.fact.name and claim.claimed is not None]
        for what in ("claimed", "confirmed"):
            told = sum(as_written(amounts.to_json()[what]) for amounts in fact.amounts.values())
            assert sum(as_written(getattr(claim, what)) for claim in of_it) == told


def check_lists(connection: Connection, log: FakeLog, total: Counts) -> None:
    """The total is also the sum over the lists of every two agencies, each item with its events."""
    pairs = [(a, b) for place, a in enumerate(AGENCIES) for b in (*AGENCIES[place + 1 :], NOBODY)]
    seen: dict[tuple[str, str], str] = {}
    late = 0
    for one, other in pairs:
        page = walk(connection, log, one, other, as_of=NOW, zone=ZONE, limit=100)
        assert page.total == len(page.items) == page.counts.claimed + page.counts.unmatched
        for item in page.items:
            late += item.past_grace and (item.fact, item.key) not in seen
            seen[item.fact, item.key] = item.state
            assert bool(item.halves.first) == (item.state != "unmatched")
            # A claim is answered where, and only where, an event of another agency says so.
            assert bool(item.halves.second) == (item.state != "pending")
            assert item.claimer not in [half.event.agency for half in item.halves.second]
    assert Counter(seen.values()) == Counter({name: n for name in STATES if (n := getattr(total, name))})
    assert total.pending_past_grace == late


@pytest.fixture(scope="module", autouse=True)
def store() -> Iterator[MemoryStore]:
    """One store for every example: its statements are compiled once."""
    global _store
    _store = MemoryStore()
    yield _store
    _store.close()


def check(events: Sequence[Recorded], again: int) -> None:
    """The law after every event, some of them delivered twice."""
    log, store, views = FakeLog(), _store, Views(ZONE)
    with store.write() as connection:
        views.reset(connection)
    for place, event in enumerate(events):
        log.events.append(event)
        for _ in range(2 if again >> place & 1 else 1):
            with store.write() as connection:
                views.apply(connection, [event], log)
        with store.read() as connection:
            assert expected(plain_fold.live(log.events)) == told(connection)
            check_quantities(connection, list(expected(plain_fold.live(log.events)).items()))
            total = check_sums(connection)
            if place % 4 == 3 or place == len(events) - 1:
                check_lists(connection, log, total)


@pytest.mark.slow
@given(events=logs(), again=st.integers(0, 2**10 - 1))
@LAW
def test_claimed_is_confirmed_and_disputed_and_pending_at_every_prefix(events: list[Recorded], again: int) -> None:
    check(events, again)


def log_of(*said: tuple[str, str, dict[str, Any]]) -> list[Recorded]:
    """A log of (type, agency, payload), an hour apart."""
    return [
        recorded(place + 1, type_, data, id=f"e{place}", agency=agency, time_us=TIMES[0] + place * DAY_US // 24)
        for place, (type_, agency, data) in enumerate(said)
    ]


REFERRED = (
    "referral.requested",
    "county",
    {"referral": "r", "requester": "county", "target": "harbor", "need": "food"},
)
DELIVERED = ("service.delivered", "harbor", {"delivery": "d", "service": "s", "units": 4, "for_agency": "county"})
PAID: tuple[str, str, dict[str, Any]] = (
    "funding.disbursed",
    "county",
    {"transaction": "x", "funding": "f", "amount_minor": 100, "currency": "USD", "receiver": "harbor"},
)
PARTLY = ("funding.received", "harbor", {"transaction": "x", "amount_minor": 60, "currency": "USD"})

BROKEN: dict[str, tuple[dict[str, Any], list[Recorded]]] = {
    "a dispute that is not looked at": (
        {"fact": "referral", "disputed": Not(op="not", condition=FACTS["referral"].shared)},
        log_of(REFERRED, ("referral.disputed", "harbor", {"referral": "r", "reason": "never came"})),
    ),
    "an answer that counts whoever gives it": (
        {"fact": "referral", "confirmed": is_("received")},
        log_of(REFERRED, ("referral.received", "county", {"referral": "r"})),
    ),
    "a sum received in part that counts as the whole": (
        {"fact": "funding", "disputed": is_("disputed"), "confirmed": is_("received")},
        log_of(PAID, PARTLY),
    ),
    "a delivery to oneself that is a claim": (
        {"fact": "service", "shared": is_("delivered"), "alone": None},
        log_of(("service.delivered", "county", DELIVERED[2])),
    ),
    "a delivery on a referral of one agency to itself that is a claim": (
        {"fact": "service", "alone": None},
        log_of(
            (*REFERRED[:2], {**REFERRED[2], "target": "county"}),
            ("service.delivered", "county", {"delivery": "d", "service": "s", "units": 4, "referral": "r"}),
        ),
    ),
    "a half that stands alone and is overlooked": (
        {"fact": "training", "unmatched": is_("held")},
        log_of(("training.confirmed", "harbor", {"training": "t", "attendees": 2})),
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_control_a_broken_declaration_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    changes, events = BROKEN[name]
    check(events, 0)
    changed = dict(changes)
    fact = changed.pop("fact")
    monkeypatch.setitem(FACTS, fact, replace(FACTS[fact], **changed))
    monkeypatch.setattr(items_module.items, "__defaults__", (tuple(FACTS.values()),))
    with pytest.raises(AssertionError):
        check(events, 0)


def test_control_a_quantity_that_is_lost_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    made = items_module._quantities

    def lossy(*given: Any) -> Any:
        return made(*given) | {"pending": made(*given)["confirmed"]}

    check(log_of(DELIVERED), 0)
    items_module._items_of.cache_clear()
    monkeypatch.setattr(items_module, "_quantities", lossy)
    try:
        with pytest.raises(AssertionError):
            check(log_of(DELIVERED), 0)
    finally:
        items_module._items_of.cache_clear()


SEVENTEEN_TENTHS = ("service.delivered", "harbor", {**DELIVERED[2], "units": 1.7})
FOUR_OF_THEM = ("service.confirmed", "county", {"delivery": "d", "units": 0.4})
TENTHS = log_of(
    *(("service.delivered", "harbor", {**DELIVERED[2], "delivery": f"d{n}", "units": n / 10}) for n in (1, 2, 9)),
    ("service.confirmed", "county", {"delivery": "d9", "units": 0.2}),
)


BINARY: dict[str, tuple[str, Any, list[Recorded]]] = {
    "sums": ("_stated", lambda row: [Decimal(row[name]) for name in AMOUNTS], TENTHS),
    "differences": (
        "_stated",
        lambda row: [Decimal(repr(row[name])) for name in AMOUNTS],
        log_of(SEVENTEEN_TENTHS, FOUR_OF_THEM),
    ),
}


@pytest.mark.parametrize("what", BINARY)
def test_control_binary_fractions_are_noticed(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    place, broken, events = BINARY[what]
    check(events, 0)
    monkeypatch.setattr(sums, place, broken)
    with pytest.raises(AssertionError):
        check(events, 0)


def test_amounts_are_those_of_a_claim() -> None:
    assert AMOUNTS == ("claimed", *CLAIMED)
