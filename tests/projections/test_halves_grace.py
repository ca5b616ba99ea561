"""Grace: a pending half is late after the days that the agreement in force allows, and not a microsecond before."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, Integer, MetaData, Table, Text, create_engine, insert, select

from contracts.moments import DAY_US
from projections.halves.grace import (
    CONFIRM_WITHIN_DAYS,
    Stretch,
    grace_column,
    grace_days,
    load_stretches,
    past_grace,
    stretches,
)
from projections.halves.sums import reconciliation
from projections.halves.walk import walk
from projections.kpi.shapes import AsOf
from projections.obligations.in_force import ALWAYS, agreement_of
from tests.projections.kpi_world import ZONE, World, us

MOU: dict[str, Any] = {
    "agreement": "mou",
    "kind": "mou",
    "parties": ["county", "harbor"],
    "effective": "2025-03-01",
    "terms": {"confirm_within_days": 5},
}


def row(**changes: Any) -> dict[str, Any]:
    """A row of ``agreements`` signed for 2025, with these columns changed."""
    return {
        "agreement": "mou",
        "effective": "2025-01-01",
        "signed_parties": json.dumps(["county", "harbor"]),
        "signed_terms": json.dumps({"confirm_within_days": 5}),
        "signed_expires": "2025-12-31",
        "amendments": None,
        "ended_at": None,
        **changes,
    }


def amended(time: str, **parts: Any) -> str:
    entry = {"source": "s", "id": "a", "time": us(time), "agency": "county", "terms": None, "parties": None}
    return json.dumps([{**entry, "expires": None, **parts}])


def days(rows: list[dict[str, Any]], at: str, one: str = "county", other: str = "harbor") -> int:
    return grace_days(stretches(agreement_of(row, ALWAYS, "UTC") for row in rows), one, other, us(at))


def test_the_last_moment_of_grace_still_is_grace() -> None:
    claimed = us("2025-03-03")
    assert not past_grace(claimed, 5, claimed + 5 * DAY_US)
    assert past_grace(claimed, 5, claimed + 5 * DAY_US + 1)


def test_without_an_agreement_fourteen_days_are_allowed() -> None:
    assert CONFIRM_WITHIN_DAYS == days([], "2025-03-03") == 14


def test_the_agreement_in_force_between_the_two_decides_in_both_directions() -> None:
    assert days([row()], "2025-03-03") == 5
    assert days([row()], "2025-03-03", "harbor", "county") == 5
    assert days([row()], "2025-03-03", "county", "lakeside") == 14


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2024-12-31T23:59:59.999999Z", 14),
        ("2025-01-01T00:00:00Z", 5),
        ("2025-12-31T23:59:59.999999Z", 5),
        ("2026-01-01T00:00:00Z", 14),
    ],
)
def test_an_agreement_holds_from_its_first_day_to_its_last(at: str, expected: int) -> None:
    assert days([row()], at) == expected


def test_an_agreement_that_was_ended_holds_no_longer() -> None:
    ended = row(ended_at=us("2025-06-01T00:00:00Z"))
    assert (days([ended], "2025-05-31T23:59:59.999999Z"), days([ended], "2025-06-01T00:00:00Z")) == (5, 14)


def test_an_amendment_holds_from_its_moment_and_what_it_does_not_mention_stays() -> None:
    longer = row(amendments=amended("2025-06-01T00:00:00Z", terms={"confirm_within_days": 30}))
    assert (days([longer], "2025-05-31T23:59:59Z"), days([longer], "2025-06-01T00:00:00Z")) == (5, 30)
    extended = row(amendments=amended("2025-06-01T00:00:00Z", expires="2026-06-30"))
    assert (days([extended], "2026-06-30"), days([extended], "2026-07-01")) == (5, 14)
    third = row(amendments=amended("2025-06-01T00:00:00Z", parties=["county", "harbor", "lakeside"]))
    assert (days([third], "2025-05-01", "county", "lakeside"), days([third], "2025-07-01", "county", "lakeside")) == (
        14,
        5,
    )
    silent = row(amendments=amended("2025-06-01T00:00:00Z", terms={}))
    assert (days([silent], "2025-05-01"), days([silent], "2025-07-01")) == (5, 14)


def test_of_two_agreements_the_one_that_took_effect_last_is_asked_first() -> None:
    later = row(agreement="later", effective="2025-03-01", signed_terms=json.dumps({"confirm_within_days": 9}))
    for order in ([row(), later], [later, row()]):
        assert (days(order, "2025-02-01"), days(order, "2025-04-01")) == (5, 9)
    silent = row(agreement="silent", effective="2025-03-01", signed_terms=None)
    assert days([row(), silent], "2025-04-01") == 5


NAMES = st.sampled_from(["county", "harbor", "lakeside"])
STRETCHES = st.lists(
    st.builds(
        Stretch,
        agreement=st.just("a"),
        effective_us=st.just(0),
        parties=st.frozensets(NAMES, min_size=1),
        from_us=st.integers(0, 4),
        until_us=st.none() | st.integers(1, 6),
        days=st.integers(1, 9),
    ),
    max_size=4,
)
CLAIMS = Table("claims", MetaData(), Column("one", Text), Column("other", Text), Column("at", Integer))


@given(found=STRETCHES, claim=st.tuples(NAMES | st.none(), NAMES | st.none(), st.integers(0, 7)))
def test_sql_allows_the_same_days_as_the_plain_function(found: list[Stretch], claim: tuple[Any, Any, int]) -> None:
    assert grace_days(found, *claim) == in_sql(found, claim)


def in_sql(found: list[Stretch], claim: tuple[Any, Any, int]) -> int:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        CLAIMS.metadata.create_all(connection)
        connection.execute(insert(CLAIMS).values(claim))
        allowed = grace_column(found, CLAIMS.c.one, CLAIMS.c.other, CLAIMS.c.at)
        return int(connection.scalar(select(allowed).select_from(CLAIMS)) or 0)


def late(world: World, moment: int) -> tuple[int, bool, int | None, int | None]:
    """(late by the sums, late by the list, days waited, days allowed) of the one claim between the two."""
    as_of = AsOf(moment)
    with world.reading() as connection:
        found = reconciliation(connection, as_of, ZONE)
        (item,) = walk(connection, world.log, "county", "harbor", as_of=as_of, zone=ZONE).items
    return found.total().pending_past_grace, item.past_grace, item.days, item.grace


def test_a_pending_claim_turns_late_exactly_after_its_grace_by_itself() -> None:
    world = World()
    world.say("agreement.signed", MOU, "2025-02-20")
    request = {"referral": "r", "requester": "county", "target": "harbor", "need": "food"}
    world.say("referral.requested", request, "2025-03-03", agency="county")
    world.apply()
    due = us("2025-03-03") + 5 * DAY_US
    assert late(world, due) == (0, False, 5, 5)
    assert late(world, due + 1) == (1, True, 5, 5)
    world.say("referral.received", {"referral": "r"}, "2025-03-20", agency="harbor")
    world.apply()
    assert late(world, due + 1) == (0, False, None, None)


def test_control_a_grace_that_ends_a_moment_early_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    early = grace_column
    monkeypatch.setattr("projections.halves.sums.grace_column", lambda *given: early(*given) - 1)
    with pytest.raises(AssertionError):
        test_a_pending_claim_turns_late_exactly_after_its_grace_by_itself()


def test_an_undated_claim_is_pending_and_never_late() -> None:
    world = World()
    request = {"referral": "r", "requester": "county", "target": "harbor", "need": "food"}
    world.say("referral.requested", request, None, agency="county")
    world.apply()
    assert late(world, us("2035-01-01")) == (0, False, None, None)


def test_an_agreement_of_the_log_is_loaded_with_its_amendments() -> None:
    world = World("UTC")
    world.say("agreement.signed", MOU, "2025-02-20")
    world.say("agreement.amended", {"agreement": "mou", "terms": {"confirm_within_days": 8}}, "2025-04-01")
    world.apply()
    with world.reading() as connection:
        found = load_stretches(connection, "UTC")
    assert [(s.from_us, s.until_us, s.days) for s in found] == [
        (us("2025-03-01T00:00:00Z"), us("2025-04-01"), 5),
        (us("2025-04-01"), None, 8),
    ]


def test_the_days_are_those_of_when_it_happened_in_the_list_as_in_the_sums() -> None:
    world = World()
    world.say("agreement.signed", MOU, "2025-02-20")
    request = {"referral": "r", "requester": "county", "target": "harbor", "need": "food"}
    world.say("referral.requested", request, "2025-03-03", agency="county")
    world.say("agreement.amended", {"agreement": "mou", "terms": {"confirm_within_days": 30}}, "2025-03-04")
    world.apply()
    assert late(world, us("2025-03-10")) == (1, True, 7, 5)
    world.say("agreement.ended", {"agreement": "mou", "kind": "terminated"}, "2025-03-05")
    world.apply()
    assert late(world, us("2025-03-10")) == (1, True, 7, 5)
