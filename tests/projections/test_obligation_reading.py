"""What is owed, found by hand in a small partnership: each rule of each kind of obligation with its edge."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.faults import RejectedFault
from contracts.moments import parse_us
from projections.feeds import feed_states
from projections.obligations import PARTNERSHIP, Obligation, Survey, asking, every, survey
from tests.projections.kpi_world import ZONE, World, us

PARTIES = ["lakeside", "harbor", "county"]
TWO_DAYS = {"answer_within": {"limit": 2, "unit": "business_days"}}


class Partnership(World):
    """A world whose obligations are read."""

    def sign(self, *, terms: Any = TWO_DAYS, name: str = "mou", parties: list[str] = PARTIES, **more: Any) -> None:
        data = {"agreement": name, "kind": "mou", "parties": parties, "effective": "2025-01-01", **more}
        self.say("agreement.signed", data | ({"terms": terms} if terms else {}), "2024-12-20", agency="county")

    def promise(self, name: str = "beds", **more: Any) -> None:
        data = {
            "commitment": name,
            "agreement": "mou",
            "clause": "1",
            "obligor": "lakeside",
            "obligee": "harbor",
            "deliverable": "Beds",
        }
        terms = more or {"recurrence": {"every": "month", "from": "2025-01-01", "until": "2025-03-31"}}
        self.say("commitment.made", data | terms, "2024-12-21", agency="county")

    def about(self, verb: str, time: str | None, agency: str, period: str | None = "2025-01", **more: Any) -> None:
        data = {"commitment": "beds", **more} | ({"period": period} if period else {})
        if verb in ("disputed", "waived"):
            data["reason"] = "because"
        if verb == "evidenced":
            data |= {"quantity": data.get("quantity", 1), "evidence_ref": "r"}
        self.say(f"commitment.{verb}", data, time, agency=agency)

    def read(self, now: str, *, limit: int = 100, offset: int = 0, **filters: str) -> Survey:
        self.apply()
        moment = parse_us(now) if "T" in now else us(now)
        with self.reading() as connection:
            return survey(connection, moment, ZONE, asking(moment, ZONE, **filters), limit=limit, offset=offset)

    def states(self, now: str, **filters: str) -> dict[str, str]:
        return {one.key: one.state for one in self.read(now, **filters).listed}

    def one(self, now: str, key: str) -> Obligation:
        return next(one for one in self.read(now).listed if one.key == key)


@pytest.fixture
def world() -> Iterator[Partnership]:
    found = Partnership()
    yield found
    found.store.close()


# Answering a referral


def test_an_answer_is_due_by_the_limit_agreed_and_a_breach_needs_nobody(world: Partnership) -> None:
    world.sign()
    world.refer("r1", "2025-03-06T17:00:00Z")  # a Thursday: two business days end with Monday
    due = parse_us("2025-03-11T00:00:00-07:00") - 1  # summer time began on that weekend
    found = world.one("2025-03-07", "r1")
    assert ("referral", "harbor", "lakeside", due, "open") == (
        found.kind,
        found.debtor,
        found.creditor,
        found.due_us,
        found.state,
    )
    assert {"r1": "open"} == world.states("2025-03-10T23:59:59.999999-07:00")
    assert {"r1": "overdue"} == world.states("2025-03-11T00:00:00-07:00")


@pytest.mark.parametrize("answer", ["accepted", "declined", "failed", "got_help"])
def test_a_yes_a_no_and_an_end_are_answers_and_word_of_receipt_is_none(world: Partnership, answer: str) -> None:
    world.sign()
    world.refer("r1", "2025-03-06", received="2025-03-06", **{answer: "2025-03-10"})
    world.refer("r2", "2025-03-06", **{answer: "2025-03-12"})
    world.refer("r3", "2025-03-06", received="2025-03-06")
    assert {"r3": "overdue", "r2": "late", "r1": "met"} == world.states("2025-03-20")


def test_the_first_of_several_answers_counts(world: Partnership) -> None:
    world.sign()
    world.refer("r1", "2025-03-06", accepted="2025-03-13", declined="2025-03-07")
    assert us("2025-03-07") == world.one("2025-04-01", "r1").met_us


def test_without_an_agreement_or_a_limit_nothing_is_owed_and_the_count_says_so(world: Partnership) -> None:
    world.sign(parties=["lakeside", "county"])
    world.sign(name="dsa", parties=["lakeside", "harbor"], terms=None)
    world.refer("r1", "2025-03-06")
    found = world.read("2025-04-01")
    assert ([], {"no_limit_agreed": 1}) == (found.listed, dict(found.not_owed))


def test_a_request_before_the_agreement_binds_or_after_its_last_day_owes_no_answer(world: Partnership) -> None:
    world.sign(expires="2025-06-30")
    world.refer("early", "2024-12-31T12:00:00-08:00")
    world.refer("first", "2025-01-01T00:00:00-08:00")
    world.refer("last", "2025-06-30T23:59:00-07:00")
    world.refer("after", "2025-07-01T00:00:00-07:00")
    found = world.read("2025-08-01")
    assert {"first", "last"} == {one.key for one in found.listed}
    assert found.not_owed == {"no_limit_agreed": 2}


def test_the_amendment_in_force_when_it_was_requested_says_the_limit(world: Partnership) -> None:
    world.sign(terms={"answer_within": {"limit": 48, "unit": "hours"}})
    world.say(
        "agreement.amended",
        {"agreement": "mou", "terms": {"answer_within": {"limit": 5, "unit": "days"}}},
        "2025-03-10",
        agency="county",
    )
    world.say(
        "agreement.amended", {"agreement": "mou", "parties": ["lakeside", "county"]}, "2025-04-01", agency="county"
    )
    world.say(
        "agreement.amended",
        {"agreement": "mou", "terms": {"confirm_within_days": 3}, "parties": PARTIES},
        "2025-05-01",
        agency="county",
    )
    for name, day in (("a", "2025-03-09"), ("b", "2025-03-11"), ("c", "2025-04-02"), ("d", "2025-05-02")):
        world.refer(name, day)
    found = world.read("2025-06-01")
    assert {
        "a": us("2025-03-11"),
        "b": parse_us("2025-03-17T00:00:00-07:00") - 1,
    } == {one.key: one.due_us for one in found.listed}
    assert found.not_owed == {"no_limit_agreed": 2}


def test_the_calendar_of_the_plan_says_which_days_count(world: Partnership) -> None:
    world.sign()
    calendar = {"plan": "p1", "weekdays": [1, 2, 3, 4, 5, 6], "holidays": ["2025-03-07"]}
    world.say("calendar.set", calendar, "2025-01-02", agency="county")
    world.refer("r1", "2025-03-06")  # Friday is a holiday, Saturday counts, so Monday is the second day
    world.refer("r2", "2025-03-13")
    dues = {one.key: one.due_us for one in world.read("2025-03-14").listed}
    assert {
        "r1": parse_us("2025-03-11T00:00:00-07:00") - 1,
        "r2": parse_us("2025-03-16T00:00:00-07:00") - 1,
    } == dues


def test_of_two_agreements_the_stricter_counts(world: Partnership) -> None:
    world.sign()
    world.sign(name="pact", terms={"answer_within": {"limit": 3, "unit": "hours"}})
    world.refer("r1", "2025-03-06")
    assert us("2025-03-06T15:00:00Z") == world.one("2025-03-06", "r1").due_us


def test_the_requester_that_withdraws_releases_the_target_and_the_target_does_not(world: Partnership) -> None:
    world.sign()
    for name, agency in (("r1", "lakeside"), ("r2", "harbor")):
        world.refer(name, "2025-03-06")
        world.say("referral.withdrawn", {"referral": name}, "2025-03-07", agency=agency)
    assert {"r1": "waived", "r2": "overdue"} == world.states("2025-04-01")
    (claim,) = world.one("2025-04-01", "r2").remarks
    assert ("waived", "harbor", False) == (claim.said, claim.agency, claim.counts)


def test_a_disputed_referral_is_disputed_until_it_is_answered_after_all(world: Partnership) -> None:
    world.sign()
    world.refer("r1", "2025-03-06")
    world.say("referral.disputed", {"referral": "r1", "reason": "never came"}, "2025-03-07", agency="harbor")
    world.refer("r2", "2025-03-06")
    world.say("referral.disputed", {"referral": "r2", "reason": "gossip"}, "2025-03-07", agency="county")
    assert {"r1": "disputed", "r2": "overdue"} == world.states("2025-03-20")
    world.say("referral.accepted", {"referral": "r1"}, "2025-03-10", agency="harbor")
    assert {"r1": "met", "r2": "overdue"} == world.states("2025-03-20")


def test_who_withdrew_first_hides_nobody_who_may(world: Partnership) -> None:
    world.sign()
    world.refer("r1", "2025-03-06")
    world.say("referral.withdrawn", {"referral": "r1"}, "2025-03-07", agency="harbor")
    assert {"r1": "overdue"} == world.states("2025-03-20")
    world.say("referral.withdrawn", {"referral": "r1"}, "2025-03-12", agency="lakeside")
    assert {"r1": "waived"} == world.states("2025-03-20")
    assert {"r1": "overdue"} == world.states("2025-03-11T12:00:00-07:00"), "not withdrawn by then"
    told = [(one.agency, one.counts) for one in world.one("2025-03-20", "r1").remarks]
    assert [("harbor", False), ("lakeside", True)] == told


@pytest.mark.parametrize("agency", ["lakeside", "harbor"])
def test_either_side_of_a_referral_disputes_it_whoever_spoke_before(world: Partnership, agency: str) -> None:
    world.sign()
    world.refer("r1", "2025-03-06")
    world.say("referral.disputed", {"referral": "r1", "reason": "gossip"}, "2025-03-06", agency="county")
    assert {"r1": "overdue"} == world.states("2025-03-20")
    world.say("referral.disputed", {"referral": "r1", "reason": "no"}, "2025-03-07", agency=agency)
    assert {"r1": "disputed"} == world.states("2025-03-20")
    told = [(one.agency, one.reason, one.counts) for one in world.one("2025-03-20", "r1").remarks]
    assert [("county", "gossip", False), (agency, "no", True)] == told


@pytest.mark.parametrize(
    ("answer", "more"),
    [
        ("accepted", {}),
        ("declined", {"reason": "no_capacity"}),
        ("completed", {"outcome": "got_help"}),
        ("failed", {"reason": "could_not_contact"}),
    ],
)
def test_who_asked_cannot_answer(world: Partnership, answer: str, more: dict[str, str]) -> None:
    world.sign()
    world.refer("r1", "2025-03-06")
    own = world.say(f"referral.{answer}", {"referral": "r1", **more}, "2025-03-07", agency="lakeside")
    for now in ("2025-03-20", "2026-06-01"):
        assert {"r1": "overdue"} == world.states(now)
    other = "declined" if answer == "accepted" else "accepted"
    reason = {"reason": "no_capacity"} if other == "declined" else {}
    world.say(f"referral.{other}", {"referral": "r1", **reason}, "2025-03-10", agency="harbor")
    assert ("met", us("2025-03-10")) == (world.one("2025-03-20", "r1").state, world.one("2025-03-20", "r1").met_us)
    # The first of each kind stands, so the target's own is seen once the requester takes back what it said.
    world.say(f"referral.{answer}", {"referral": "r1", **more}, "2025-03-09", agency="harbor")
    assert us("2025-03-10") == world.one("2025-03-20", "r1").met_us
    world.void(own)
    assert us("2025-03-09") == world.one("2025-03-20", "r1").met_us


def test_a_referral_nobody_dated_owes_nothing_by_a_date(world: Partnership) -> None:
    world.sign()
    world.refer("r1", None)
    found = world.read("2025-04-01")
    assert ([], {"no_moment_of_request": 1}) == (found.listed, dict(found.not_owed))


def test_what_is_settled_and_long_past_is_left_out_and_what_is_owed_never(world: Partnership) -> None:
    world.sign()
    world.refer("answered", "2025-03-06", accepted="2025-03-07")
    world.refer("ignored", "2025-03-06")
    world.refer("just", "2025-03-07T12:00:00Z", accepted="2025-03-10")  # requested before the window, due in it
    now = "2026-03-11T12:00:00-07:00"
    assert {"ignored": "overdue", "just": "met"} == world.states(now)
    assert {"ignored", "just", "answered"} == set(world.states(now, since="2025-01-01"))


@pytest.mark.parametrize(
    ("step", "time", "agency"),
    [
        ("withdrawn", "2025-03-20", "harbor"),  # no debtor releases itself
        ("withdrawn", None, "harbor"),
        ("withdrawn", "2027-03-20", "lakeside"),  # not yet
        ("accepted", "2027-03-20", "harbor"),
        ("accepted", "2025-03-07", "lakeside"),  # not the requester's to say
    ],
)
def test_what_settles_nothing_hides_nothing_however_old(
    world: Partnership, step: str, time: str | None, agency: str
) -> None:
    world.sign()
    world.refer("r1", "2025-03-06")
    world.say(f"referral.{step}", {"referral": "r1"}, time, agency=agency)
    for now in ("2025-04-01", "2026-03-01", "2026-06-01"):
        assert {"r1": "overdue"} == world.states(now), now


def test_what_was_withdrawn_or_answered_is_settled_though_nobody_dated_it(world: Partnership) -> None:
    world.sign()
    for name, step, agency in (("r1", "withdrawn", "lakeside"), ("r2", "accepted", "harbor")):
        world.refer(name, "2025-03-06")
        world.say(f"referral.{step}", {"referral": name}, None, agency=agency)
    assert {"r1": "waived", "r2": "late"} == world.states("2026-03-01")
    assert {} == world.states("2026-06-01")


# Commitments


def test_a_commitment_is_owed_every_period_by_its_end(world: Partnership) -> None:
    world.sign(terms=None)
    world.promise()
    world.about("evidenced", "2025-01-31T23:59:59-08:00", "lakeside")
    world.about("evidenced", "2025-03-01T00:00:00-08:00", "lakeside", "2025-02")
    assert {"beds#2025-01": "met", "beds#2025-02": "late", "beds#2025-03": "open"} == world.states("2025-03-05")
    assert "overdue" == world.states("2025-04-01")["beds#2025-03"]
    found = world.one("2025-03-05", "beds#2025-02")
    assert ("lakeside", "harbor", "commitment/beds") == (found.debtor, found.creditor, found.subject)
    assert parse_us("2025-02-01T00:00:00-08:00") == found.since_us


def test_a_promise_delivered_in_tenths_is_kept_and_its_words_say_so(world: Partnership) -> None:
    world.sign(terms=None)
    january = {"every": "month", "from": "2025-01-01", "until": "2025-01-31"}
    world.promise(quantity=1, unit="fte", recurrence=january)
    for day in range(10, 20):
        world.about("evidenced", f"2025-01-{day}", "lakeside", quantity=0.1)
    found = world.one("2025-03-01", "beds#2025-01")
    assert ("met", "Beds (1 of 1 fte)") == (found.state, found.what)
    world.plan("K39")
    assert 100 == world.cell("K39", "2025-01", now="2025-03-01").value


def test_nothing_is_owed_before_the_agreement_is_in_force(world: Partnership) -> None:
    world.sign(terms=None, effective="2025-03-01")
    world.promise()
    world.promise("early", due="2025-02-28")
    world.promise("first", due="2025-03-01")
    assert {"beds#2025-03": "overdue", "first#2025-03-01": "overdue"} == world.states("2025-04-02")
    assert world.read("2025-04-02").not_owed == {"agreement_not_in_force": 3}


def test_nothing_is_owed_after_the_agreement_has_ended(world: Partnership) -> None:
    world.sign(terms=None)
    world.promise()
    world.say("agreement.ended", {"agreement": "mou", "kind": "terminated"}, "2025-02-10", agency="county")
    assert {"beds#2025-01": "overdue"} == world.states("2025-06-01")
    assert world.read("2025-06-01").not_owed == {"agreement_ended": 2}
    # Before it was ended nobody knew that it would be.
    assert {"beds#2025-01": "overdue", "beds#2025-02": "open"} == world.states("2025-02-09")


def test_a_period_is_owed_from_its_first_moment_or_once_something_is_said_of_it(world: Partnership) -> None:
    world.sign(terms=None)
    world.promise()
    assert {"beds#2025-01", "beds#2025-02"} == set(world.states("2025-02-28T23:59:59.999999-08:00"))
    assert {"beds#2025-01", "beds#2025-02", "beds#2025-03"} == set(world.states("2025-03-01T00:00:00-08:00"))
    world.about("evidenced", "2025-01-05", "lakeside", "2025-03")
    assert {"beds#2025-01": "open", "beds#2025-03": "met"} == world.states("2025-01-10")


def test_an_agreement_that_runs_out_owes_nothing_after_its_last_day_unless_it_is_extended(world: Partnership) -> None:
    world.sign(terms=None, expires="2025-02-28")
    world.promise()
    assert {"beds#2025-01", "beds#2025-02"} == set(world.states("2025-02-15"))
    world.say("agreement.amended", {"agreement": "mou", "expires": "2026-12-31"}, "2025-02-20", agency="county")
    assert {"beds#2025-01", "beds#2025-02", "beds#2025-03"} == set(world.states("2025-03-02"))


def test_who_has_left_the_agreement_owes_nothing_further(world: Partnership) -> None:
    world.sign(terms=None)
    world.promise()
    world.say("agreement.amended", {"agreement": "mou", "parties": ["county", "harbor"]}, "2025-02-10", agency="county")
    assert {"beds#2025-01"} == set(world.states("2025-06-01"))
    assert world.read("2025-06-01").not_owed == {"no_longer_party": 2}


@pytest.mark.parametrize(
    ("agency", "counts"), [("harbor", True), ("county", True), ("lakeside", False), ("stranger", False)]
)
def test_only_the_obligee_or_another_party_waives_or_disputes(world: Partnership, agency: str, counts: bool) -> None:
    world.sign(terms=None)
    world.promise()
    world.about("waived", "2025-01-10", agency)
    world.about("disputed", "2025-01-10", agency, "2025-02")
    states = world.states("2025-05-01")
    expected = ("waived", "disputed") if counts else ("overdue", "overdue")
    assert expected == (states["beds#2025-01"], states["beds#2025-02"])
    (remark,) = world.one("2025-05-01", "beds#2025-01").remarks
    assert ("waived", agency, "because", counts) == (remark.said, remark.agency, remark.reason, remark.counts)


def test_a_waiver_without_a_period_is_about_all_of_them(world: Partnership) -> None:
    world.sign(terms=None)
    world.promise()
    world.about("waived", "2025-05-10", "harbor", None)
    assert {"waived"} == set(world.states("2025-06-01").values())
    assert {"overdue"} == set(world.states("2025-05-01").values())


def test_a_dispute_ends_when_the_obligee_accepts_after_it(world: Partnership) -> None:
    world.sign(terms=None)
    world.promise()
    world.about("evidenced", "2025-01-20", "lakeside")
    world.about("disputed", "2025-02-01", "harbor")
    world.about("accepted", "2025-02-05", "lakeside")
    assert "disputed" == world.states("2025-03-01")["beds#2025-01"]
    world.about("accepted", "2025-02-06", "harbor")
    assert "met" == world.states("2025-03-01")["beds#2025-01"]


def test_evidence_without_a_moment_is_in_time_only_until_it_is_due(world: Partnership) -> None:
    world.sign(terms=None)
    world.promise()
    world.about("evidenced", None, "lakeside")
    assert ("met", "late") == (
        world.states("2025-01-31")["beds#2025-01"],
        world.states("2025-02-01T12:00:00-08:00")["beds#2025-01"],
    )
    found = world.one("2025-03-01", "beds#2025-01")
    assert (True, None) == (found.fulfilled, found.met_us)


# What is owed to all


def test_an_action_a_review_and_a_finding_are_owed_by_their_day(world: Partnership) -> None:
    say = world.say
    action = {"action": "a1", "plan": "p1", "owner": "harbor", "due": "2025-03-31", "what": "Call back"}
    say("action.opened", action, "2025-03-01", agency="county")
    say("review.scheduled", {"review": "q1", "plan": "p1", "due": "2025-04-10"}, "2025-01-05", agency="county")
    finding = {"audit": "f1", "severity": "low", "what": "No date", "owner": "lakeside", "due": "2025-03-15"}
    say("audit.finding", finding, "2025-03-01", agency="county")
    say("audit.finding", {"audit": "f2", "severity": "low", "what": "No day"}, "2025-03-01", agency="county")
    assert {"a1": "open", "q1": "open", "f1": "overdue"} == world.states("2025-03-20")
    say("action.closed", {"action": "a1", "evidence_ref": "m"}, "2025-03-31T23:59:00-07:00", agency="harbor")
    say("audit.closed", {"audit": "f1"}, "2025-03-21", agency="lakeside")
    assert {"a1": "met", "q1": "overdue", "f1": "late"} == world.states("2025-04-11T12:00:00-07:00")
    who = {one.key: (one.debtor, one.creditor, one.subject) for one in world.read("2025-04-20").listed}
    assert {
        "a1": ("harbor", PARTNERSHIP, "action/a1"),
        "q1": ("county", PARTNERSHIP, "review/q1"),
        "f1": ("lakeside", "county", "audit/f1"),
    } == who


def test_an_expected_report_is_owed_by_the_end_of_its_grace(world: Partnership) -> None:
    world.say("agency.joined", {"agency": "harbor", "name": "H", "sector": "housing"}, "2024-12-01", agency="harbor")
    expected = {"agency": "harbor", "feed": "service", "cadence": "monthly", "grace_days": 5, "since": "2025-01-01"}
    world.say("report.expected", expected, "2024-12-05", agency="county")
    delivered = {"delivery": "d1", "service": "bed", "units": 1}
    world.say("service.delivered", delivered, "2025-01-20", at="2025-02-03", agency="harbor")
    states = world.states("2025-03-03")
    assert {
        "harbor/service/2025-01": "met",
        "harbor/service/2025-02": "open",
        "harbor/service/2025-03": "open",
    } == states
    assert "overdue" == world.states("2025-03-06T12:00:00-08:00")["harbor/service/2025-02"]


@pytest.mark.parametrize(
    ("recorded", "in_time"), [("2025-02-05T23:59:59.999999-08:00", True), ("2025-02-06T00:00:00-08:00", False)]
)
def test_a_report_is_in_time_until_the_last_microsecond_of_its_grace_wherever_it_is_told(
    world: Partnership, recorded: str, in_time: bool
) -> None:
    world.plan("K37")
    expected = {"agency": "lakeside", "feed": "service", "cadence": "monthly", "grace_days": 5, "since": "2025-01-01"}
    world.say("report.expected", expected, "2024-12-05", agency="county")
    world.say("service.delivered", {"delivery": "d1", "service": "bed", "units": 1}, "2025-01-20", at=recorded)
    now = "2025-02-20"
    assert ("met" if in_time else "late") == world.one(now, "lakeside/service/2025-01").state
    with world.reading() as connection:
        (feed,) = feed_states(connection, us(now), ZONE)
    assert ("on_time" if in_time else "late", int(in_time)) == (feed.status, feed.on_time)
    assert {"on_time": 100 if in_time else 0} == world.cell("K37", "2025-01", now=now).to_json()["also"]


# Reading


def crowded(world: Partnership) -> None:
    world.sign()
    world.promise()
    for day in range(3, 29):
        world.refer(f"r{day:02}", f"2025-02-{day:02}", **({"accepted": f"2025-02-{day:02}"} if day % 3 else {}))
    world.about("evidenced", "2025-01-10", "lakeside")


def test_the_matrix_the_states_and_the_list_are_one_count(world: Partnership) -> None:
    crowded(world)
    found = world.read("2025-03-05", limit=1_000)
    assert found.total == len(found.listed) == sum(found.by_state().values()) == sum(r["total"] for r in found.matrix())
    for row in found.matrix():
        for state in ("overdue", "open", "met", "late", "waived", "disputed"):
            listed = world.read("2025-03-05", debtor=row["debtor"], creditor=row["creditor"], state=state)
            assert row[state] == listed.total == len(listed.listed)
    assert sum(found.ages().values()) == found.by_state()["overdue"]


def test_pages_of_the_list_join_without_a_gap_and_what_needs_attention_comes_first(world: Partnership) -> None:
    crowded(world)
    whole = world.read("2025-03-05").listed
    pages = [one for offset in range(0, 40, 7) for one in world.read("2025-03-05", offset=offset, limit=7).listed]
    assert pages == whole
    ranks = [("overdue", "disputed", "open", "late", "met", "waived").index(one.state) for one in whole]
    assert ranks == sorted(ranks)
    overdue = [one.due_us for one in whole if one.state == "overdue"]
    assert len(overdue) > 3
    assert overdue == sorted(overdue, reverse=True)
    soonest = [one.due_us for one in whole if one.state == "open"]
    assert soonest == sorted(soonest)


def test_every_filter_leaves_out_what_it_says(world: Partnership) -> None:
    crowded(world)
    now = us("2025-03-05")
    world.apply()
    with world.reading() as connection:
        world_of = list(every(connection, now, ZONE, asking(now, ZONE)))
    assert {o.key for o in world_of if o.kind == "commitment"} == set(world.states("2025-03-05", kind="commitment"))
    assert {o.key for o in world_of if "harbor" in (o.debtor, o.creditor)} == set(
        world.states("2025-03-05", agency="harbor")
    )
    assert {o.key for o in world_of if o.debtor == "harbor"} == set(world.states("2025-03-05", debtor="harbor"))
    due = world.states("2025-03-05", due_from="2025-02-10", due_until="2025-02-28")
    first, last = parse_us("2025-02-10T00:00:00-08:00"), parse_us("2025-03-01T00:00:00-08:00") - 1
    assert {o.key for o in world_of if first <= o.due_us <= last} == set(due)
    assert "beds#2025-02" in due


@pytest.mark.parametrize("wrong", [{"state": "lost"}, {"kind": "favour"}, {"since": "2025-13-01"}, {"due_from": "x"}])
def test_a_filter_that_means_nothing_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(RejectedFault) as told:
        asking(0, ZONE, **wrong)
    assert told.value.problem.code == "request_invalid"


def test_ageing_counts_whole_days_overdue(world: Partnership) -> None:
    world.sign(terms={"answer_within": {"limit": 1, "unit": "hours"}})
    now = datetime(2025, 12, 1, 13, 0, 0, 1, tzinfo=UTC)
    for days in (0, 7, 8, 30, 31, 90, 91, 300):
        world.refer(f"r{days}", (now - timedelta(days=days, hours=1, microseconds=1)).isoformat())
    assert {"0-7": 2, "8-30": 2, "31-90": 2, "90+": 2} == world.read(now.isoformat()).ages()


def test_the_next_due_of_a_debtor_is_its_earliest_open_one(world: Partnership) -> None:
    crowded(world)
    found = world.read("2025-02-26").next_due
    # Asked for on Monday the 24th; the answers to the 25th and 26th came the same day.
    assert {"harbor": "r24", "lakeside": "beds#2025-02"} == {who: one.key for who, one in found.items()}


def test_what_is_said_later_is_not_heard_before(world: Partnership) -> None:
    world.sign(terms=None)
    world.promise("beds", due="2025-03-31")
    world.about("waived", "2025-03-20", "harbor", None)
    early, late = world.one("2025-03-10", "beds#2025-03-31"), world.one("2025-03-20", "beds#2025-03-31")
    assert ("open", ()) == (early.state, early.remarks)
    assert ("waived", ["waived"]) == (late.state, [remark.said for remark in late.remarks])
