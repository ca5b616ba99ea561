"""What follows from a commitment and from a KPI: each rule of ``derive`` with its edge."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from contracts.moments import parse_us
from projections.derive import KPI_VERSIONS, OBLIGATIONS, PERIODS_MAX, obligations_of, versions_of

ZONE = "America/Los_Angeles"


def commitment(**given: Any) -> dict[str, Any]:
    names = ("recurrence", "evidenced", "accepted", "disputed", "waived")
    row = dict.fromkeys(("quantity", "due", *names))
    row |= {"commitment": "k", "made": 1, "obligor": "lakeside", "obligee": "county"} | given
    return {name: orjson.dumps(v).decode() if name in names and v is not None else v for name, v in row.items()}


def said(number: int, time: str | None, **fields: Any) -> dict[str, Any]:
    at = None if time is None else parse_us(time)
    return {"source": "//s", "id": f"e{number}", "time": at, "agency": "lakeside", "period": None} | fields


def expand(**given: Any) -> list[dict[str, Any]]:
    names = [name for name, _ in OBLIGATIONS.columns]
    return [dict(zip(names, row, strict=True)) for row in obligations_of(commitment(**given), ZONE)]


def test_one_obligation_a_period_due_at_the_end_of_its_last_local_day() -> None:
    monthly = {"every": "month", "from": "2025-01-15", "until": "2025-03-02"}
    found = expand(recurrence=monthly)
    assert [o["key"] for o in found] == ["k#2025-01", "k#2025-02", "k#2025-03"]
    # The last day of March is in summer time, the last day of January is not.
    assert parse_us("2025-02-01T08:00:00Z") - 1 == found[0]["due_at"]
    assert parse_us("2025-04-01T07:00:00Z") - 1 == found[2]["due_at"]
    assert [o["month"] for o in found] == ["2025-01", "2025-02", "2025-03"]


@pytest.mark.parametrize(
    ("every", "periods"), [("quarter", ["2024-Q4", "2025-Q1", "2025-Q2"]), ("year", ["2024", "2025"])]
)
def test_quarters_and_years_begin_with_the_one_the_first_day_falls_in(every: str, periods: list[str]) -> None:
    found = expand(recurrence={"every": every, "from": "2024-12-31", "until": "2025-04-01"})
    assert periods == [o["period"] for o in found]


def test_a_single_commitment_owes_once_and_takes_all_its_evidence() -> None:
    (found,) = expand(
        due="2025-06-30",
        quantity=3,
        evidenced=[
            said(1, "2025-06-01T00:00:00Z", quantity=2),
            said(2, "2025-06-02T00:00:00Z", quantity=1, period="2024"),
        ],
    )
    assert ("2025-06-30", 3, parse_us("2025-06-02T00:00:00Z")) == (
        found["period"],
        found["evidenced_quantity"],
        found["met_at"],
    )


def test_an_obligation_is_met_when_the_evidence_of_its_period_first_adds_up() -> None:
    monthly = {"every": "month", "from": "2025-01-01", "until": "2025-02-28"}
    january, february = expand(
        recurrence=monthly,
        quantity=2,
        evidenced=[
            said(1, "2025-03-05T00:00:00Z", quantity=1, period="2025-01"),
            said(2, "2025-01-10T00:00:00Z", quantity=1),
            said(3, "2025-01-05T00:00:00Z", quantity=0.5),
            said(4, "2025-03-07T00:00:00Z", quantity=9, period="2025-Q1"),
            said(5, None, quantity=9),
        ],
    )
    assert (2.5, parse_us("2025-03-05T00:00:00Z")) == (january["evidenced_quantity"], january["met_at"])
    assert (february["evidenced_quantity"], february["met_at"]) == (0, None)


@pytest.mark.parametrize(
    ("promised", "parts"), [(1, [0.1] * 10), (0.3, [0.1, 0.2]), (1.1, [0.7, 0.4]), (1e-6, [1e-7] * 10), (2.5, [1, 1.5])]
)
def test_parts_that_add_up_to_what_was_promised_meet_it(promised: float, parts: list[float]) -> None:
    days = [f"2025-06-{day:02}T00:00:00Z" for day in range(1, len(parts) + 1)]
    evidence = [said(n, day, quantity=part) for n, (day, part) in enumerate(zip(days, parts, strict=True))]
    (found,) = expand(due="2025-06-30", quantity=promised, evidenced=evidence)
    assert (promised, parse_us(days[-1])) == (found["evidenced_quantity"], found["met_at"])
    (short,) = expand(due="2025-06-30", quantity=promised, evidenced=evidence[1:])
    assert short["met_at"] is None


def test_only_what_the_obligor_stated_is_evidence() -> None:
    evidence = [
        said(1, "2025-06-01T00:00:00Z", quantity=3, agency="county"),
        said(2, "2025-06-02T00:00:00Z", quantity=3, agency="stranger"),
    ]
    (found,) = expand(due="2025-06-30", quantity=3, evidenced=evidence, accepted=[said(3, None, agency="county")])
    assert (0, None, 0, None) == tuple(
        found[name] for name in ("evidenced_quantity", "met_at", "evidenced", "evidenced_at")
    )
    own = said(4, "2025-06-03T00:00:00Z", quantity=1)
    (found,) = expand(due="2025-06-30", quantity=3, evidenced=[*evidence, own])
    assert (1, None, 1, own["time"]) == tuple(
        found[name] for name in ("evidenced_quantity", "met_at", "evidenced", "evidenced_at")
    )


def test_undated_evidence_counts_last_and_gives_no_moment() -> None:
    (found,) = expand(
        due="2025-06-30",
        quantity=2,
        evidenced=[said(1, None, quantity=1), said(2, "2025-06-01T00:00:00Z", quantity=1)],
    )
    assert (found["evidenced_quantity"], found["met_at"]) == (2, None)


def test_without_a_promised_quantity_one_is_owed() -> None:
    (found,) = expand(due="2025-06-30")
    assert (found["required"], found["evidenced_quantity"], found["met_at"]) == (1, 0, None)


def test_a_dispute_or_waiver_without_a_period_is_about_every_period() -> None:
    first, second = expand(
        recurrence={"every": "month", "from": "2025-01-01", "until": "2025-02-28"},
        disputed=[said(1, None, reason="half")],
        waived=[said(2, None, period="2025-02", reason="fire")],
        accepted=[said(3, "2025-03-02T00:00:00Z"), said(4, "2025-03-01T00:00:00Z", period="2025-01")],
    )
    assert (first["disputed"], first["waived"]) == (1, 0)
    assert (second["disputed"], second["waived"]) == (1, 1)
    assert parse_us("2025-03-01T00:00:00Z") == first["accepted_at"]
    assert parse_us("2025-03-02T00:00:00Z") == second["accepted_at"]


def test_evidence_before_the_promise_expands_to_nothing_yet() -> None:
    assert expand(made=None, evidenced=[said(1, None, quantity=1)]) == []


def test_no_commitment_expands_without_end() -> None:
    forever = {"every": "month", "from": "1900-01-01", "until": "2199-12-31"}
    assert len(expand(recurrence=forever)) == PERIODS_MAX


def versions(defined: list[dict[str, Any]], retired: list[dict[str, Any]]) -> list[dict[str, Any]]:
    row = {"kpi": "K06", "defined": orjson.dumps(defined).decode(), "retired": orjson.dumps(retired).decode()}
    names = [name for name, _ in KPI_VERSIONS.columns]
    return [dict(zip(names, found, strict=True)) for found in versions_of(row, ZONE)]


def defined(number: int, version: int, day: str) -> dict[str, Any]:
    fields = {"plan": "p", "objective": "o", "definition": {}, "effective_from": day, "owner": None}
    return said(number, f"{day}T00:00:00Z", version=version, **fields)


def test_a_retirement_without_a_version_ends_what_was_defined_before_it_and_nothing_after() -> None:
    found = versions(
        [defined(1, 1, "2025-01-01"), defined(2, 2, "2025-02-01"), defined(3, 3, "2025-04-01")],
        [said(4, "2025-03-01T00:00:00Z", version=None, successor="K07")],
    )
    assert [version["retired"] for version in found] == [1, 1, None]
    assert [version["successor"] for version in found] == ["K07", "K07", None]


def test_a_retirement_of_one_version_leaves_the_others() -> None:
    found = versions(
        [defined(1, 1, "2025-01-01"), defined(2, 2, "2025-02-01")],
        [said(4, "2025-03-01T00:00:00Z", version=1, successor=None)],
    )
    assert [parse_us("2025-03-01T00:00:00Z"), None] == [version["retired_at"] for version in found]
