"""The demonstration speaks the whole language: every kind of event, both halves of what is shared, and what goes wrong
between them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from importlib.resources import files
from itertools import groupby

import pytest

from contracts.catalogue import CATALOGUE
from contracts.intake import validate
from contracts.moments import local_day
from contracts.recorded import Accepted
from ops.demo import cast, events, plan
from ops.demo.committee import QUORUM, REVIEWS, TASKS
from ops.demo.goals import UNMEASURED_KPI, definition, goals
from ops.demo.people import GROUPS

SCALE = 0.15
UNTOLD = {"agency.withdrew", "kpi.retired", "review.held"}
"""Nobody left and nothing was retired; reviews are held while the ledger is filled, since they fix what it shows."""

Told = list[Accepted]


@pytest.fixture(scope="module")
def told() -> Told:
    """Every good event of the stream once, in order of arrival, but for those that were withdrawn or replaced."""
    found = {(v.source, v.id): v for _, body in events(scale=SCALE) if isinstance(v := validate(body), Accepted)}
    gone = {(event.source, event.supersedes) for event in found.values() if event.supersedes is not None}
    return [event for identity, event in found.items() if identity not in gone]


def of(told: Told, *types: str) -> Told:
    return [event for event in told if event.type in types]


def subjects(told: Told, *types: str) -> set[str]:
    return {event.subject for event in of(told, *types)}


def late(told: Told, first: str, second: str, days: float) -> int:
    """How many second halves came more than ``days`` after their first."""
    begun = {event.subject: event.time_us for event in of(told, first)}
    return sum(
        event.time_us is not None and event.time_us - (begun.get(event.subject) or event.time_us) > days * cast.DAY_US
        for event in of(told, second)
    )


def test_every_type_of_event_is_told_but_for_three(told: Told) -> None:
    assert {entry.name for entry in CATALOGUE} - UNTOLD == {event.type for event in told} - UNTOLD
    assert not UNTOLD & {event.type for event in told}


def test_every_kpi_of_the_library_is_in_the_plan_and_most_have_an_owner_and_a_target(told: Told) -> None:
    library = {file.name.removesuffix(".json") for file in (files("projections.kpi") / "library").iterdir()} - {""}
    library = {name for name in library if name.isalnum()}
    defined = {event.data["kpi"]: event.data for event in of(told, "kpi.defined")}
    assert library | {UNMEASURED_KPI} == set(defined)
    assert sum("owner" in data for data in defined.values()) > 0.9 * len(defined)
    aimed = {event.data["kpi"] for event in of(told, "target.set")}
    assert len(aimed) > 0.7 * len(defined)
    measured = [measure.kpi for goal in goals() for objective in goal.objectives for measure in objective.measures]
    assert sorted(set(measured)) == sorted(measured)


def test_a_definition_has_a_second_version_from_a_day_on(told: Told) -> None:
    versions = {e.data["version"]: e.data for e in of(told, "kpi.defined") if e.data["kpi"] == "K18"}
    assert (versions[1]["effective_from"], versions[2]["effective_from"]) == ("2023-01-01", "2025-01-01")
    assert versions[1]["definition"]["measure"]["numerator"]["seconds"] == 30 * 86_400
    assert versions[2]["definition"]["measure"]["numerator"]["seconds"] == 45 * 86_400
    assert {"45 days"} == {word for word in ("30 days", "45 days") if word in str(definition("K18", 2))}


def test_the_limits_of_the_agreement_are_data_and_change_once(told: Told) -> None:
    (signed,) = [e for e in of(told, "agreement.signed") if e.data["agreement"] == cast.MOU]
    (amended,) = [e for e in of(told, "agreement.amended") if e.data["agreement"] == cast.MOU]
    assert signed.data["terms"]["answer_within"] == {"limit": 5, "unit": "business_days"}
    assert amended.data["terms"]["answer_within"] == {"limit": 72, "unit": "hours"}
    assert len(of(told, "calendar.set")) == 1


@pytest.mark.parametrize(
    ("first", "confirmed", "disputed", "grace_days"),
    [
        ("referral.requested", "referral.accepted", "referral.disputed", 5),
        ("service.delivered", "service.confirmed", "service.disputed", 30),
        ("training.held", "training.confirmed", "training.disputed", 30),
        ("funding.disbursed", "funding.received", "funding.disputed", 30),
        ("commitment.evidenced", "commitment.accepted", "commitment.disputed", -400),
    ],
)
def test_second_halves_come_come_late_are_missing_and_are_disputed(
    told: Told, first: str, confirmed: str, disputed: str, grace_days: float
) -> None:
    begun = subjects(told, first)
    assert begun & subjects(told, confirmed)
    assert begun & subjects(told, disputed)
    assert late(told, first, confirmed, grace_days) > 0
    # In a training the halves are those of agencies, and every training has one that answered.
    missing = begun - subjects(told, confirmed, disputed)
    assert missing or first in ("training.held", "commitment.evidenced")


def test_no_agency_is_its_own_second_half(told: Told) -> None:
    for first, *seconds in (
        ("service.delivered", "service.confirmed", "service.disputed"),
        ("training.held", "training.confirmed", "training.disputed"),
        ("funding.disbursed", "funding.received", "funding.disputed"),
        ("commitment.evidenced", "commitment.accepted", "commitment.disputed"),
    ):
        speaker = {event.subject: event.agency for event in of(told, first)}
        assert all(speaker.get(event.subject) != event.agency for event in of(told, *seconds))


def test_some_referrals_are_answered_that_nobody_is_known_to_have_made(told: Told) -> None:
    made, answered = subjects(told, "referral.requested"), subjects(told, "referral.accepted")
    assert 0 < len(answered - made) < len(answered) / 20


def test_amounts_that_came_in_differ_here_and_there(told: Told) -> None:
    paid = {e.subject: e.data["amount_minor"] for e in of(told, "funding.disbursed")}
    came = [(paid[e.subject], e.data["amount_minor"]) for e in of(told, "funding.received") if e.subject in paid]
    short = [pair for pair in came if pair[1] < pair[0]]
    assert 0 < len(short) < len(came) / 4


def test_rates_of_what_follows_an_encounter_are_plausible(told: Told) -> None:
    closed = of(told, "encounter.closed")
    owed = {e.subject for e in closed if e.data.get("follow_up")}
    reached = {e.subject for e in of(told, "followup.made") if e.data["outcome"] == "reached"}
    assert 0.5 < len(owed & reached) / len(owed) < 0.9
    assert reached <= subjects(told, "encounter.closed", "followup.made")
    # Use of force is rare: some incidents in a thousand encounters.
    assert len(of(told, "force.used")) < 0.02 * len(closed)


def test_some_are_arrested_again_and_some_diverted(told: Told) -> None:
    arrests = of(told, "arrest.made")
    times = Counter(event.data["person"] for event in arrests)
    assert 0 < sum(n > 1 for n in times.values()) < len(times) / 2
    divertible = {event.subject for event in arrests if event.data["divertible"]}
    accepted = subjects(told, "diversion.accepted")
    assert 0.2 < len(divertible & accepted) / len(divertible) < 0.9


def test_people_are_counted_in_groups(told: Told) -> None:
    for type_name in ("encounter.closed", "referral.requested", "service.delivered", "arrest.made"):
        assert set(GROUPS) == {event.data.get("person_group") for event in of(told, type_name)} - {None}


def test_the_committee_meets_decides_and_has_its_dissent_recorded(told: Told) -> None:
    meetings = of(told, "meeting.held")
    there = {e.data["meeting"]: sum(n > 0 for n in e.data["attendees_by_agency"].values()) for e in meetings}
    assert all((there[e.data["meeting"]] >= QUORUM) == e.data["quorum"] for e in meetings)
    assert 0 < sum(not e.data["quorum"] for e in meetings) < len(meetings) / 3
    decided = of(told, "decision.recorded")
    assert all(there[e.data["meeting"]] >= QUORUM for e in decided)
    assert sum("dissent" in e.data for e in decided) >= 3


def test_actions_are_done_in_time_late_or_not_at_all(told: Told) -> None:
    due = {e.subject: e.data["due"] for e in of(told, "action.opened")}
    done = {e.subject: local_day(e.time_us or 0, cast.ZONE) for e in of(told, "action.closed")}
    in_time = sum(done.get(subject, "9") <= day for subject, day in due.items())
    overdue = sum(subject not in done and day < "2025-12-31" for subject, day in due.items())
    assert len(TASKS) == len(due)
    assert (in_time >= 8, len(done) - in_time >= 2, overdue >= 3) == (True, True, True)
    about = {key for e in of(told, "action.opened") for key in e.data.get("about") or {}}
    assert about == {"kpi", "obligation", "decision"}


def test_reviews_are_scheduled_ahead(told: Told) -> None:
    scheduled = {e.data["review"]: e.data["due"] for e in of(told, "review.scheduled")}
    assert {review: due.isoformat() for review, due, _ in REVIEWS} == scheduled
    assert all(local_day(e.time_us or 0, cast.ZONE) < e.data["due"] for e in of(told, "review.scheduled"))


def test_one_wave_of_the_survey_was_answered_too_patchily_to_be_scored(told: Told) -> None:
    scored = [sum(item["score"] is not None for item in e.data["items"]) for e in of(told, "survey.collected")]
    assert sum(n <= 4 for n in scored) == 1


def test_the_same_person_does_not_speak_for_two_agencies(told: Told) -> None:
    """Each source is one agency's, as a ledger with credentials would have it."""
    pairs = sorted({(event.source, event.agency) for event in told})
    assert all(len(list(group)) == 1 for _, group in groupby(pairs, key=lambda pair: pair[0]))


def test_a_kpi_more_in_the_plan_changes_nothing_of_what_people_lived_through(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def lived() -> list[tuple[int, bytes]]:
        return [sent for sent in events(scale=0.01) if b"larkmoor:partnership" not in sent[1]]

    before = lived()
    fewer = tuple(replace(goal, objectives=goal.objectives[:1]) for goal in goals())
    monkeypatch.setattr(plan, "goals", lambda: fewer)
    assert before == lived()
    assert len(list(events(scale=0.01))) > len(before)
