"""Random payloads of every type that a view counts, few ids and values of each, so that events meet in rows.

Apart from ``random_events`` because this is the language, and that is what may happen to what is said in it.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from contracts.catalogue import CATALOGUE, Entry

AGENCIES = ("county", "lakeside", "housing")


SAID: set[str] = set()
"""Every type that is said at all."""


def _one(type: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    SAID.add(type)
    return st.fixed_dictionaries(fields).map(lambda data: (type, {k: v for k, v in data.items() if v is not None}))


def _maybe(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from((None, *values))


_some = st.sampled_from
_AGENCY = _some(AGENCIES)
_CALL = _some(("c-1", "c-2"))
_REFERRAL = _some(("r-1", "r-2"))
_DELIVERY = _some(("d-1", "d-2"))
_TEAM = _some(("police", "co_response", "civilian"))
_COMMITMENT = _some(("k-1", "k-2"))
_PERIOD = _maybe("2025-03", "2025-04", "2025-Q1")
_PLAN = st.just("p-1")
_KPI = _some(("K06", "K07"))
_ARREST = _some(("a-1", "a-2"))
_TRAINING = _some(("t-1", "t-2"))
_TRANSACTION = _some(("m-1", "m-2"))
_PERSON = _maybe("p:1", "p:2")
_GROUP = _maybe("g:a", "g:b")
_DUE = _some(("2025-03-08", "2025-03-09", "2025-03-31"))
_TERMS = _maybe({"confirm_within_days": 5}, {"answer_within": {"limit": 2, "unit": "business_days"}})
_MONEY = _some((100, 2_500))
_CURRENCY = _some(("USD", "EUR"))
_SCORES = st.lists(st.sampled_from((None, 1, 2.5, 4)), min_size=1, max_size=4)

Payloads = tuple[st.SearchStrategy[tuple[str, dict[str, Any]]], ...]

FAMILIES: dict[str, Payloads] = {
    "call": (
        _one(
            "call.received",
            call=_CALL,
            channel=_maybe("911", "988"),
            priority=_maybe("1", "2"),
            discipline=_maybe("police", "behavioural_health"),
            needs=_maybe(["housing"], ["food", "shelter"]),
        ),
        _one("call.triaged", call=_CALL, eligibility=_some(("eligible", "ineligible")), reason=_maybe("age")),
        _one("response.dispatched", call=_CALL, team=_TEAM),
        _one("response.arrived", call=_CALL, team=_TEAM),
        _one("response.not_sent", call=_CALL, reason=_some(("no_unit", "other"))),
        _one("response.backup_requested", call=_CALL),
        _one("encounter.engaged", call=_CALL, person=_PERSON),
        _one(
            "encounter.closed",
            call=_CALL,
            disposition=_some(("arrest", "respite", "other")),
            minutes_on_scene=_maybe(5, 40),
            person=_PERSON,
            person_group=_GROUP,
            follow_up=_maybe(True, False),
        ),
        _one("followup.made", call=_CALL, outcome=_some(("reached", "attempted"))),
        _one("force.used", incident=_some(("i-1", "i-2")), call=_maybe("c-1"), force_kind=_maybe("hands")),
    ),
    "referral": (
        _one(
            "referral.requested",
            referral=_REFERRAL,
            requester=st.just("county"),
            target=_AGENCY,
            need=_some(("housing", "food")),
            person_group=_GROUP,
        ),
        *(_one(f"referral.{verb}", referral=_REFERRAL) for verb in ("received", "accepted", "withdrawn", "on_hold")),
        *(_one(f"appointment.{verb}", referral=_REFERRAL) for verb in ("scheduled", "missed", "cancelled")),
        _one("referral.declined", referral=_REFERRAL, reason=_some(("no_capacity", "other"))),
        _one("referral.completed", referral=_REFERRAL, outcome=_some(("got_help", "not")), service=_maybe("s-1")),
        _one("referral.failed", referral=_REFERRAL, reason=st.just("other")),
        _one("referral.outcome_confirmed", referral=_REFERRAL, by=_some(("client", "target")), agrees=st.booleans()),
        _one("referral.disputed", referral=_REFERRAL, reason=st.just("never made")),
    ),
    "service": (
        _one(
            "service.delivered",
            delivery=_DELIVERY,
            service=st.just("s-1"),
            units=_some((1, 2.5)),
            referral=_maybe("r-1"),
            minutes=_maybe(30),
            for_agency=_maybe("county"),
            person=_PERSON,
            person_group=_GROUP,
        ),
        _one("service.confirmed", delivery=_DELIVERY, units=_maybe(1, 2)),
        _one("service.disputed", delivery=_DELIVERY, reason=st.just("nobody came")),
        _one(
            "capacity.reported",
            service=_some(("s-1", "s-2")),
            status=_some(("capacity", "waitlist")),
            slots=_maybe(0, 3),
        ),
        _one("enrollment.started", enrollment=st.just("e-1")),
    ),
    "commitment": (
        _one(
            "commitment.made",
            commitment=_COMMITMENT,
            agreement=st.just("mou"),
            clause=st.just("1"),
            obligor=_AGENCY,
            obligee=st.just("county"),
            deliverable=st.just("seats"),
            quantity=_maybe(2, 3.5),
            recurrence=_some(
                (
                    {"every": "month", "from": "2025-02-15", "until": "2025-04-10"},
                    {"every": "quarter", "from": "2024-12-31", "until": "2025-01-01"},
                    {"every": "year", "from": "2024-12-31", "until": "2025-03-01"},
                )
            ),
        ),
        _one(
            "commitment.made",
            commitment=_COMMITMENT,
            agreement=st.just("mou"),
            clause=st.just("2"),
            obligor=_AGENCY,
            obligee=st.just("county"),
            deliverable=st.just("report"),
            due=_DUE,
        ),
        _one(
            "commitment.evidenced",
            commitment=_COMMITMENT,
            period=_PERIOD,
            quantity=_some((1, 2, 0.5)),
            evidence_ref=st.just("roster"),
        ),
        _one("commitment.accepted", commitment=_COMMITMENT, period=_PERIOD),
        _one("commitment.disputed", commitment=_COMMITMENT, period=_PERIOD, reason=st.just("half")),
        _one("commitment.waived", commitment=_COMMITMENT, period=_PERIOD, reason=st.just("fire")),
    ),
    "partners": (
        _one("agency.joined", agency=_AGENCY, name=_some(("A", "B")), sector=st.just("housing"), roles=_maybe(["x"])),
        _one("agency.withdrew", agency=_AGENCY),
        _one(
            "agreement.signed",
            agreement=st.just("mou"),
            kind=_some(("mou", "dsa")),
            parties=_some((["county"], ["county", "lakeside"])),
            effective=st.just("2025-01-01"),
            expires=_maybe("2026-01-01"),
            terms=_TERMS,
        ),
        _one(
            "agreement.amended",
            agreement=st.just("mou"),
            parties=_maybe(["housing"]),
            expires=_maybe("2027-01-01"),
            terms=_TERMS,
        ),
        _one("agreement.ended", agreement=st.just("mou"), kind=_some(("expired", "terminated"))),
        _one(
            "report.expected",
            agency=_AGENCY,
            feed=_some(("call", "referral")),
            cadence=_some(("daily", "monthly")),
            grace_days=_some((0, 5)),
            since=_maybe("2025-03-01"),
        ),
    ),
    "plan": (
        _one(
            "plan.adopted",
            plan=_PLAN,
            version=_some((1, 2)),
            period=st.just({"from": "2025-01-01", "to": "2027-12-31"}),
        ),
        _one("goal.set", plan=_PLAN, goal=_some(("g-1", "g-2")), statement=_some(("Safe", "Sound"))),
        _one(
            "objective.set",
            plan=_PLAN,
            goal=st.just("g-1"),
            objective=st.just("o-1"),
            statement=_some(("More", "Less")),
            owners=_maybe(["county"], []),
        ),
        _one(
            "target.set",
            plan=_PLAN,
            kpi=_KPI,
            targets=_some(([{"period": "2025", "value": 80}], [{"period": "2025", "value": 85}])),
        ),
        _one("calendar.set", plan=_PLAN, weekdays=_some(([1, 2, 3, 4, 5], [1])), holidays=_some(([], ["2025-07-04"]))),
        _one(
            "indicator.measured",
            kpi=st.just("P01"),
            period=_some(("2025-01", "2025-Q1")),
            value=_some((1, 2.5)),
            method=st.just("survey"),
        ),
    ),
    "kpi": (
        _one(
            "kpi.defined",
            plan=_PLAN,
            objective=_some(("o-1", "o-2")),
            kpi=_KPI,
            version=_some((1, 2)),
            definition=_some(({"digits": 1}, {"digits": 2})),
            effective_from=st.just("2025-01-01"),
            owner=_maybe("county"),
        ),
        _one("kpi.retired", plan=_PLAN, kpi=_KPI, version=_maybe(1, 2), successor=_maybe("K20")),
        _one("definition.disputed", plan=_PLAN, kpi=_KPI, by=_AGENCY, reason=st.just("unclear")),
    ),
    "arrest": (
        _one(
            "arrest.made",
            arrest=_ARREST,
            charge_class=_some(("felony", "misdemeanor")),
            divertible=st.booleans(),
            person=_PERSON,
            person_group=_GROUP,
        ),
        _one("diversion.offered", arrest=_ARREST, program=_some(("court", "care"))),
        _one("diversion.accepted", arrest=_ARREST),
        _one("diversion.declined", arrest=_ARREST, reason=_maybe("no trust")),
    ),
    "training": (
        _one(
            "training.held",
            training=_TRAINING,
            course=_some(("cit-1", "cit-2")),
            kind=_some(("cit", "workshop")),
            hours=_some((4, 7.5)),
            attendees_by_agency=st.dictionaries(_AGENCY, _some((0, 3)), max_size=3),
            staff_by_agency=_maybe({"county": ["s:1"]}),
        ),
        _one("training.confirmed", training=_TRAINING, attendees=_some((0, 2, 3))),
        _one("training.disputed", training=_TRAINING, reason=st.just("nobody was there")),
    ),
    "staff": (
        _one(
            "certification.earned",
            certification=_some(("x-1", "x-2")),
            staff=_some(("s:1", "s:2")),
            kind=st.just("cit"),
            role=st.just("patrol"),
            expires=_maybe("2027-03-01"),
        ),
        _one("certification.expired", certification=_some(("x-1", "x-2"))),
        _one(
            "staffing.reported",
            agency=_AGENCY,
            role=_some(("patrol", "clinician")),
            period=_some(("2025-02", "2025-03")),
            headcount=_some((0, 12)),
        ),
        _one("colocation.started", colocation=st.just("l-1"), site=_some(("north", "south")), fte=_some((0.5, 1))),
        _one("colocation.ended", colocation=st.just("l-1")),
    ),
    "funding": (
        *(
            _one(
                f"funding.{stage}",
                transaction=_TRANSACTION,
                funding=st.just("grant"),
                amount_minor=_MONEY,
                currency=_CURRENCY,
                receiver=_maybe("lakeside"),
                fiscal_years=_maybe([2025]),
            )
            for stage in ("pledged", "committed", "disbursed", "spent", "lapsed")
        ),
        _one("funding.received", transaction=_TRANSACTION, amount_minor=_MONEY, currency=_CURRENCY),
        _one("funding.received", transaction=_TRANSACTION, amount_minor=_MONEY, currency=_CURRENCY),
        _one("funding.disputed", transaction=_TRANSACTION, reason=st.just("never came")),
    ),
    "community": (
        _one(
            "survey.collected",
            survey=_some(("v-1", "v-2")),
            instrument=st.just("trust"),
            version=st.just("1"),
            mode=_some(("web", "paper")),
            n=_some((20, 300)),
            response_rate=_maybe(12.5),
            person_group=_GROUP,
            items=_SCORES.map(lambda scores: [{"item": f"q{n}", "score": score} for n, score in enumerate(scores)]),
        ),
        _one(
            "engagement.held",
            engagement=_some(("f-1", "f-2")),
            kind=_some(("forum", "event")),
            attendance=_some((0, 40)),
            languages=_maybe(["en", "es"]),
        ),
        _one("input.recorded", input=_some(("n-1", "n-2")), topic=_some(("parks", "calls")), engagement=_maybe("f-1")),
        _one("input.answered", input=_some(("n-1", "n-2"))),
    ),
    "consent": (
        _one(
            "consent.granted",
            consent=st.just("o-1"),
            person=st.just("p:1"),
            regime=_some(("part2", "hipaa")),
            disclosers=st.just(["lakeside"]),
            recipients=_some((["county"], ["county", "housing"])),
            information=_some(("all", "dates")),
            purpose=st.just("care"),
            expires=_maybe("2026-03-01"),
        ),
        _one(
            "consent.narrowed",
            consent=st.just("o-1"),
            recipients=_maybe(["county"]),
            information=_maybe("dates"),
            purpose=_maybe("payment"),
            expires=_maybe("2025-06-01"),
        ),
        _one("consent.revoked", consent=st.just("o-1")),
        _one(
            "disclosure.made",
            disclosure=_some(("w-1", "w-2")),
            recipient=_some(("county", "court")),
            basis=_some(("consent", "exception")),
            basis_ref=st.just("o-1"),
            notice_attached=st.booleans(),
        ),
        _one("access.denied", denial=st.just("z-1"), rule=st.just("2.12")),
        _one(
            "dataquality.flagged",
            flag=_some(("q-1", "q-2")),
            rule=_some(("order", "range")),
            severity=_some(("info", "error")),
            about=_maybe("call/c-1"),
        ),
        _one("dataquality.resolved", flag=_some(("q-1", "q-2"))),
    ),
    "governance": (
        _one(
            "meeting.held",
            meeting=_some(("y-1", "y-2")),
            plan=_PLAN,
            attendees_by_agency=_some(({"county": 2}, {"county": 1, "lakeside": 1})),
            quorum=st.booleans(),
        ),
        _one(
            "decision.recorded",
            decision=_some(("b-1", "b-2")),
            plan=_PLAN,
            meeting=_maybe("y-1"),
            motion=_some(("fund", "end")),
            votes=_some(({"county": "for"}, {"county": "against", "lakeside": "for"})),
            dissent=_maybe([{"agency": "county", "reason": "too soon"}]),
        ),
        _one(
            "action.opened",
            action=_some(("u-1", "u-2")),
            plan=_PLAN,
            owner=_AGENCY,
            due=_DUE,
            what=st.just("call back"),
            about=_maybe({"kpi": "K06"}, {"obligation": "k-1#2025-03"}, {"decision": "b-1"}),
        ),
        _one("action.closed", action=_some(("u-1", "u-2")), evidence_ref=_some(("minutes", "letter"))),
        _one("review.scheduled", review=_some(("h-1", "h-2")), plan=_PLAN, due=_DUE),
        _one(
            "review.held",
            review=_some(("h-1", "h-2")),
            plan=_PLAN,
            as_of=_some((1, 7)),
            moment=_maybe("2025-03-09T10:00:00Z"),
            cells_sha256=st.just("0f" * 32),
            cells=_some((0, 12)),
        ),
        _one(
            "audit.finding",
            audit=_some(("j-1", "j-2")),
            severity=_some(("low", "high")),
            what=st.just("late entries"),
            owner=_maybe("lakeside"),
            due=_maybe("2025-03-31"),
        ),
        _one("audit.closed", audit=_some(("j-1", "j-2"))),
    ),
}
"""What may be said, by the things it is about. A set of events is drawn from a few of them, so that it says
many things about each."""


def _by_example(entry: Entry) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    SAID.add(entry.name)
    return st.sampled_from(entry.good).map(lambda data: (entry.name, data))


# A family that nobody wrote payloads for says its examples, so that its read models take part from the first day.
FAMILIES["by example"] = tuple(
    _by_example(CATALOGUE.newest(name))
    for name in sorted({entry.name for entry in CATALOGUE if entry.subject_fields} - SAID)
)
