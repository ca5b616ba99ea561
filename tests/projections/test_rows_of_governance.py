"""Rows of what was agreed and decided, by hand: agreements, commitments, expectations, meetings, actions, reviews.

Every test gives the expected row first; each way of making rows has to give it.
"""

from __future__ import annotations

from typing import Any

import orjson

from tests.projections.row_world import SOURCE, row_of, rows_of, say, us, void

SIGNED = {"agreement": "mou", "kind": "mou", "parties": ["county", "lakeside"], "effective": "2025-01-01"}
TWO_DAYS = {"answer_within": {"limit": 2, "unit": "business_days"}}
MADE = {
    "commitment": "seats",
    "agreement": "mou",
    "clause": "4.2",
    "obligor": "lakeside",
    "obligee": "county",
    "deliverable": "Seats in training",
}
MONTHLY = {"every": "month", "from": "2025-01-01", "until": "2025-02-28"}
OPENED = {"action": "u-1", "plan": "p", "owner": "lakeside", "due": "2025-03-31", "what": "Call them back."}
END_OF_MARCH = us("2025-04-01T06:59:59.999999Z")


def part(row: dict[str, Any] | None, *names: str) -> dict[str, Any]:
    """Some columns of a row, as far as they are there."""
    assert row is not None
    return {name: row[name] for name in names if name in row}


def test_the_terms_of_an_agreement_are_those_last_amended_and_every_amendment_is_kept() -> None:
    found = row_of(
        "agreements",
        say("agreement.signed", "2025-01-01", **SIGNED, terms=TWO_DAYS),
        say("agreement.amended", "2025-06-01", agreement="mou", terms={"confirm_within_days": 5}),
        say("agreement.amended", "2025-07-01", agreement="mou", expires="2027-12-31"),
    )
    expected = {
        "signed_terms": orjson.dumps(TWO_DAYS).decode(),
        "terms": '{"confirm_within_days":5}',
        "expires": "2027-12-31",
        "amended_at": us("2025-07-01"),
    }
    assert expected == part(found, *expected)
    shared = {"source": SOURCE, "agency": "county", "parties": None}
    assert [
        shared | {"id": "e2", "time": us("2025-06-01"), "terms": {"confirm_within_days": 5}, "expires": None},
        shared | {"id": "e3", "time": us("2025-07-01"), "terms": None, "expires": "2027-12-31"},
    ] == orjson.loads((found or {})["amendments"])


def test_an_agreement_that_was_never_amended_has_the_terms_it_was_signed_with() -> None:
    signed = say("agreement.signed", "2025-01-01", **SIGNED, terms=TWO_DAYS)
    assert {"terms": orjson.dumps(TWO_DAYS).decode()} == part(row_of("agreements", signed), "terms", "amendments")
    assert {} == part(row_of("agreements", say("agreement.signed", "2025-01-01", **SIGNED)), "terms")


def test_every_expectation_of_a_feed_is_kept() -> None:
    feed = {"agency": "lakeside", "feed": "referral"}
    first = say("report.expected", "2025-01-01", **feed, cadence="monthly", grace_days=10, since="2025-01-01")
    then = say("report.expected", "2025-06-01", **feed, cadence="weekly", grace_days=3)
    found = row_of("expected_feeds", then, first)
    assert {"cadence": "weekly", "grace_days": 3} == part(found, "cadence", "grace_days", "since")
    assert [("weekly", 3, None, "2025-06-01"), ("monthly", 10, "2025-01-01", "2025-01-01")] == [
        (entry["cadence"], entry["grace_days"], entry["since"], "2025-06-01" if entry["id"] == "e1" else "2025-01-01")
        for entry in orjson.loads((found or {})["expectations"])
    ]
    assert 1 == len(orjson.loads((row_of("expected_feeds", first, then, void("e2")) or {})["expectations"]))


