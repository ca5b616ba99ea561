"""Rows of what happened, by hand: calls and arrests, trainings and staff, money, surveys, consents and flags.

Every test gives the expected row first, whole but for NULLs; each way of making rows has to give it.
"""

from __future__ import annotations

from typing import Any

import pytest

from projections.models.community import score_of
from tests.projections.row_world import row_of, rows_of, say, us, void

CLOSED = {"call": "c-1", "disposition": "other"}
MADE = {"arrest": "a-1", "charge_class": "misdemeanor", "divertible": True}
HELD = {"training": "t-1", "course": "cit-1", "kind": "cit", "hours": 7.5}
MONEY = {"transaction": "m-1", "funding": "grant", "amount_minor": 2_500, "currency": "USD"}
CONSENT = {
    "consent": "o-1",
    "person": "p:1",
    "regime": "part2",
    "disclosers": ["lakeside"],
    "information": "all",
    "purpose": "care",
}


def part(row: dict[str, Any] | None, *names: str) -> dict[str, Any]:
    """Some columns of a row, as far as they are there."""
    assert row is not None
    return {name: row[name] for name in names if name in row}


def test_a_call_knows_the_person_as_it_was_closed_else_as_it_was_engaged() -> None:
    engaged = say("encounter.engaged", "2025-03-01", call="c-1", person="p:1")
    assert {"person": "p:1"} == part(row_of("calls", engaged, say("encounter.closed", **CLOSED)), "person")
    closed = say("encounter.closed", "2025-03-02", **CLOSED, person="p:2", person_group="g:a", follow_up=True)
    expected = {"person": "p:2", "person_group": "g:a", "follow_up": 1}
    assert expected == part(row_of("calls", engaged, closed), *expected)


def test_contact_is_the_first_time_that_somebody_was_reached() -> None:
    attempted = say("followup.made", "2025-03-02", call="c-1", outcome="attempted")
    later = say("followup.made", "2025-03-05", "lakeside", call="c-1", outcome="reached")
    first = say("followup.made", "2025-03-04", call="c-1", outcome="reached")
    assert {"call": "c-1", "contacted": 1, "contacted_at": us("2025-03-04")} == row_of("calls", attempted, later, first)
    assert {"call": "c-1", "contacted": 1, "contacted_at": us("2025-03-05")} == row_of(
        "calls", attempted, later, first, void("e3")
    )
    assert row_of("calls", attempted) is None, "an attempt that reached nobody says nothing of the call"


def test_the_kind_of_a_call_is_what_the_dispatcher_first_said() -> None:
    found = row_of(
        "calls",
        say("call.received", "2025-03-02", call="c-1", discipline="police"),
        say("call.received", "2025-03-01", call="c-1", discipline="behavioural_health"),
    )
    assert {"discipline": "behavioural_health"} == part(found, "discipline")


def test_a_referral_names_who_asked_and_who_answered() -> None:
    found = row_of(
        "referrals",
        say(
            "referral.requested",
            "2025-03-01",
            referral="r-1",
            requester="county",
            target="lakeside",
            need="housing",
            person_group="g:a",
        ),
        say("referral.received", "2025-03-03", "lakeside", referral="r-1"),
        say("referral.received", "2025-03-02", "front-desk", referral="r-1"),
        say("referral.accepted", None, "lakeside", referral="r-1"),
        say("referral.disputed", "2025-03-04", "lakeside", referral="r-1", reason="never asked"),
    )
    expected = {
        "person_group": "g:a",
        "requested_agency": "county",
        "received_agency": "front-desk",
        "received_at": us("2025-03-02"),
        "accepted_agency": "lakeside",
        "accepted": 1,
        "disputed": 1,
        "disputed_at": us("2025-03-04"),
        "disputed_agency": "lakeside",
    }
    assert expected == part(found, *expected, "accepted_at")


