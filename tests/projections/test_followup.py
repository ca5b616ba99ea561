"""Actions in their states on the right day, decisions with dissent, and everything nobody answers for."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.faults import Fault
from contracts.moments import day_end_us
from projections import followup
from tests.projections.kpi_world import ZONE, World, us

OPENED = {"action": "a-1", "plan": "p1", "owner": "harbor", "due": "2025-03-10", "what": "Find out why."}
DUE_US = day_end_us("2025-03-10", ZONE)


def world(*, closed: str | None = None, **parts: Any) -> World:
    found = World()
    found.say("action.opened", {**OPENED, **parts}, "2025-03-01")
    if closed is not None:
        found.say("action.closed", {"action": "a-1", "evidence_ref": "memo"}, closed)
    found.apply()
    return found


def state(found: World, moment: int) -> list[str]:
    with found.reading() as connection:
        return [one.state for one in followup.actions(connection, moment)]


@pytest.mark.parametrize(
    ("closed", "moment", "expected"),
    [
        (None, us("2025-02-28"), []),  # not opened yet
        (None, us("2025-03-02"), ["open"]),
        (None, DUE_US, ["open"]),
        (None, DUE_US + 1, ["overdue"]),
        ("2025-03-09", us("2025-03-08"), ["open"]),
        ("2025-03-09", us("2025-03-09"), ["met"]),
        ("2025-03-12", us("2025-03-11"), ["overdue"]),
        ("2025-03-12", us("2025-03-13"), ["late"]),
    ],
)
def test_an_action_stands_as_its_day_says(closed: str | None, moment: int, expected: list[str]) -> None:
    assert expected == state(world(closed=closed), moment)


def test_follow_through_judges_what_is_closed_or_due() -> None:
    found = world(closed="2025-03-09", about={"kpi": "K17"})
    for number, due in enumerate(("2025-03-05", "2025-12-31"), 2):
        found.say("action.opened", {**OPENED, "action": f"a-{number}", "due": due}, "2025-03-01")
    found.apply()
    with found.reading() as connection:
        listed = followup.actions(connection, us("2025-04-01"))
        about = followup.actions(connection, us("2025-04-01"), about="K17")
        with pytest.raises(Fault, match="no state of an action"):
            followup.actions(connection, us("2025-04-01"), state="done")
    assert [("a-2", "overdue"), ("a-3", "open"), ("a-1", "met")] == [(one.action, one.state) for one in listed]
    assert ["a-1"] == [one.action for one in about]
    # Two are closed or fallen due (a-1, a-2), one of them in time: 1 of 2.
    assert {"due": 2, "closed_in_time": 1, "closed_late": 0, "overdue": 1, "open": 1, "share": 50.0} == (
        followup.follow_through(listed).to_json()
    )
    assert followup.follow_through([]).share is None


def test_dissent_is_kept_beside_the_decision() -> None:
    found = World()
    found.say(
        "meeting.held",
        {"meeting": "m-1", "plan": "p1", "attendees_by_agency": {"harbor": 1}, "quorum": False},
        "2025-03-01",
    )
    dissent = [{"agency": "harbor", "reason": "The beds are not there."}]
    votes = {"county": "for", "harbor": "against"}
    data = {"decision": "d-1", "plan": "p1", "meeting": "m-1", "motion": "Two days.", "votes": votes}
    found.say("decision.recorded", {**data, "dissent": dissent}, "2025-03-02")
    found.say("decision.recorded", {**data, "decision": "d-2", "meeting": None}, "2025-03-03")
    found.apply()
    with found.reading() as connection:
        late, early = followup.decisions(connection, us("2025-04-01"))
        assert [] == followup.decisions(connection, us("2025-03-01"))
    assert ("d-2", None, ()) == (late.decision, late.quorum, late.dissent)
    assert ("d-1", False, (("harbor", "The beds are not there."),)) == (early.decision, early.quorum, early.dissent)
    assert votes == early.votes


def lacks(found: World, moment: str = "2025-06-01") -> set[tuple[str, str, str]]:
    with found.reading() as connection:
        return {(one.kind, one.id, one.lacks) for one in followup.orphans(connection, us(moment), found.zone)}


def planned() -> World:
    """A plan in which nothing is left alone: one goal, one objective of lakeside, one KPI of it, one feed."""
    found = World()
    found.say("agency.joined", {"agency": "lakeside", "name": "Lakeside", "sector": "health"}, "2024-12-01")
    found.say("goal.set", {"plan": "p1", "goal": "g1", "statement": "Safe"}, "2025-01-01")
    objective = {"plan": "p1", "goal": "g1", "objective": "o1", "statement": "Fewer arrests", "owners": ["lakeside"]}
    found.say("objective.set", objective, "2025-01-01")
    found.say(
        "report.expected",
        {"agency": "lakeside", "feed": "encounter", "cadence": "monthly", "grace_days": 5},
        "2025-01-01",
    )
    found.plan()
    return found


def test_a_plan_in_which_everything_is_answered_for_has_no_orphans() -> None:
    found = planned()
    found.apply()
    assert set() == {one for one in lacks(found) if one[0] in ("goal", "objective")}


def test_what_lacks_an_owner_a_measure_or_a_source_is_named() -> None:
    found = planned()
    found.say("goal.set", {"plan": "p1", "goal": "g2", "statement": "Housed"}, "2025-01-02")
    unowned = {"plan": "p1", "goal": "g1", "objective": "o2", "statement": "Quick answers", "owners": []}
    found.say("objective.set", unowned, "2025-01-02")
    found.say("action.opened", {**OPENED, "owner": "nobody-known"}, "2025-01-02")
    found.apply()
    told = lacks(found)
    assert {
        ("goal", "g2", "no objective serves it"),
        ("objective", "o2", "no owner is named"),
        ("objective", "o2", "no KPI measures it"),
        ("action", "a-1", "its owner is no partner: nobody-known"),
    } <= told
    assert not [one for one in told if one[1] in ("g1", "o1")]


def test_an_owner_who_left_answers_for_nothing_any_more() -> None:
    found = planned()
    found.say("agency.withdrew", {"agency": "lakeside"}, "2025-05-01")
    found.apply()
    before, after = lacks(found, "2025-04-01"), lacks(found, "2025-06-01")
    gone = ("objective", "o1", "no owner is a partner any more: lakeside")
    assert gone in after - before
    assert ("kpi", "K06", "its owner is no partner any more: lakeside") in after - before


NOBODY_REPORTS = "nobody is expected to report what it lives on: encounter"


def test_a_feed_is_expected_of_those_who_are_partners_and_of_nobody_who_left() -> None:
    found = planned()
    found.say("agency.withdrew", {"agency": "lakeside"}, "2025-05-01")
    found.apply()
    assert ("kpi", "K06", NOBODY_REPORTS) not in lacks(found, "2025-04-01")
    assert ("kpi", "K06", NOBODY_REPORTS) in lacks(found, "2025-06-01")
    # Somebody else takes the feed over.
    found.say("agency.joined", {"agency": "harbor", "name": "Harbor", "sector": "health"}, "2025-05-02")
    found.say("report.expected", {"agency": "harbor", "feed": "encounter", "cadence": "monthly"}, "2025-05-03")
    found.apply()
    assert ("kpi", "K06", NOBODY_REPORTS) not in lacks(found, "2025-06-01")


def test_a_feed_of_an_agency_that_never_said_it_joined_is_still_expected() -> None:
    found = World()
    found.say("report.expected", {"agency": "stranger", "feed": "encounter", "cadence": "monthly"}, "2025-01-01")
    found.plan()
    found.apply()
    assert ("kpi", "K06", NOBODY_REPORTS) not in lacks(found)


PROMISED = ("commitment", "beds", "who owes it is no partner: harbor")
EVENING = "2025-06-30T23:59:59.999999-07:00"  # 1 July in UTC
MORNING = "2025-07-01T00:00:00-07:00"


def promised(zone: str = ZONE, **signed: Any) -> World:
    """A promise of harbor, which never joined, under an agreement."""
    found = World(zone)
    agreement = {"agreement": "mou", "kind": "mou", "parties": ["county", "harbor"], "effective": "2025-01-01"}
    found.say("agreement.signed", {**agreement, **signed}, "2024-12-20", agency="county")
    promise = {"commitment": "beds", "agreement": "mou", "clause": "1", "obligor": "harbor", "obligee": "county"}
    found.say("commitment.made", {**promise, "deliverable": "Beds", "due": "2025-12-31"}, "2024-12-21")
    return found


@pytest.mark.parametrize(
    ("zone", "moment", "expected"),
    [
        (ZONE, EVENING, {PROMISED}),  # the last day lasts until midnight there, whatever day it is in UTC
        (ZONE, MORNING, set()),
        ("UTC", EVENING, set()),
        ("Asia/Tokyo", "2025-06-30T14:59:59.999999Z", {PROMISED}),
        ("Asia/Tokyo", "2025-06-30T15:00:00Z", set()),  # still 30 June in UTC
    ],
)
def test_a_promise_is_alone_until_its_agreement_expires_where_the_partnership_is(
    zone: str, moment: str, expected: set[Any]
) -> None:
    found = promised(zone, expires="2025-06-30")
    found.apply()
    assert expected == lacks(found, moment)


def test_a_promise_is_alone_until_its_agreement_is_ended_and_from_when_it_was_made() -> None:
    found = promised()
    found.say("agreement.ended", {"agreement": "mou", "kind": "terminated"}, MORNING, agency="county")
    found.apply()
    assert {PROMISED} == lacks(found, EVENING)
    assert set() == lacks(found, MORNING)
    assert set() == lacks(found, "2024-12-20")


def test_a_promise_under_an_agreement_that_was_extended_is_alone_for_longer() -> None:
    found = promised(expires="2025-06-30")
    found.say("agreement.amended", {"agreement": "mou", "expires": "2025-08-31"}, "2025-06-15", agency="county")
    found.apply()
    assert {PROMISED} == lacks(found, "2025-08-31")


def test_an_action_nobody_answers_for_is_alone_until_it_is_closed() -> None:
    found = world(closed="2025-03-12", owner="nobody-known")
    alone = {("action", "a-1", "its owner is no partner: nobody-known")}
    assert [set(), alone, set()] == [lacks(found, day) for day in ("2025-02-28", "2025-03-11", "2025-03-12")]


def test_what_was_closed_after_its_day_is_not_followed_through() -> None:
    found = world(closed="2025-03-12")
    with found.reading() as connection:
        through = followup.follow_through(followup.actions(connection, us("2025-04-01")))
    assert {"due": 1, "closed_in_time": 0, "closed_late": 1, "overdue": 0, "open": 0, "share": 0.0} == through.to_json()
