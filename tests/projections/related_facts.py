"""Random statements behind the numbers whose rows count together, come from several tables, or follow a calendar."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

RELATED = ("K12", "K15", "K21", "K22", "K28", "K37", "K39", "K40", "K41")
"""The library's KPIs of that kind."""

_Fact = tuple[str, dict[str, Any], str | None, str]


def _fact(type: str, by: str, time: str | None, **data: Any) -> _Fact:
    return type, data, time, by


_day = st.sampled_from(["2024-11-20", "2024-12-31", "2025-01-15", "2025-02-10", "2025-02-25", None])
_who = st.sampled_from(["north", "south"])
_person = st.sampled_from(["p1", "p2"])
_call = st.sampled_from(["c1", "c2", "c3", "c4"])
_referral = st.sampled_from(["r1", "r2"])
_staff = st.sampled_from(["s1", "s2"])

related_facts: st.SearchStrategy[_Fact] = st.one_of(
    st.builds(lambda c, t, a, p: _fact("encounter.engaged", a, t, call=c, person=p), _call, _day, _who, _person),
    st.builds(
        lambda c, t, a, p: _fact("encounter.closed", a, t, call=c, disposition="other", person=p),
        _call,
        _day,
        _who,
        _person,
    ),
    st.builds(
        lambda r, t, a: _fact(
            "referral.requested", a, t, referral=r, requester="north", target="south", need="housing"
        ),
        _referral,
        _day,
        _who,
    ),
    st.builds(lambda r, t, a: _fact("referral.accepted", a, t, referral=r), _referral, _day, _who),
    st.builds(
        lambda d, r, t, a: _fact("service.delivered", a, t, delivery=d, service="s", units=1, referral=r),
        st.sampled_from(["d1", "d2"]),
        _referral,
        _day,
        _who,
    ),
    st.builds(
        lambda n, t, a, f: _fact(
            "training.held",
            a,
            t,
            training=n,
            course="x",
            kind="cit",
            hours=8,
            attendees_by_agency={"north": 1, "south": 1},
            staff_by_agency={"north": [f], "south": ["s9"]},
        ),
        st.sampled_from(["t1", "t2"]),
        _day,
        _who,
        _staff,
    ),
    st.builds(
        lambda n, t: _fact("agency.joined", n, t, agency=n, name=n, sector="law" if n == "north" else "health"),
        _who,
        _day,
    ),
    st.builds(
        lambda n, t, a, s: _fact("certification.earned", a, t, certification=n, staff=s, kind="cit", role="patrol"),
        st.sampled_from(["z1", "z2"]),
        _day,
        _who,
        _staff,
    ),
    st.builds(
        lambda t, a, n: _fact("staffing.reported", a, t, agency=a, role="patrol", period="2025-01", headcount=n),
        _day,
        _who,
        st.sampled_from([2, 5]),
    ),
    st.builds(
        lambda t, a, k, n: _fact(
            f"funding.{k}",
            a,
            t,
            transaction=f"{k}-{n}",
            funding="grant",
            amount_minor=n,
            currency="USD",
            source_type="state",
            provider=a,
        ),
        _day,
        _who,
        st.sampled_from(["committed", "disbursed", "spent"]),
        st.sampled_from([100, 250]),
    ),
    st.builds(
        lambda t, a, g: _fact("report.expected", a, t, agency=a, feed="encounter", cadence="monthly", grace_days=g),
        _day,
        _who,
        st.sampled_from([0, 20]),
    ),
    st.builds(
        lambda t, a, until: _fact(
            "commitment.made",
            a,
            t,
            commitment="k1",
            agreement="m",
            clause="1",
            obligor="south",
            obligee="north",
            deliverable="beds",
            recurrence={"every": "month", "from": "2024-12-01", "until": until},
        ),
        _day,
        _who,
        st.sampled_from(["2025-01-31", "2025-03-31"]),
    ),
    st.builds(
        lambda t, a: _fact("commitment.evidenced", a, t, commitment="k1", quantity=1, evidence_ref="x"), _day, _who
    ),
    st.builds(lambda t, a: _fact("commitment.waived", a, t, commitment="k1", reason="x"), _day, _who),
)