def test_a_service_is_confirmed_by_another_agency_with_the_units_it_said_last() -> None:
    delivered = say(
        "service.delivered",
        "2025-03-01",
        "lakeside",
        delivery="d-1",
        service="beds",
        units=3,
        for_agency="county",
        person="p:1",
        person_group="g:a",
    )
    own = say("service.confirmed", "2025-03-01", "lakeside", delivery="d-1", units=3)
    first = say("service.confirmed", "2025-03-02", "county", delivery="d-1", units=3)
    again = say("service.confirmed", "2025-03-05", "county", delivery="d-1", units=2)
    expected = {
        "for_agency": "county",
        "agency": "lakeside",
        "person": "p:1",
        "person_group": "g:a",
        "units": 3.0,
        "confirmed": 1,
        "confirmed_at": us("2025-03-02"),
        "confirmed_agency": "county",
        "confirmed_units": 2.0,
    }
    assert expected == part(row_of("services", delivered, own, first, again), *expected)
    assert {} == part(row_of("services", delivered, own), "confirmed", "confirmed_at", "confirmed_units")


def test_an_arrest_and_what_became_of_the_offer() -> None:
    made = say("arrest.made", "2025-03-01T07:30:00Z", "metro-police", **MADE, call="c-1", person_group="g:a")
    offered = say("diversion.offered", "2025-03-02", "lakeside", arrest="a-1", program="care", person="p:1")
    expected = {
        "arrest": "a-1",
        "made": 1,
        "made_at": us("2025-03-01T07:30:00Z"),
        "charge_class": "misdemeanor",
        "divertible": 1,
        "call": "c-1",
        "person_group": "g:a",
        "agency": "metro-police",
        "month": "2025-02",
        "offered": 1,
        "offered_at": us("2025-03-02"),
        "offered_agency": "lakeside",
        "program": "care",
        "declined": 1,
        "declined_reason": "no trust",
    }
    declined = say("diversion.declined", None, "lakeside", arrest="a-1", reason="no trust")
    assert expected == row_of("arrests", declined, offered, made), "in the month of the arrest, on the local calendar"
    again = say("diversion.accepted", "2025-03-04", "lakeside", arrest="a-1")
    accepted = row_of("arrests", made, offered, again, say("diversion.accepted", "2025-03-03", arrest="a-1"))
    assert {"accepted": 1, "accepted_at": us("2025-03-03")} == part(accepted, "accepted", "accepted_at", "declined")


def test_an_arrest_that_is_withdrawn_leaves_what_others_said_of_it() -> None:
    made = say("arrest.made", "2025-03-01", "metro-police", **MADE)
    offered = say("diversion.offered", "2025-03-02", "lakeside", arrest="a-1", program="care")
    kept = {
        "arrest": "a-1",
        "offered": 1,
        "offered_at": us("2025-03-02"),
        "offered_agency": "lakeside",
        "program": "care",
    }
    assert kept == row_of("arrests", made, offered, void("e1", "metro-police"))
    felony = say("arrest.made", "2025-03-01", "metro-police", supersedes="e1", **MADE | {"charge_class": "felony"})
    assert {"charge_class": "felony"} == part(row_of("arrests", made, felony), "charge_class")


def test_an_incident_is_the_first_report_of_force() -> None:
    later = say("force.used", "2025-03-02", "metro-police", incident="i-1", call="c-1", force_kind="taser")
    first = say("force.used", "2025-03-01", "county", incident="i-1", call="c-1", force_kind="hands", person="p:1")
    expected = {
        "incident": "i-1",
        "used": 1,
        "used_at": us("2025-03-01"),
        "call": "c-1",
        "force_kind": "hands",
        "person": "p:1",
        "agency": "county",
        "month": "2025-03",
    }
    assert expected == row_of("incidents", later, first)
    assert {"incident": "i-1", "used": 1, "agency": "county"} == row_of("incidents", say("force.used", incident="i-1"))


