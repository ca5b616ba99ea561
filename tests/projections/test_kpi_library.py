"""Every KPI of the library, computed by hand from a few events: its value, its empty, censored and
corrected cases."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from projections.kpi import AsOf, cells
from projections.kpi.definitions import library
from tests.projections.kpi_world import World, library_body, numbers, us

NOW = "2025-06-10"


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.store.close()


def test_every_definition_of_the_library_can_be_computed() -> None:
    assert {} == {kpi: found.problem for kpi, found in library().items() if found.problem}
    assert [] == [kpi for kpi, found in library().items() if found.body.kpi != kpi or found.body.version != 1]


@pytest.mark.parametrize("kpi", sorted(library()))
def test_an_empty_ledger_yields_no_value_and_never_zero(world: World, kpi: str) -> None:
    cell = world.cell(kpi, "2025-03", now=NOW)
    assert cell.value is None
    assert cell.status == "no_data"


def test_k01_counts_only_calls_in_area_and_hours(world: World) -> None:
    world.call("a", "2025-03-01", eligibility="eligible", arrived="2025-03-02")
    world.call("b", "2025-03-01", eligibility="eligible", arrived="2025-03-02", team="police")
    world.call("c", "2025-03-01", eligibility="eligible", not_sent="out_of_hours")
    world.call("d", "2025-03-01", eligibility="eligible", not_sent="geography")
    world.call("e", "2025-03-01", eligibility="eligible", not_sent="no_unit")
    world.call("f", "2025-03-01", eligibility="eligible", not_sent="out_of_hours", arrived="2025-03-02")
    world.call("g", "2025-03-01", eligibility="ineligible")
    assert numbers(world.cell("K01", "2025-Q1", now=NOW)) == (
        50,
        2,
        4,
        {"out_of_hours": 1, "geography": 1},
    )


def test_k02_splits_all_calls_and_keeps_untriaged_apart(world: World) -> None:
    for number, eligibility in enumerate(["eligible", "ineligible", None]):
        world.call(f"c{number}", "2025-03-01", eligibility=eligibility)
    whole = world.cell("K02", "2025-03", now=NOW)
    # A third each: the spare tenth goes to the first of equal remainders, and the three sum to 100.
    assert numbers(whole) == (33.4, 1, 3, {})
    parts = [
        numbers(world.cell("K02", "2025-03", f"eligibility:{part}", now=NOW))[:3]
        for part in ("eligible", "ineligible", "not_triaged")
    ]
    assert parts == [(33.4, 1, 3), (33.3, 1, 3), (33.3, 1, 3)]
    assert sum(value for value, _, _ in parts) == pytest.approx(100)


def test_k03_counts_eligible_calls_not_served_without_a_reason(world: World) -> None:
    world.call("a", "2025-03-01", eligibility="eligible")
    world.call("b", "2025-03-01", eligibility="eligible", not_sent="no_unit")
    world.call("c", "2025-03-01", eligibility="eligible", arrived="2025-03-01")
    world.call("d", "2025-03-01")
    assert numbers(world.cell("K03", "2025-Q1", now=NOW)) == (50, 1, 2, {})


def test_k05_takes_valid_orders_only_and_says_what_it_left_out(world: World) -> None:
    day = "2025-03-01T{}Z"
    for number, (received, arrived) in enumerate(
        [
            ("10:00:00", "10:00:00"),  # equal times are a valid order
            ("10:00:00", "10:20:00"),
            ("10:00:00", "11:00:00"),
            ("10:00:00", "12:00:30"),
            ("10:00:00", "09:59:59"),
            ("10:00:00", None),
            (None, "10:00:00"),
        ]
    ):
        named = {"call": f"c{number}"}
        start = None if received is None else day.format(received)
        world.say("call.received", {**named, "psap": "p", "channel": "911"}, start)
        if arrived is not None:
            world.say("response.arrived", {**named, "team": "police"}, day.format(arrived))
    cell = world.cell("K05", "2025-03", now=NOW)
    # 0, 20, 60, 120.5 minutes: the median lies halfway between 20 and 60, p90 at rank 2.7.
    assert numbers(cell) == (
        40,
        None,
        4,
        {"no_request_time": 1, "no_arrival_time": 1, "arrival_before_request": 1},
    )
    assert cell.to_json()["also"] == {"p90": 102.4, "share_at_most_60": 75}


@pytest.mark.parametrize(
    ("kpi", "expected"),
    [("K06", (40, 2, 5)), ("K07", (20, 1, 5)), ("K08", (20, 1, 5)), ("K09", (20, 1, 5))],
)
def test_k06_to_k09_share_encounters_with_a_disposition(
    world: World, kpi: str, expected: tuple[float, int, int]
) -> None:
    dispositions = ["remained_in_community"] * 2 + ["emergency_department", "respite", "arrest", None]
    for number, disposition in enumerate(dispositions):
        world.call(f"c{number}", "2025-03-01", disposition=disposition)
    assert numbers(world.cell(kpi, "2025-03", now=NOW))[:3] == expected


def test_k06_by_agency_adds_up_to_the_whole(world: World) -> None:
    world.call("a", "2025-03-01", disposition="remained_in_community", agency="north")
    world.call("b", "2025-03-01", disposition="arrest", agency="south")
    world.call("c", "2025-02-01", disposition="arrest", agency="south")
    north = world.cell("K06", "2025-Q1", "agency:north", now=NOW)
    south = world.cell("K06", "2025-Q1", "agency:south", now=NOW)
    assert [numbers(cell)[:3] for cell in (north, south)] == [(100, 1, 1), (0, 0, 2)]
    assert numbers(world.cell("K06", "2025-Q1", now=NOW))[:3] == (33.3, 1, 3)


def test_an_undated_call_counts_in_all_and_nowhere_else(world: World) -> None:
    world.say("encounter.closed", {"call": "x", "disposition": "arrest"}, None)
    assert numbers(world.cell("K09", "all", now=NOW))[:3] == (100, 1, 1)
    with world.reading() as connection:
        found = cells(connection, kpi="K09", group="all", as_of=AsOf(us(NOW)))
    assert [cell.period for cell in found] == ["all"]


def test_k06_follows_a_voided_and_a_replaced_disposition(world: World) -> None:
    world.say("encounter.closed", {"call": "a", "disposition": "arrest"}, "2025-03-01", id="first")
    world.say("encounter.closed", {"call": "b", "disposition": "arrest"}, "2025-03-01", id="wrong")
    assert numbers(world.cell("K06", "2025-03", now=NOW))[:3] == (0, 0, 2)
    world.void("wrong")
    assert numbers(world.cell("K06", "2025-03", now=NOW))[:3] == (0, 0, 1)
    right = {"call": "a", "disposition": "remained_in_community"}
    world.say("encounter.closed", right, "2025-03-01", supersedes="first")
    assert numbers(world.cell("K06", "2025-03", now=NOW))[:3] == (100, 1, 1)


def test_k17_counts_silence_as_lapsed_once_the_answer_is_due(world: World) -> None:
    world.refer("a", "2025-03-01", accepted="2025-03-02")
    world.refer("b", "2025-03-01", declined="2025-03-02")
    world.refer("c", "2025-03-01")
    world.refer("d", None)
    world.say("referral.accepted", {"referral": "e"}, "2025-03-01")
    early = world.cell("K17", "2025-03", now="2025-03-06T11:59:59Z")
    assert numbers(early) == (50, 1, 2, {"answer_not_due": 1})
    due = world.cell("K17", "2025-03", now="2025-03-06T12:00:00Z")
    assert numbers(due) == (33.3, 1, 3, {})
    assert numbers(world.cell("K17", "all", now=NOW))[3] == {"no_request": 1, "no_request_time": 1}


def test_k18_leaves_out_referrals_whose_days_have_not_passed_even_ended_ones(world: World) -> None:
    world.refer("a", "2025-03-01", got_help="2025-03-31")
    world.refer("b", "2025-03-01", failed="2025-03-31T12:00:01Z")
    world.refer("c", "2025-03-02", withdrawn="2025-03-03")
    assert numbers(world.cell("K18", "2025-03", now="2025-03-31T12:00:00Z")) == (
        50,
        1,
        2,
        {"window_open": 1},
    )
    assert numbers(world.cell("K18", "2025-03", now="2025-04-01")) == (66.7, 2, 3, {})


def test_k20_takes_every_request_and_the_last_outcome(world: World) -> None:
    world.refer("a", "2025-03-01", partly="2025-03-05", got_help="2025-03-09")
    world.refer("b", "2025-03-01")
    world.refer("c", "2025-03-01", got_help="2025-03-05", partly="2025-03-09")
    world.say("referral.completed", {"referral": "d", "outcome": "got_help"}, "2025-03-01")
    assert numbers(world.cell("K20", "2025-03", now=NOW)) == (33.3, 1, 3, {})
    assert numbers(world.cell("K20", "all", now=NOW))[3] == {"no_request": 1}


def test_k36_is_the_share_of_entries_later_than_three_days(world: World) -> None:
    for number, (day, entered) in enumerate(
        [
            ("2025-03-10", "2025-03-10"),
            ("2025-03-10", "2025-03-13"),
            ("2025-03-10", "2025-03-14"),
            ("2025-03-10", "2025-03-25"),
            (None, "2025-03-26"),
        ]
    ):
        body = {"call": f"c{number}", "disposition": "other"}
        world.say("encounter.closed", body, day, at=entered, id=f"k{number}")
    assert numbers(world.cell("K36", "2025-03", now=NOW)) == (50, 2, 4, {"time_unknown": 1})
    assert numbers(world.cell("K36", "2025-03", "lag:11+", now=NOW))[:3] == (25, 1, 4)
    # A void is an entry of its own, and what it withdraws was entered all the same.
    world.void("k3")
    assert numbers(world.cell("K36", "2025-03", now=NOW))[2] == 5


def expect(world: World, since: str = "2025-01-01", cadence: str = "monthly") -> None:
    body = {"agency": "lakeside", "feed": "encounter", "cadence": cadence, "grace_days": 10, "since": since}
    world.say("report.expected", body, "2025-01-01")


def test_k37_expects_a_report_once_its_days_of_grace_are_over(world: World) -> None:
    expect(world)
    done = {"disposition": "other"}
    world.say("encounter.closed", {"call": "a", **done}, "2025-01-15", at="2025-02-01", id="jan")
    world.say("encounter.closed", {"call": "b", **done}, "2025-02-15", at="2025-03-20")
    cell = world.cell("K37", "2025-Q1", now="2025-04-10")
    assert numbers(cell) == (100, 2, 2, {"not_due": 1})
    assert cell.to_json()["also"] == {"on_time": 50}
    # The local day in Los Angeles ends at 07:00 UTC of the next.
    assert numbers(world.cell("K37", "2025-Q1", now="2025-04-11T06:59:59Z"))[2] == 2
    assert numbers(world.cell("K37", "2025-Q1", now="2025-04-11T07:00:00Z")) == (66.7, 2, 3, {})
    # A withdrawn report had been received all the same.
    world.void("jan")
    assert numbers(world.cell("K37", "2025-Q1", now="2025-04-12"))[:3] == (66.7, 2, 3)
    assert numbers(world.cell("K37", "2025-Q1", "agency:lakeside", now="2025-04-12"))[:3] == (66.7, 2, 3)


def test_k37_expects_whole_weeks_and_nothing_of_who_has_left(world: World) -> None:
    expect(world, since="2025-03-01", cadence="weekly")
    world.say("agency.withdrew", {"agency": "lakeside", "reason": "merged"}, "2025-03-20")
    # From Monday the 3rd; the week of the 17th is cut by the withdrawal.
    assert numbers(world.cell("K37", "2025-03", now=NOW))[:3] == (0, 0, 2)


def test_k37_expects_reports_again_of_who_came_back(world: World) -> None:
    expect(world, since="2025-03-01", cadence="weekly")
    world.say("agency.withdrew", {"agency": "lakeside", "reason": "merged"}, "2025-03-11")
    world.say("agency.joined", {"agency": "lakeside", "name": "L", "sector": "housing"}, "2025-03-20")
    # The weeks of the 3rd and the 24th; the one it left in and the one it came back in are cut.
    assert numbers(world.cell("K37", "all", now="2025-03-31"))[3] == {"not_due": 2}


def test_k37_expects_nothing_of_who_left_nobody_knows_when(world: World) -> None:
    expect(world, since="2025-03-01", cadence="weekly")
    world.say("agency.withdrew", {"agency": "lakeside", "reason": "merged"}, None)
    assert world.cell("K37", "2025-03", now=NOW).denominator in (0, None)


def test_k38_wants_a_live_owner_and_a_current_value(world: World) -> None:
    world.plan("K06", since="2025-03-01")
    world.define("K09", owner=None, since="2025-03-01")
    world.define("K17", since="2025-04-01")
    world.define("K38", since="2025-03-01")
    world.call("a", "2025-03-05", disposition="arrest")
    # March: K06 and K09 have a value, K06 an owner. K38 is not about itself.
    cell = world.cell("K38", "2025-03", now=NOW)
    assert numbers(cell) == (50, 1, 2, {})
    assert cell.to_json()["also"] == {"owned": 50, "current": 100}
    assert numbers(world.cell("K38", "2025-04", now=NOW))[:3] == (33.3, 1, 3)
    # March's value is current through April and 30 days of grace, to the end of the 30th of May.
    assert numbers(world.cell("K38", "2025-05", now="2025-05-30"))[:3] == (33.3, 1, 3)
    assert numbers(world.cell("K38", "2025-05", now=NOW))[:3] == (0, 0, 3)
    world.say("agency.withdrew", {"agency": "lakeside", "reason": "merged"}, "2025-03-20")
    assert numbers(world.cell("K38", "2025-03", now=NOW))[:3] == (0, 0, 2)


def commit(world: World, commitment: str, due: str, *steps: tuple[str, str]) -> None:
    named = {"commitment": commitment}
    body = {
        **named,
        "agreement": "m1",
        "clause": "1",
        "obligor": "harbor",
        "obligee": "lakeside",
        "deliverable": "beds",
        "due": due,
    }
    world.say("commitment.made", body, "2025-01-01")
    for step, time in steps:
        extra = {"quantity": 1, "evidence_ref": "r"} if step == "evidenced" else {"reason": "why"}
        world.say(
            f"commitment.{step}", {**named, **extra}, time, agency="harbor" if step == "evidenced" else "lakeside"
        )


def test_k39_sets_met_by_due_against_fallen_due_and_disputes_apart(world: World) -> None:
    commit(world, "a", "2025-03-10", ("evidenced", "2025-03-10"))
    commit(world, "b", "2025-03-10", ("evidenced", "2025-03-12"))
    commit(world, "c", "2025-03-10", ("evidenced", "2025-03-09"), ("disputed", "2025-03-11"))
    commit(world, "d", "2025-03-10", ("waived", "2025-03-01"))
    commit(world, "e", "2025-03-31", ("evidenced", "2025-03-09"))
    cell = world.cell("K39", "2025-03", now="2025-03-20")
    assert numbers(cell) == (50, 1, 2, {"waived": 1, "disputed": 1, "not_due": 1})
    assert numbers(world.cell("K39", "2025-03", "agency:harbor", now=NOW))[:3] == (66.7, 2, 3)


def measured(world: World, period: str, value: float, **more: object) -> str:
    return world.say(
        "indicator.measured",
        {"kpi": "P01", "period": period, "value": value, "method": "police returns", **more},
        "2025-02-01",
    )


def test_p01_is_reported_for_its_own_period_and_never_added_up(world: World) -> None:
    measured(world, "2024", 41.25, numerator=825, denominator=20000)
    wrong = measured(world, "2023", 999)
    measured(world, "2023-05", 3.5)
    assert numbers(world.cell("P01", "2024", now=NOW)) == (41.2, 825, 20000, {})
    assert world.cell("P01", "all", now=NOW).value is None
    assert numbers(world.cell("P01", "2023", now=NOW))[0] == 999
    world.void(wrong)
    assert world.cell("P01", "2023", now=NOW).value is None
    assert numbers(world.cell("P01", "2023-05", now=NOW))[0] == 3.5
    assert world.cell("P01", "2023-Q2", now=NOW).value is None


def two_calls(world: World, **second: str) -> None:
    """One call served and kept in the community, and one as given."""
    first = {"eligibility": "eligible", "arrived": "2025-03-01T13:00:00Z"}
    world.call("a", "2025-03-01", disposition="remained_in_community", **first)
    world.call("b", "2025-03-01", **second)


def two_commitments(world: World) -> None:
    commit(world, "a", "2025-03-10", ("evidenced", "2025-03-10"))
    commit(world, "b", "2025-03-10", ("evidenced", "2025-03-09"))


CORRECTED: list[tuple[str, str, Callable[[World], None], tuple[object, ...], tuple[object, ...]]] = [
    # KPI, period, what was said, (value, numerator, denominator) then, and after the last event was withdrawn
    ("K01", "2025-Q1", lambda w: two_calls(w, eligibility="eligible"), (50, 1, 2), (100, 1, 1)),
    ("K02", "2025-03", lambda w: two_calls(w, eligibility="ineligible"), (50, 1, 2), (50, 1, 2)),
    (
        "K03",
        "2025-Q1",
        lambda w: two_calls(w, eligibility="eligible", not_sent="no_unit"),
        (0, 0, 1),
        (100, 1, 1),
    ),
    ("K05", "2025-03", lambda w: two_calls(w, arrived="2025-03-01T14:00:00Z"), (90, None, 2), (60, None, 1)),
    ("K07", "2025-03", lambda w: two_calls(w, disposition="emergency_department"), (50, 1, 2), (0, 0, 1)),
    ("K08", "2025-03", lambda w: two_calls(w, disposition="sobering"), (50, 1, 2), (0, 0, 1)),
    ("K09", "2025-03", lambda w: two_calls(w, disposition="arrest"), (50, 1, 2), (0, 0, 1)),
    ("K17", "2025-03", lambda w: w.refer("a", "2025-03-01", accepted="2025-03-02"), (100, 1, 1), (0, 0, 1)),
    ("K18", "2025-03", lambda w: w.refer("a", "2025-03-01", failed="2025-03-02"), (100, 1, 1), (0, 0, 1)),
    ("K20", "2025-03", lambda w: w.refer("a", "2025-03-01", got_help="2025-03-02"), (100, 1, 1), (0, 0, 1)),
    ("K39", "2025-03", two_commitments, (100, 2, 2), (50, 1, 2)),
]


@pytest.mark.parametrize(("kpi", "period", "said", "before", "after"), CORRECTED, ids=[case[0] for case in CORRECTED])
def test_withdrawing_a_statement_moves_the_number_it_had_moved(
    world: World,
    kpi: str,
    period: str,
    said: Callable[[World], None],
    before: tuple[object, ...],
    after: tuple[object, ...],
) -> None:
    said(world)
    assert before == numbers(world.cell(kpi, period, now=NOW))[:3]
    world.void(world.log.events[-1].id)
    assert after == numbers(world.cell(kpi, period, now=NOW))[:3]
    assert world.explain(kpi, period, now=NOW).agrees


@pytest.mark.parametrize(
    "break_it",
    [
        lambda body: body | {"exclude": []},
        lambda body: body | {"measure": {**body["measure"], "at": 90}},
    ],
)
def test_control_a_changed_definition_gives_other_figures(
    world: World, break_it: Callable[[dict[str, object]], dict[str, object]]
) -> None:
    """Negative control: the hand-computed figures are of this definition and not of any."""
    for number, minutes in enumerate((10, 20, 60)):
        call = {"call": f"c{number}"}
        world.say("call.received", {**call, "psap": "p", "channel": "911"}, "2025-03-01T10:00:00Z")
        world.say("response.arrived", {**call, "team": "ems"}, f"2025-03-01T{10 + minutes // 60}:{minutes % 60:02}:00Z")
    world.say("response.arrived", {"call": "late", "team": "ems"}, "2025-03-01")
    library_cell = world.cell("K05", "2025-03", now=NOW)
    changed = break_it(library_body("K05"))
    parts = {name: part for name, part in changed.items() if name not in ("version", "kpi")}
    world.plan("K05", version=2, **parts)
    other = world.cell("K05", "2025-03", now=NOW)
    assert (library_cell.version, other.version) == (1, 2)
    assert (library_cell.value, library_cell.excluded) != (other.value, other.excluded)
    # Both versions stay computable over the same period.
    assert numbers(world.cell("K05", "2025-03", now=NOW, version=1)) == numbers(library_cell)
