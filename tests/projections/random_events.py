"""Random sets of events for the laws: every family, ties in time, unknown times, corrections of every kind.

``recorded_at`` is a function of the event, so that the tables about reporting can be compared too when the
same set arrives in another order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

from contracts.recorded import Recorded
from tests.projections.fake_log import recorded

ZONE = "America/Los_Angeles"
SOURCES = ("//county/cad", "//lakeside/records")
AGENCIES = ("county", "lakeside", "housing")
DAY_US = 86_400_000_000
# Around the change to summer time in 2025, and few enough that many events fall on the same moment.
TIMES = tuple(1_741_500_000_000_000 + step * DAY_US // 3 for step in range(6))


@dataclass(frozen=True)
class Draft:
    """An event before it has a place in the log."""

    number: int
    type: str
    data: dict[str, Any]
    time_us: int | None
    source: str
    agency: str
    recorded_at_us: int
    supersedes: str | None
    subject: str | None


def _one(type: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    return st.fixed_dictionaries(fields).map(lambda data: (type, {k: v for k, v in data.items() if v is not None}))


def _maybe(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from((None, *values))


_some = st.sampled_from
_CALL = _some(("c-1", "c-2"))
_REFERRAL = _some(("r-1", "r-2"))
_TEAM = _some(("police", "co_response", "civilian"))
_COMMITMENT = _some(("k-1", "k-2"))
_PERIOD = _maybe("2025-03", "2025-04", "2025-Q1")
_PLAN = st.just("p-1")
_KPI = _some(("K06", "K07"))

PAYLOADS = st.one_of(
    _one(
        "call.received",
        call=_CALL,
        channel=_maybe("911", "988"),
        priority=_maybe("1", "2"),
        needs=_maybe(["housing"], ["food", "shelter"]),
    ),
    _one("call.triaged", call=_CALL, eligibility=_some(("eligible", "ineligible")), reason=_maybe("age")),
    _one("response.dispatched", call=_CALL, team=_TEAM),
    _one("response.arrived", call=_CALL, team=_TEAM),
    _one("response.not_sent", call=_CALL, reason=_some(("no_unit", "other"))),
    _one("response.backup_requested", call=_CALL),
    _one("encounter.engaged", call=_CALL),
    _one(
        "encounter.closed",
        call=_CALL,
        disposition=_some(("arrest", "respite", "other")),
        minutes_on_scene=_maybe(5, 40),
    ),
    _one(
        "referral.requested",
        referral=_REFERRAL,
        requester=st.just("county"),
        target=_some(AGENCIES),
        need=_some(("housing", "food")),
    ),
    *(_one(f"referral.{verb}", referral=_REFERRAL) for verb in ("received", "accepted", "withdrawn", "on_hold")),
    *(_one(f"appointment.{verb}", referral=_REFERRAL) for verb in ("scheduled", "missed", "cancelled")),
    _one("referral.declined", referral=_REFERRAL, reason=_some(("no_capacity", "other"))),
    _one("referral.completed", referral=_REFERRAL, outcome=_some(("got_help", "not")), service=_maybe("s-1")),
    _one("referral.failed", referral=_REFERRAL, reason=st.just("other")),
    _one("referral.outcome_confirmed", referral=_REFERRAL, by=_some(("client", "target")), agrees=st.booleans()),
    _one(
        "service.delivered",
        delivery=_some(("d-1", "d-2")),
        service=st.just("s-1"),
        units=_some((1, 2.5)),
        referral=_maybe("r-1"),
        minutes=_maybe(30),
    ),
    _one(
        "commitment.made",
        commitment=_COMMITMENT,
        agreement=st.just("mou"),
        clause=st.just("1"),
        obligor=_some(AGENCIES),
        obligee=st.just("county"),
        deliverable=st.just("seats"),
        quantity=_maybe(2, 3.5),
        recurrence=st.just({"every": "month", "from": "2025-02-15", "until": "2025-04-10"}),
    ),
    _one(
        "commitment.made",
        commitment=_COMMITMENT,
        agreement=st.just("mou"),
        clause=st.just("2"),
        obligor=_some(AGENCIES),
        obligee=st.just("county"),
        deliverable=st.just("report"),
        due=_some(("2025-03-09", "2025-03-31")),
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
    _one(
        "agency.joined", agency=_some(AGENCIES), name=_some(("A", "B")), sector=st.just("housing"), roles=_maybe(["x"])
    ),
    _one("agency.withdrew", agency=_some(AGENCIES)),
    _one(
        "agreement.signed",
        agreement=st.just("mou"),
        kind=_some(("mou", "dsa")),
        parties=_some((["county"], ["county", "lakeside"])),
        effective=st.just("2025-01-01"),
        expires=_maybe("2026-01-01"),
    ),
    _one("agreement.amended", agreement=st.just("mou"), parties=_maybe(["housing"]), expires=_maybe("2027-01-01")),
    _one("agreement.ended", agreement=st.just("mou"), kind=_some(("expired", "terminated"))),
    _one("plan.adopted", plan=_PLAN, version=_some((1, 2)), period=st.just({"from": "2025-01-01", "to": "2027-12-31"})),
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
    _one(
        "target.set",
        plan=_PLAN,
        kpi=_KPI,
        targets=_some(([{"period": "2025", "value": 80}], [{"period": "2025", "value": 85}])),
    ),
    _one(
        "indicator.measured",
        kpi=st.just("P01"),
        period=_some(("2025-01", "2025-Q1")),
        value=_some((1, 2.5)),
        method=st.just("survey"),
    ),
    _one(
        "report.expected",
        agency=_some(AGENCIES),
        feed=_some(("call", "referral")),
        cadence=_some(("daily", "monthly")),
        grace_days=_some((0, 5)),
    ),
    _one("enrollment.started", enrollment=st.just("e-1")),
)


@st.composite
def drafts(draw: st.DrawFn, *, most: int = 24) -> list[Draft]:
    """A set of events with distinct identities, some of them superseding others, before or after their
    targets."""
    size = draw(st.integers(1, most))
    speakers = draw(st.lists(st.sampled_from(AGENCIES), min_size=size, max_size=size))
    found = []
    for number in range(size):
        kind = draw(st.integers(0, 9))
        source = draw(st.sampled_from(SOURCES))
        supersedes = subject = None
        # The target may come later in the list, be of another source or agency (then nothing is superseded), or
        # not exist.
        target = f"e{draw(st.integers(0, size))}"
        if kind == 0 and target != f"e{number}":
            verb = draw(st.sampled_from(("record.voided", "record.corrected")))
            type, data = verb, {"supersedes": target, "reason": "wrong"}
            subject = draw(st.sampled_from(("call/c-1", "record/x")))
        else:
            type, data = draw(PAYLOADS)
            if kind in (1, 2) and target != f"e{number}" and not _is_decision(type):
                supersedes = target
        aimed = int(target[1:])
        if (supersedes or "supersedes" in data) and aimed < size and draw(st.integers(0, 3)):
            speakers[number] = speakers[aimed]
        found.append(
            Draft(
                number,
                type,
                data,
                draw(st.sampled_from((None, *TIMES))),
                source,
                speakers[number],
                TIMES[0] + draw(st.integers(0, 30)) * DAY_US // 2,
                supersedes,
                subject,
            )
        )
    return found


def _is_decision(type: str) -> bool:
    return type.partition(".")[0] in ("plan", "goal", "objective", "kpi", "target", "agreement") or (
        type == "commitment.made"
    )


def log_of(found: Sequence[Draft]) -> list[Recorded]:
    """The events in this order, as the ledger would have recorded them."""
    return [
        recorded(
            log_index,
            draft.type,
            draft.data,
            id=f"e{draft.number}",
            source=draft.source,
            agency=draft.agency,
            subject=draft.subject,
            time_us=draft.time_us,
            recorded_at_us=draft.recorded_at_us,
            supersedes=draft.supersedes,
        )
        for log_index, draft in enumerate(found, start=1)
    ]


def moved(event: Recorded, log_index: int) -> Recorded:
    """The same event at another place in the log."""
    return replace(event, log_index=log_index)