def test_a_training_and_one_attendance_for_every_agency_named() -> None:
    held = say("training.held", "2025-03-01", **HELD, attendees_by_agency={"county": 2, "metro-police": 5})
    confirmed = say("training.confirmed", "2025-03-04", "metro-police", training="t-1", attendees=5)
    fewer = say("training.confirmed", "2025-03-06", "metro-police", training="t-1", attendees=4)
    shared = {
        "training": "t-1",
        "organiser": "county",
        "held": 1,
        "held_at": us("2025-03-01"),
        "month": "2025-03",
        "disputed": 0,
    }
    assert [
        shared | {"key": "t-1#county", "agency": "county", "attendees": 2, "confirmed": 0},
        shared
        | {
            "key": "t-1#metro-police",
            "agency": "metro-police",
            "attendees": 5,
            "confirmed": 1,
            "confirmed_attendees": 4,
            "confirmed_at": us("2025-03-04"),
        },
    ] == rows_of("attendances", fewer, held, confirmed)
    row = row_of("trainings", held)
    assert {"hours": 7.5, "kind": "cit", "course": "cit-1", "agency": "county"} == part(
        row, "hours", "kind", "course", "agency"
    )


def test_an_agency_that_speaks_of_a_training_nobody_said_it_attended_is_there_without_a_first_half() -> None:
    held = say("training.held", "2025-03-01", **HELD, attendees_by_agency={"county": 2})
    found = rows_of(
        "attendances",
        held,
        say("training.confirmed", None, "lakeside", training="t-1", attendees=1),
        say("training.disputed", "2025-03-03", "lakeside", training="t-1", reason="cancelled"),
    )
    expected = {"agency": "lakeside", "confirmed": 1, "confirmed_attendees": 1, "disputed": 1}
    assert expected | {"disputed_at": us("2025-03-03")} == part(
        found[1], *expected, "attendees", "confirmed_at", "disputed_at"
    )


def test_attendances_follow_a_corrected_training_and_go_with_a_voided_one() -> None:
    held = say("training.held", "2025-03-01", **HELD, attendees_by_agency={"county": 2, "lakeside": 9})
    right = say("training.held", "2025-03-01", supersedes="e1", **HELD, attendees_by_agency={"county": 3})
    assert [("county", 3)] == [(row["agency"], row["attendees"]) for row in rows_of("attendances", held, right)]
    assert [] == rows_of("attendances", held, void("e1"))
    confirmed = say("training.confirmed", "2025-03-04", "lakeside", training="t-1", attendees=9)
    assert [{"key": "t-1#lakeside", "agency": "lakeside", "confirmed": 1}] == [
        part(row, "key", "agency", "attendees", "held", "confirmed")
        for row in rows_of("attendances", held, confirmed, void("e1"))
    ]


def test_a_certification_from_the_day_it_was_earned_to_its_end() -> None:
    earned = {"certification": "x-1", "staff": "s:1", "kind": "cit", "role": "patrol"}
    expected = earned | {
        "earned": 1,
        "earned_at": us("2025-03-01"),
        "expires": "2027-03-01",
        "expired": 1,
        "expired_at": us("2026-01-05"),
        "agency": "metro-police",
        "month": "2025-03",
    }
    assert expected == row_of(
        "certifications",
        say("certification.expired", "2026-01-07", "metro-police", certification="x-1"),
        say("certification.earned", "2025-03-01", "metro-police", **earned, expires="2027-03-01"),
        say("certification.expired", "2026-01-05", "county", certification="x-1"),
        say("certification.earned", None, "county", **earned, expires="2030-01-01"),
    )


def test_the_last_headcount_of_a_month_stands() -> None:
    about = {"agency": "metro-police", "role": "patrol", "period": "2025-03"}
    first = say("staffing.reported", "2025-04-01", "metro-police", **about, headcount=40)
    last = say("staffing.reported", "2025-04-09", "county", **about, headcount=41)
    undated = say("staffing.reported", None, "metro-police", **about, headcount=99)
    expected = about | {
        "key": "metro-police/patrol/2025-03",
        "headcount": 41,
        "reported": 1,
        "reported_at": us("2025-04-09"),
        "month": "2025-03",
    }
    assert expected == row_of("staffing", last, undated, first)
    assert 40 == (row_of("staffing", first, last, void("e2")) or {})["headcount"]