def test_an_obligation_says_what_both_halves_stated_and_when_first() -> None:
    said = [
        say("commitment.made", "2025-01-01", **MADE, quantity=2, recurrence=MONTHLY),
        say(
            "commitment.evidenced", None, "lakeside", commitment="seats", period="2025-01", quantity=1, evidence_ref="a"
        ),
        say("commitment.evidenced", "2025-01-20", "lakeside", commitment="seats", quantity=1, evidence_ref="b"),
        say("commitment.evidenced", "2025-01-10", "lakeside", commitment="seats", quantity=0.5, evidence_ref="c"),
        say("commitment.accepted", None, "county", commitment="seats", period="2025-01"),
        say("commitment.disputed", "2025-03-02", "county", commitment="seats", period="2025-02", reason="none came"),
        say("commitment.disputed", "2025-03-01", "lakeside", commitment="seats", period="2025-02", reason="not due"),
        say("commitment.waived", "2025-03-05", "county", commitment="seats", period="2025-02", reason="fire"),
    ]
    january, february = rows_of("obligations", *said)
    names = [f"{what}{at}" for what in ("evidenced", "accepted", "disputed", "waived") for at in ("", "_at")]
    assert {
        "evidenced": 1,
        "evidenced_at": us("2025-01-10"),
        "accepted": 1,
        "accepted_agency": "county",
        "disputed": 0,
        "waived": 0,
    } == part(january, *names, "accepted_agency", "disputed_agency")
    assert {
        "evidenced": 0,
        "accepted": 0,
        "disputed": 1,
        "disputed_at": us("2025-03-01"),
        "disputed_agency": "county",
        "waived": 1,
        "waived_at": us("2025-03-05"),
    } == part(february, *names, "accepted_agency", "disputed_agency"), "the obligor's own word is no second half"
    assert 2.5 == january["evidenced_quantity"]
    assert "met_at" not in january, "the undated evidence, which it took to reach two, gives no moment"


def test_evidence_that_is_withdrawn_leaves_the_obligation_without_any() -> None:
    found = row_of(
        "obligations",
        say("commitment.made", "2025-01-01", **MADE, due="2025-03-31"),
        say("commitment.evidenced", "2025-01-20", "lakeside", commitment="seats", quantity=1, evidence_ref="b"),
        void("e2", "lakeside"),
    )
    expected = {"evidenced": 0, "evidenced_quantity": 0.0, "due_at": END_OF_MARCH, "month": "2025-03"}
    assert expected == part(found, *expected, "evidenced_at", "met_at")


def test_a_meeting_and_the_decision_it_took() -> None:
    said = [
        say("meeting.held", "2025-03-01", meeting="y-1", plan="p", attendees_by_agency={"county": 2}, quorum=False),
        say(
            "decision.recorded",
            "2025-03-01",
            decision="b-1",
            plan="p",
            meeting="y-1",
            motion="Fund the beds.",
            votes={"lakeside": "for", "county": "against"},
            dissent=[{"agency": "county", "reason": "too soon"}],
        ),
    ]
    assert {
        "meeting": "y-1",
        "plan": "p",
        "held": 1,
        "held_at": us("2025-03-01"),
        "attendees_by_agency": '{"county":2}',
        "quorum": 0,
        "agency": "county",
        "month": "2025-03",
    } == row_of("meetings", *said)
    assert {
        "decision": "b-1",
        "plan": "p",
        "meeting": "y-1",
        "motion": "Fund the beds.",
        "votes": '{"county":"against","lakeside":"for"}',
        "dissent": '[{"agency":"county","reason":"too soon"}]',
        "recorded": 1,
        "recorded_at": us("2025-03-01"),
        "agency": "county",
        "month": "2025-03",
    } == row_of("decided", *said)


def test_a_decision_about_a_meeting_is_not_taken_away_by_a_correction() -> None:
    held = say("meeting.held", "2025-03-01", meeting="y-1", plan="p", attendees_by_agency={"county": 2}, quorum=True)
    assert {"quorum": 1} == part(row_of("meetings", held, void("e1")), "quorum")


