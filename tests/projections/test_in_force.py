"""In force: an agreement binds to the last microsecond before it is ended, whoever asks and whatever for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.moments import day_end_us, day_start_us
from projections.halves.grace import CONFIRM_WITHIN_DAYS, grace_days, stretches
from projections.obligations import asking, survey
from projections.obligations.calendars import workdays
from projections.obligations.in_force import ALWAYS, Agreement, agreement_of
from projections.obligations.referrals import AnswerLimits
from projections.obligations.workdays import Workdays
from tests.projections.kpi_world import ZONE, World, us

TERMS = {"answer_within": {"limit": 1, "unit": "days"}, "confirm_within_days": 5}
ENDED = us("2025-06-01T10:00:00Z")


def row(**changes: Any) -> dict[str, Any]:
    """A row of ``agreements``, signed for 2025 and ended in June, with these columns changed."""
    return {
        "agreement": "mou",
        "effective": "2025-01-01",
        "signed_parties": json.dumps(["county", "harbor"]),
        "signed_terms": json.dumps(TERMS),
        "signed_expires": "2025-12-31",
        "amendments": None,
        "ended_at": ENDED,
        **changes,
    }


def binding(agreement: Agreement, at_us: int) -> set[bool]:
    """Whether it binds at a moment, as each of those who ask find it."""
    limits = AnswerLimits({"mou": agreement}, Workdays(), ZONE)
    return {
        agreement.binds_at(at_us),
        any(first <= at_us <= last for first, last, _ in agreement.spans()),
        limits.due("county", "harbor", at_us) is not None,
        grace_days(stretches([agreement]), "county", "harbor", at_us) == 5,
    }


EDGES = [
    (day_start_us("2025-01-01", ZONE) - 1, False),
    (day_start_us("2025-01-01", ZONE), True),
    (ENDED - 1, True),
    (ENDED, False),
    (ENDED + 1, False),
]


@pytest.mark.parametrize(("at_us", "binds"), EDGES)
def test_it_binds_until_the_microsecond_before_it_is_ended_for_answers_and_silences_alike(
    at_us: int, binds: bool
) -> None:
    assert CONFIRM_WITHIN_DAYS != 5
    assert {binds} == binding(agreement_of(row(), ALWAYS, ZONE), at_us)


@pytest.mark.parametrize(("later_us", "binds"), [(0, True), (1, False)])
def test_it_binds_until_its_last_day_is_over_in_the_zone_of_the_partnership(later_us: int, binds: bool) -> None:
    found = agreement_of(row(ended_at=None), ALWAYS, ZONE)
    assert {binds} == binding(found, day_end_us("2025-12-31", ZONE) + later_us)


def test_an_end_that_is_not_known_yet_binds_on() -> None:
    assert {True} == binding(agreement_of(row(), ENDED - 1, ZONE), ENDED)


def amendment(number: int, at: int | None, expires: str | None) -> dict[str, Any]:
    entry = {"source": "s", "id": str(number), "time": at, "agency": "county"}
    return {**entry, "terms": None, "parties": None, "expires": expires}


DAYS = st.sampled_from(["2025-05-30", "2025-05-31", "2025-06-01", "2025-12-31"])
NEAR = st.sampled_from([ENDED - 86_400_000_000, ENDED - 1, ENDED, ENDED + 1, day_end_us("2025-05-31", ZONE)])


@given(amended=st.lists(st.tuples(st.none() | NEAR, st.none() | DAYS), max_size=3), at_us=NEAR)
def test_however_it_was_amended_all_who_ask_are_told_the_same(
    amended: list[tuple[int | None, str | None]], at_us: int
) -> None:
    told = [amendment(number, *one) for number, one in enumerate(amended)]
    assert 1 == len(binding(agreement_of(row(amendments=json.dumps(told)), ALWAYS, ZONE), at_us))


@pytest.mark.parametrize(
    ("ended", "expected"), [("2025-02-28T23:59:59.999999-08:00", 1), ("2025-03-01T00:00:00-08:00", 2)]
)
def test_what_falls_due_at_the_moment_of_ending_is_not_owed(ended: str, expected: int) -> None:
    world = World()
    signed = {"agreement": "mou", "kind": "mou", "parties": ["county", "harbor"], "effective": "2025-01-01"}
    world.say("agreement.signed", signed, "2024-12-20", agency="county")
    promised = {"commitment": "beds", "agreement": "mou", "clause": "1", "obligor": "county", "obligee": "harbor"}
    months = {"every": "month", "from": "2025-01-01", "until": "2025-03-31"}
    world.say("commitment.made", {**promised, "deliverable": "Beds", "recurrence": months}, "2024-12-21")
    world.say("agreement.ended", {"agreement": "mou", "kind": "terminated"}, ended, agency="county")
    world.apply()
    now = us("2025-06-01")
    with world.reading() as connection:
        found = survey(connection, now, ZONE, asking(now, ZONE), limit=9)
    assert expected == len(found.listed)


def test_an_amendment_that_is_not_decided_yet_changes_nothing() -> None:
    shorter = row(ended_at=None, amendments=json.dumps([amendment(1, ENDED, "2025-05-31")]))
    assert {True} == binding(agreement_of(shorter, ENDED - 1, ZONE), ENDED)
    assert {False} == binding(agreement_of(shorter, ENDED, ZONE), ENDED)


def test_a_calendar_that_is_not_set_yet_changes_nothing() -> None:
    world = World()
    holidays = {"plan": "p1", "weekdays": [1, 2], "holidays": ["2025-12-25"]}
    world.say("calendar.set", holidays, "2025-06-01")
    world.apply()
    with world.reading() as connection:
        before, after = workdays(connection, us("2025-06-01") - 1), workdays(connection, us("2025-06-01"))
    assert (Workdays(), Workdays.of([1, 2], ["2025-12-25"])) == (before, after)