def test_a_shared_site_until_it_ends() -> None:
    started = {"colocation": "l-1", "site": "north", "fte": 0.5}
    expected = started | {
        "host": "county",
        "started": 1,
        "started_at": us("2025-03-01"),
        "ended": 1,
        "ended_at": us("2025-05-01"),
        "agency": "lakeside",
    }
    assert expected == row_of(
        "colocations",
        say("colocation.started", "2025-03-01", "lakeside", **started, host="county"),
        say("colocation.started", "2025-03-02", "lakeside", **started | {"site": "south"}),
        say("colocation.ended", "2025-05-01", "county", colocation="l-1"),
    )


def test_a_disbursement_and_what_the_receiver_says_it_got() -> None:
    paid = say("funding.disbursed", "2025-03-01", "county", **MONEY, receiver="lakeside", fiscal_years=[2025, 2026])
    short = {"transaction": "m-1", "amount_minor": 2_400, "currency": "USD"}
    first = say("funding.received", "2025-03-04", "lakeside", **short)
    right = say("funding.received", "2025-03-09", "lakeside", **short | {"amount_minor": 2_500})
    expected = MONEY | {
        "stage": "disbursed",
        "receiver": "lakeside",
        "fiscal_years": "[2025,2026]",
        "happened": 1,
        "happened_at": us("2025-03-01"),
        "agency": "county",
        "month": "2025-03",
        "received": 1,
        "received_at": us("2025-03-04"),
        "received_agency": "lakeside",
        "received_amount_minor": 2_500,
        "received_currency": "USD",
    }
    found = row_of("transactions", right, first, paid)
    assert expected == part(found, *expected, "disputed", "provider")
    claimed = row_of("transactions", paid, say("funding.received", "2025-03-02", "county", **short))
    assert "received" not in (claimed or {}), "who paid cannot say for the other that it received"


@pytest.mark.parametrize(
    ("stage", "pledged", "spent"),
    [
        ("pledged", "2025-03-01", "2025-03-02"),
        ("spent", "2025-03-02", "2025-03-01"),
        ("spent", None, "2025-03-09"),
        ("pledged", "2025-03-01", "2025-03-01"),
    ],
)
def test_of_two_stages_of_one_transaction_the_first_stands(stage: str, pledged: str | None, spent: str) -> None:
    found = row_of("transactions", say("funding.pledged", pledged, **MONEY), say("funding.spent", spent, **MONEY))
    assert {"stage": stage} == part(found, "stage")


def test_money_received_that_nobody_says_it_paid_has_no_stage() -> None:
    received = {"transaction": "m-1", "amount_minor": 7, "currency": "EUR"}
    found = row_of(
        "transactions",
        say("funding.received", "2025-03-04", "lakeside", **received),
        say("funding.disputed", None, "county", transaction="m-1", reason="not ours"),
    )
    expected = {"received_agency": "lakeside", "received_amount_minor": 7, "disputed_agency": "county", "disputed": 1}
    assert expected == part(found, *expected, "stage", "month", "disputed_at")


@pytest.mark.parametrize(
    ("score", "scores"),
    [(3.0, [2, 4]), (3.0, [2, 4, None]), (None, [2, None]), (None, [None]), (None, []), (0.0, [0])],
)
def test_a_survey_has_a_score_where_more_than_half_of_its_items_have(score: float | None, scores: list[Any]) -> None:
    items = [{"item": f"q{n}", "score": value} for n, value in enumerate(scores)]
    collected = {"survey": "v-1", "instrument": "trust", "version": "2", "mode": "web", "n": 120}
    expected = collected | {
        "collected": 1,
        "collected_at": us("2025-03-01"),
        "response_rate": 12.5,
        "person_group": "g:a",
        "agency": "county",
        "month": "2025-03",
    }
    more = {"items": items, "response_rate": 12.5, "person_group": "g:a"}
    found = row_of("surveys", say("survey.collected", "2025-03-01", **collected, **more))
    assert expected | ({} if score is None else {"score": score}) == {
        name: value for name, value in (found or {}).items() if name != "items"
    }


def test_a_survey_without_items_has_no_score() -> None:
    assert score_of(None) is None


