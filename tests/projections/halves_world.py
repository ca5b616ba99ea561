"""Random halves of every shared fact, and in plain Python what each claim amounts to, read off the whole set.

The oracle shares no code with the declarations: it knows no columns, conditions or SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from contracts.moments import local_month
from contracts.recorded import Recorded
from tests.projections.fake_log import recorded
from tests.projections.random_events import DAY_US, TIMES, ZONE

AGENCIES = ("county", "harbor", "lakeside")
SOURCES = ("//county/cad", "//lakeside/records")
ANSWERS = (
    "referral.received",
    "referral.accepted",
    "referral.declined",
    "referral.on_hold",
    "appointment.scheduled",
    "referral.completed",
    "referral.failed",
)
STAGES = ("funding.committed", "funding.disbursed")

_agency = st.sampled_from(AGENCIES)
_maybe_agency = st.sampled_from((None, *AGENCIES))
_some = st.sampled_from


def _one(type: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    return st.fixed_dictionaries(fields).map(lambda data: (type, {k: v for k, v in data.items() if v is not None}))


_REFERRAL, _DELIVERY = _some(("r-1", "r-2")), _some(("d-1", "d-2"))
_TRAINING, _TRANSACTION, _COMMITMENT = _some(("t-1", "t-2")), _some(("x-1", "x-2")), _some(("k-1", "k-2"))
_PERIOD = _some((None, "2025-03", "2025-04"))

PAYLOADS = {
    "referral": st.one_of(
        _one("referral.requested", referral=_REFERRAL, requester=_agency, target=_agency, need=st.just("housing")),
        *(
            _one(name, referral=_REFERRAL)
            for name in ("referral.received", "referral.accepted", "appointment.scheduled")
        ),
        _one("referral.declined", referral=_REFERRAL, reason=st.just("other")),
        _one("referral.disputed", referral=_REFERRAL, reason=st.just("never came")),
    ),
    "service": st.one_of(
        _one(
            "service.delivered",
            delivery=_DELIVERY,
            service=st.just("s-1"),
            units=_some((2, 3.5, 0.2, 1.7)),
            referral=_some((None, "r-1")),
            for_agency=_maybe_agency,
        ),
        _one("service.confirmed", delivery=_DELIVERY, units=_some((None, 0.1, 0.4, 1, 2, 3.5, 9))),
        _one("service.disputed", delivery=_DELIVERY, reason=st.just("not ours")),
    ),
    "training": st.one_of(
        _one(
            "training.held",
            training=_TRAINING,
            course=st.just("cit"),
            kind=st.just("cit"),
            hours=st.just(8),
            attendees_by_agency=st.dictionaries(_agency, st.integers(0, 3), min_size=1),
        ),
        _one("training.confirmed", training=_TRAINING, attendees=st.integers(0, 3)),
        _one("training.disputed", training=_TRAINING, reason=st.just("nobody went")),
    ),
    "funding": st.one_of(
        *(
            _one(
                stage,
                transaction=_TRANSACTION,
                funding=st.just("f-1"),
                amount_minor=_some((100, 250)),
                currency=_some(("USD", "CAD")),
                receiver=_maybe_agency,
                provider=_maybe_agency,
            )
            for stage in STAGES
        ),
        _one(
            "funding.received",
            transaction=_TRANSACTION,
            amount_minor=_some((60, 100, 250)),
            currency=_some(("USD", "CAD")),
        ),
        _one("funding.disputed", transaction=_TRANSACTION, reason=st.just("nothing came")),
    ),
    "commitment": st.one_of(
        _one(
            "commitment.made",
            commitment=st.just("k-1"),
            agreement=st.just("mou"),
            clause=st.just("1"),
            obligor=_agency,
            obligee=_agency,
            deliverable=st.just("seats"),
            unit=_some((None, "seats")),
            recurrence=st.just({"every": "month", "from": "2025-02-15", "until": "2025-04-10"}),
        ),
        _one(
            "commitment.made",
            commitment=st.just("k-2"),
            agreement=st.just("mou"),
            clause=st.just("2"),
            obligor=_agency,
            obligee=_agency,
            deliverable=st.just("report"),
            due=st.just("2025-03-09"),
        ),
        _one(
            "commitment.evidenced",
            commitment=_COMMITMENT,
            period=_PERIOD,
            quantity=_some((1, 2.5, 0.1, 0.2)),
            evidence_ref=st.just("roster"),
        ),
        _one("commitment.accepted", commitment=_COMMITMENT, period=_PERIOD),
        _one("commitment.disputed", commitment=_COMMITMENT, period=_PERIOD, reason=st.just("half")),
    ),
}
"""What may be said about each fact."""


@st.composite
def logs(draw: st.DrawFn, most: int = 10) -> list[Recorded]:
    """A log in its order of arrival: halves in any order, said again, voided and corrected, dated and not.

    Most logs are about one fact: among many kinds of events two would rarely be about the same thing.
    """
    found: list[Recorded] = []
    facts = draw(st.one_of(*(st.just((name,)) for name in PAYLOADS), st.just(tuple(PAYLOADS))))
    payloads = st.one_of(*(PAYLOADS[name] for name in facts))
    for place in range(draw(st.integers(2, most))):
        supersedes = subject = None
        agency, source = draw(_agency), draw(_some(SOURCES))
        kind = draw(st.integers(0, 7))
        aimed = draw(st.sampled_from(found)) if found and kind < 2 else None
        type_, data = draw(payloads)
        decision = type_ == "commitment.made"
        if aimed is not None and aimed.kind == "statement":
            # Somebody else's statement is not theirs to take away; it is tried all the same.
            agency, source = (aimed.agency, aimed.source) if draw(st.integers(0, 3)) else (agency, source)
            if kind == 0:
                type_, data, subject = "record.voided", {"supersedes": aimed.id, "reason": "wrong"}, aimed.subject
            elif not decision:
                supersedes = aimed.id
        found.append(
            recorded(
                place + 1,
                type_,
                data,
                id=f"e{place}",
                source=source,
                agency=agency,
                subject=subject,
                time_us=TIMES[0] if decision else draw(_some((None, *TIMES, TIMES[0] + 25 * DAY_US))),
                recorded_at_us=TIMES[0] + place,
                supersedes=supersedes,
            )
        )
    return found


@dataclass(frozen=True)
class Claim:
    """What the oracle makes of one shared fact."""

    claimer: str | None
    other: str | None
    state: str
    claimed: float | None = None
    confirmed: float | None = None
    disputed: float | None = None


def expected(live: Sequence[Recorded]) -> dict[tuple[str, str], Claim]:
    """Every claim and every lone half in a set of live events, by fact and key."""
    found: dict[tuple[str, str], Claim] = {}
    for fact, read in (
        ("referral", _referrals),
        ("service", _services),
        ("training", _trainings),
        ("funding", _funding),
        ("commitment", _commitments),
    ):
        found.update(((fact, key), claim) for key, claim in read(live))
    return found


def early(event: Recorded) -> tuple[Any, ...]:
    """The order in which statements stand, an unknown time last."""
    return (event.time_us is None, event.time_us or 0, event.source, event.id)


def late(event: Recorded) -> tuple[Any, ...]:
    return (event.time_us is not None, event.time_us or 0, event.source, event.id)


def _about(live: Sequence[Recorded], prefix: str) -> Iterator[tuple[str, Callable[..., list[Recorded]]]]:
    for subject in sorted({e.subject for e in live if e.subject.startswith(prefix)}):
        mine = sorted((e for e in live if e.subject == subject), key=early)
        yield subject.removeprefix(prefix), lambda *types, mine=mine: [e for e in mine if e.type in types]


def _other(claimer: str, *named: str | None) -> str | None:
    return next((name for name in named if name not in (None, claimer)), None)


def _referrals(live: Sequence[Recorded]) -> Iterator[tuple[str, Claim]]:
    for key, said in _about(live, "referral/"):
        asked = said("referral.requested")
        # A referral's row keeps the first of each kind of answer, whoever gave it.
        answers = [said(name)[0] for name in ANSWERS if said(name)]
        disputes = said("referral.disputed")
        if not asked:
            if answers or disputes:
                yield key, Claim(None, (answers or disputes)[0].agency, "unmatched")
            continue
        claimer = asked[0].agency
        other = _other(claimer, asked[0].data["target"], asked[0].data["requester"])
        if other is None:
            continue
        state = "pending"
        if any(e.agency != claimer for e in disputes):
            state = "disputed"
        elif any(e.agency != claimer for e in answers):
            state = "confirmed"
        yield key, Claim(claimer, other, state)


def _amounts(
    claimer: str | None, claimed: float, answers: list[Recorded], disputes: list[Recorded], field: str
) -> tuple[str, float, float]:
    """(state, confirmed, disputed) of a claim about an amount."""
    if any(e.agency != claimer for e in disputes):
        return "disputed", 0, claimed
    answers = [e for e in answers if e.agency != claimer]
    if not answers:
        return "pending", 0, 0
    said = max(answers, key=late).data.get(field)
    if said in (None, claimed):
        return "confirmed", claimed, 0
    part = min(said, claimed)
    return "disputed", part, claimed - part


def _services(live: Sequence[Recorded]) -> Iterator[tuple[str, Claim]]:
    requesters = {key: said("referral.requested") for key, said in _about(live, "referral/")}
    for key, said in _about(live, "delivery/"):
        delivered, answers, disputes = (said(f"service.{verb}") for verb in ("delivered", "confirmed", "disputed"))
        if not delivered:
            if answers or disputes:
                yield key, Claim(None, (answers or disputes)[0].agency, "unmatched")
            continue
        claim, claimer = delivered[0].data, delivered[0].agency
        asked = requesters.get(claim.get("referral", ""), [])
        named = [claim.get("for_agency"), asked[0].data["requester"] if asked else None]
        other = _other(claimer, *named)
        # With nobody else to wait for, only a referral that nobody has told of yet leaves it open who is.
        if other is None and ("referral" not in claim or named != [None, None]):
            continue
        state, confirmed, disputed = _amounts(claimer, claim["units"], answers, disputes, "units")
        yield key, Claim(claimer, other, state, claim["units"], confirmed, disputed)


def _trainings(live: Sequence[Recorded]) -> Iterator[tuple[str, Claim]]:
    for key, said in _about(live, "training/"):
        held, answers, disputes = (said(f"training.{verb}") for verb in ("held", "confirmed", "disputed"))
        organiser = held[0].agency if held else None
        counted = held[0].data["attendees_by_agency"] if held else {}
        for agency in AGENCIES:
            own = [[e for e in spoken if e.agency == agency] for spoken in (answers, disputes)]
            if agency == organiser:
                continue
            if counted.get(agency):
                state, confirmed, disputed = _amounts(None, counted[agency], *own, "attendees")
                yield f"{key}#{agency}", Claim(organiser, agency, state, counted[agency], confirmed, disputed)
            elif own[1] or (own[0] and max(own[0], key=late).data["attendees"]):
                yield f"{key}#{agency}", Claim(organiser, agency, "unmatched")


def _funding(live: Sequence[Recorded]) -> Iterator[tuple[str, Claim]]:
    for key, said in _about(live, "transaction/"):
        stages, answers, disputes = said(*STAGES), said("funding.received"), said("funding.disputed")
        claimer = stages[0].agency if stages else None
        if not stages or stages[0].type != "funding.disbursed":
            spoke = [e.agency for e in (*answers, *disputes) if e.agency != claimer]
            if spoke:
                yield key, Claim(claimer, spoke[0], "unmatched")
            continue
        claim = stages[0].data
        assert claimer is not None
        other = _other(claimer, claim.get("receiver"), claim.get("provider"))
        if other is None and claim.get("receiver") is not None:
            continue
        amount = claim["amount_minor"]
        state, confirmed, disputed = _amounts(claimer, amount, answers, disputes, "amount_minor")
        received = [e for e in answers if e.agency != claimer]
        if received and state != "pending" and max(received, key=late).data["currency"] != claim["currency"]:
            state, confirmed, disputed = "disputed", 0, amount
        yield key, Claim(claimer, other, state, amount, confirmed, disputed)


def _commitments(live: Sequence[Recorded]) -> Iterator[tuple[str, Claim]]:
    for key, said in _about(live, "commitment/"):
        made = said("commitment.made")
        if not made:
            continue
        promise = made[0].data
        obligor, obligee = promise["obligor"], promise["obligee"]
        if obligor == obligee:
            continue
        monthly = "recurrence" in promise
        for period in ("2025-02", "2025-03", "2025-04") if monthly else (promise["due"],):

            def month(event: Recorded) -> str | None:
                named = event.data.get("period")
                return named or (None if event.time_us is None else local_month(event.time_us, ZONE))

            told = [e for e in said("commitment.evidenced") if e.agency == obligor]
            evidence = [e for e in told if not monthly or month(e) == period]
            accepted, disputes = (
                [
                    e
                    for e in said(f"commitment.{verb}")
                    if e.agency != obligor and (not monthly or e.data.get("period") in (None, period))
                ]
                for verb in ("accepted", "disputed")
            )
            if not evidence:
                if accepted or disputes:
                    yield f"{key}#{period}", Claim(obligor, (accepted or disputes)[0].agency, "unmatched")
                continue
            total = float(sum(Decimal(str(e.data["quantity"])) for e in evidence))
            state = "disputed" if disputes else "confirmed" if accepted else "pending"
            amounts = (total if state == "confirmed" else 0, total if state == "disputed" else 0)
            yield f"{key}#{period}", Claim(obligor, obligee, state, total, *amounts)