def test_an_action_is_its_owners_and_due_at_the_end_of_the_local_day() -> None:
    opened = say("action.opened", "2025-02-01", **OPENED, about={"kpi": "K06", "decision": "b-1"})
    expected = OPENED | {
        "opened": 1,
        "opened_at": us("2025-02-01"),
        "about_kpi": "K06",
        "about_decision": "b-1",
        "due_at": END_OF_MARCH,
        "agency": "lakeside",
        "month": "2025-03",
    }
    assert expected == row_of("actions", opened)
    closed = say("action.closed", "2025-03-20", "lakeside", action="u-1", evidence_ref="minutes")
    ended = {"closed": 1, "closed_at": us("2025-03-20"), "evidence_ref": "minutes"}
    again = say("action.closed", "2025-03-25", "lakeside", action="u-1", evidence_ref="letter")
    assert expected | ended == row_of("actions", again, closed, opened)


def test_a_review_as_it_is_scheduled_last_and_held_first() -> None:
    first = say("review.scheduled", "2025-01-01", review="h-1", plan="p", due="2025-02-28")
    moved = say("review.scheduled", "2025-02-01", review="h-1", plan="p", due="2025-03-31")
    held = {"as_of": 7, "moment": "2025-03-09T10:00:00Z", "cells_sha256": "0f" * 32, "cells": 12}
    expected = {
        "review": "h-1",
        "plan": "p",
        "scheduled_at": us("2025-02-01"),
        "due": "2025-03-31",
        "due_at": END_OF_MARCH,
        "agency": "county",
        "month": "2025-03",
    }
    assert expected == part(row_of("reviews", first, moved), *expected, "held", "held_at")
    was = say("review.held", "2025-04-09", review="h-1", plan="p", **held)
    assert expected | held | {"held": 1, "held_at": us("2025-04-09")} == part(
        row_of("reviews", was, first, moved), *expected, *held, "held", "held_at"
    )


def test_a_review_that_was_never_scheduled_is_in_the_month_it_was_held_in() -> None:
    held = say(
        "review.held", "2025-04-01T06:00:00Z", "lakeside", review="h-1", plan="p", as_of=7, cells_sha256="0f", cells=0
    )
    assert {"plan": "p", "month": "2025-03", "agency": "lakeside"} == part(
        row_of("reviews", held), "plan", "month", "agency", "due_at"
    )


def test_the_calendar_of_a_plan_is_the_one_set_last() -> None:
    first = say("calendar.set", "2025-01-01", plan="p", weekdays=[1, 2, 3, 4, 5], holidays=["2025-07-04"])
    last = say("calendar.set", "2025-02-01", plan="p", weekdays=[1, 2, 3, 4], holidays=[])
    assert {"plan": "p", "weekdays": "[1,2,3,4]", "holidays": "[]", "set_at": us("2025-02-01")} == row_of(
        "calendars", last, first
    )
    adopted = say("plan.adopted", "2025-01-01", plan="p", version=1, period={"from": "2025-01-01", "to": "2027-12-31"})
    assert [] == rows_of("calendars", adopted), "a plan without a calendar has no row here"


def test_an_audit_finding_until_it_is_closed() -> None:
    finding = {"audit": "j-1", "severity": "high", "what": "late entries", "owner": "lakeside", "due": "2025-03-31"}
    expected = finding | {
        "found": 1,
        "found_at": us("2025-02-01"),
        "due_at": END_OF_MARCH,
        "agency": "county",
        "month": "2025-02",
        "closed": 1,
        "closed_at": us("2025-03-09"),
    }
    assert expected == row_of(
        "audits",
        say("audit.closed", "2025-03-09", "lakeside", audit="j-1", evidence_ref="report"),
        say("audit.finding", "2025-02-01", **finding),
        say("audit.finding", "2025-02-02", "lakeside", **finding | {"severity": "low"}),
    )


def test_who_disputed_a_definition_is_kept_with_the_kpi() -> None:
    said = say("definition.disputed", "2025-02-01", plan="p", kpi="K06", by="lakeside", reason="counts transfers")
    (found,) = orjson.loads((row_of("kpi_histories", said) or {})["disputed"])
    assert ("lakeside", "counts transfers", None) == (found["by"], found["reason"], found["version"])