def test_an_engagement_and_the_input_that_came_of_it() -> None:
    held = {"engagement": "f-1", "kind": "forum", "attendance": 40}
    expected = held | {
        "held": 1,
        "held_at": us("2025-03-01"),
        "languages": '["en","es"]',
        "agency": "county",
        "month": "2025-03",
    }
    said = [
        say("engagement.held", "2025-03-01", **held, languages=["en", "es"]),
        say("engagement.held", "2025-03-02", "lakeside", **held | {"attendance": 99}),
        say("input.recorded", "2025-03-01", input="n-1", topic="parks", engagement="f-1", text="More light."),
        say("input.answered", "2025-04-02", "lakeside", input="n-1"),
        say("input.answered", "2025-04-01", "county", input="n-1", text="Lamps are ordered."),
    ]
    assert expected == row_of("engagements", *said)
    assert {
        "input": "n-1",
        "recorded": 1,
        "recorded_at": us("2025-03-01"),
        "engagement": "f-1",
        "topic": "parks",
        "answered": 1,
        "answered_at": us("2025-04-01"),
        "agency": "county",
        "month": "2025-03",
    } == row_of("inputs", *said)


def test_a_consent_stands_as_it_was_last_narrowed_field_by_field() -> None:
    granted = say(
        "consent.granted", "2025-03-01", "lakeside", **CONSENT, recipients=["county", "court"], expires="2026-03-01"
    )
    narrowed = [
        say("consent.narrowed", "2025-04-02", consent="o-1", recipients=["county"]),
        say("consent.narrowed", "2025-04-01", consent="o-1", recipients=["court"], expires="2025-12-31"),
        say("consent.narrowed", None, consent="o-1", purpose="payment"),
    ]
    expected = {
        "person": "p:1",
        "regime": "part2",
        "disclosers": '["lakeside"]',
        "recipients": '["county"]',
        "information": "all",
        "purpose": "payment",
        "expires": "2025-12-31",
        "granted_at": us("2025-03-01"),
        "narrowed_at": us("2025-04-02"),
        "agency": "lakeside",
    }
    assert expected == part(row_of("consents", granted, *narrowed), *expected, "revoked")
    revoked = row_of("consents", granted, say("consent.revoked", "2025-05-01", "county", consent="o-1"))
    assert {"revoked": 1, "revoked_at": us("2025-05-01"), "recipients": '["county","court"]'} == part(
        revoked, "revoked", "revoked_at", "recipients"
    )


def test_a_disclosure_and_what_it_rests_on() -> None:
    made = {"disclosure": "w-1", "recipient": "county", "basis": "consent", "basis_ref": "o-1"}
    expected = made | {
        "made": 1,
        "made_at": us("2025-03-01"),
        "notice_attached": 0,
        "agency": "lakeside",
        "month": "2025-03",
    }
    said = say("disclosure.made", "2025-03-01", "lakeside", **made, notice_attached=False, person="p:1")
    assert expected == row_of("disclosures", said), "and not whom it is about"
    assert row_of("disclosures", said, void("e1", "lakeside")) is None


def test_a_flag_stands_until_it_is_resolved() -> None:
    flagged = {"flag": "q-1", "rule": "order", "severity": "error", "about": "call/c-1"}
    expected = flagged | {"flagged": 1, "flagged_at": us("2025-03-01"), "agency": "county", "month": "2025-03"}
    raised = say("dataquality.flagged", "2025-03-01", **flagged, note="arrived before it was called")
    assert expected == row_of("quality_flags", raised)
    resolved = say("dataquality.resolved", None, "lakeside", flag="q-1")
    assert expected | {"resolved": 1} == row_of("quality_flags", raised, resolved)


def test_the_last_report_of_a_service_says_what_it_takes() -> None:
    expected = {
        "service": "beds",
        "status": "waitlist",
        "slots": 0,
        "reported_at": us("2025-03-02"),
        "agency": "lakeside",
    }
    assert expected == row_of(
        "capacity",
        say("capacity.reported", "2025-03-02", "lakeside", service="beds", status="waitlist", slots=0),
        say("capacity.reported", "2025-03-01", "lakeside", service="beds", status="capacity", slots=3),
        say("capacity.reported", None, "lakeside", service="beds", status="no_capacity"),
    )
