"""Laws 4 and 5 for ratios, points in time, windows, returns, means and gaps: cells kept incrementally equal a fresh
count whatever the order of events and the clock, and each opens to events that give it again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projections.kpi import AsOf, cells, counting, refresh
from projections.kpi.definitions import Definitions
from projections.kpi.periods import ALL
from projections.kpi.shapes import figures
from tests.projections.kpi_world import World, numbers, us
from tests.projections.test_cell_refresh import fact, from_scratch, stored, take

NEW = ("K11", "K12", "K15", "K21", "K22", "K28", "K40", "K40R", "K40C", "K41", "K44", "K46")
NOW = "2025-06-10"
DAYS = ["2024-12-31", "2025-01-01", "2025-01-31", "2025-02-10", "2025-03-31", "2025-04-20"]
day = st.sampled_from([*DAYS, *DAYS, None])
agency = st.sampled_from(["north", "south"])
one_to_three = st.integers(1, 3)
person = st.sampled_from(["p1", "p1", "p2", None])


def said(type: str, **values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A statement of an agency on some day, with these fields; those without a value are left out."""

    def made(time: str | None, speaker: str, drawn: dict[str, Any]) -> Any:
        return fact(type, speaker, time, **{name: value for name, value in drawn.items() if value is not None})

    return st.builds(made, day, agency, st.fixed_dictionaries(values))


def called(prefix: str) -> st.SearchStrategy[str]:
    return one_to_three.map(lambda number: f"{prefix}{number}")


just = st.just
referral = {"referral": called("r")}
money = {
    "transaction": called("t"),
    "funding": just("grant"),
    "amount_minor": st.sampled_from([100, 250]),
    "currency": st.sampled_from(["USD", "USD", "EUR"]),
    "provider": st.sampled_from(["county", "city", None]),
}
FACTS = st.one_of(
    said("call.received", call=called("c"), psap=just("p"), channel=just("911")),
    said("encounter.engaged", call=called("c"), person=person),
    said("encounter.closed", call=called("c"), disposition=just("other"), person=person),
    said("force.used", incident=called("i"), call=st.sampled_from(["c1", None])),
    said("arrest.made", arrest=called("a"), charge_class=just("other"), divertible=just(True), person=person),
    said(
        "referral.requested",
        **referral,
        requester=just("north"),
        target=just("south"),
        need=just("housing"),
        person_group=st.sampled_from(["x", "y", None]),
    ),
    said("referral.accepted", **referral),
    said("referral.completed", **referral, outcome=st.sampled_from(["got_help", "not"])),
    said("service.delivered", delivery=called("d"), service=just("beds"), referral=called("r"), units=just(1)),
    said("funding.committed", **money),
    said("funding.disbursed", **money),
    said("funding.spent", **money),
    said(
        "training.held",
        training=called("w"),
        course=just("together"),
        kind=just("workshop"),
        hours=just(4),
        attendees_by_agency=just({"north": 2, "south": 1}),
        staff_by_agency=st.sampled_from([{"north": ["s1", "s2"]}, {"north": ["s1"], "south": ["s3"]}, None]),
    ),
    said("agency.joined", agency=agency, name=just("An agency"), sector=st.sampled_from(["law", "health"])),
    said(
        "staffing.reported",
        agency=agency,
        role=st.sampled_from(["all", "patrol"]),
        period=st.sampled_from(["2025-01", "2025-04"]),
        headcount=st.sampled_from([4, 10]),
    ),
    said(
        "certification.earned",
        certification=called("z"),
        staff=st.sampled_from(["s1", "s2"]),
        kind=just("cit"),
        role=just("patrol"),
        expires=st.sampled_from(["2025-03-31", "2025-07-01", None]),
    ),
    said("certification.expired", certification=called("z")),
    said(
        "survey.collected",
        survey=called("q"),
        instrument=just("trust"),
        version=just("1"),
        mode=just("web"),
        n=st.sampled_from([1, 1, 5]),
        items=st.sampled_from(
            [[{"item": "1", "score": 4}], [{"item": "1", "score": 2.5}], [{"item": "1", "score": None}]]
        ),
    ),
)
MOMENTS = ["2025-01-15", "2025-02-03", "2025-02-28", "2025-04-02", "2025-05-20"]
STEP = st.one_of(
    FACTS.map(lambda f: ("say", f)),
    FACTS.map(lambda f: ("say", f)),
    FACTS.map(lambda f: ("say", f)),
    st.integers(0, 30).map(lambda n: ("void", n)),
    FACTS.flatmap(lambda f: st.integers(0, 30).map(lambda n: ("replace", (n, f)))),
    st.sampled_from(MOMENTS).map(lambda now: ("refresh", now)),
    st.just(("apply", None)),
    st.just(("rebuild", None)),
)
MANY = settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
HISTORIES = st.lists(STEP, min_size=8, max_size=25)


@MANY
@given(steps=HISTORIES, now=st.sampled_from(["2025-02-05", "2025-06-01"]))
def test_cells_kept_incrementally_equal_cells_computed_from_nothing(steps: list[tuple[str, Any]], now: str) -> None:
    world = World()
    for what, argument in steps:
        take(world, what, argument)
    world.refresh(now)
    assert from_scratch(world, now) == stored(world)
    assert refresh(world.store, world.log, us(now), world.zone) == 0
    world.store.close()


@MANY
@given(steps=HISTORIES, earlier=st.sampled_from(["2025-02-01", "2025-03-05"]))
def test_cells_read_at_another_moment_equal_cells_refreshed_at_it(steps: list[tuple[str, Any]], earlier: str) -> None:
    world = World()
    for what, argument in steps:
        take(world, what, argument)
    for computed, read in ((earlier, "2025-06-01"), ("2025-06-01", earlier)):
        world.refresh(computed)
        with world.reading() as connection:
            seen = [figures(cell) for kpi in NEW for cell in cells(connection, kpi=kpi, as_of=AsOf(us(read)))]
        world.refresh(read)
        with world.reading() as connection:
            kept = [figures(cell) for kpi in NEW for cell in cells(connection, kpi=kpi, as_of=AsOf(us(read)))]
        assert kept == seen
    world.store.close()


@MANY
@given(steps=HISTORIES, kpi=st.sampled_from(NEW))
def test_every_cell_agrees_with_its_events(steps: list[tuple[str, Any]], kpi: str) -> None:
    world = World()
    for what, argument in steps:
        take(world, what, argument)
    world.refresh(NOW)
    with world.reading() as connection:
        found = cells(connection, kpi=kpi, as_of=AsOf(us(NOW)))
    for cell in found[:12]:
        opened = world.explain(kpi, cell.period, cell.group, now=NOW)
        assert opened.agrees, (cell, opened.recomputed)
        assert figures(cell) == figures(opened.cell)
        assert opened.row_count >= len([row for row in opened.rows if row.role == "numerator"])
    world.store.close()


def full(world: World) -> None:
    """Something for every new measure."""
    for name, sector in (("north", "law"), ("south", "health")):
        world.say("agency.joined", {"agency": name, "name": name, "sector": sector}, "2024-11-01", agency=name)
        body = {"agency": name, "period": "2025-01", "headcount": 4}
        world.say("staffing.reported", {**body, "role": "all"}, "2025-02-01", agency=name)
        world.say("staffing.reported", {**body, "role": "patrol"}, "2025-02-01", agency=name)
    for number, (when, who) in enumerate((("2025-01-05", "p1"), ("2025-02-05", "p1"), ("2025-02-06", "p2"))):
        named = {"call": f"c{number}", "disposition": "other", "person": who}
        world.say("encounter.closed", named, when, agency="north")
        arrest = {"arrest": f"a{number}", "charge_class": "other", "divertible": True, "person": who}
        world.say("arrest.made", arrest, when, agency="north")
        asked = {"referral": f"r{number}", "requester": "north", "target": "south", "need": "food"}
        world.say("referral.requested", {**asked, "person_group": "x"}, when, agency="north")
    world.say("referral.accepted", {"referral": "r1"}, "2025-02-09", agency="south")
    given_ = {"delivery": "d1", "service": "food", "referral": "r1", "units": 1}
    world.say("service.delivered", given_, "2025-03-01", agency="south")
    world.say("force.used", {"incident": "i1", "call": "c1"}, "2025-02-05", agency="north")
    for number, stage in enumerate(("committed", "disbursed", "spent")):
        paid = {"transaction": f"t{number}", "funding": "g", "amount_minor": 400 - 100 * number, "currency": "USD"}
        world.say(f"funding.{stage}", {**paid, "provider": "city"}, "2025-03-03", agency="north")
    joint = {"training": "w", "course": "c", "kind": "cit", "hours": 8, "attendees_by_agency": {"north": 1, "south": 1}}
    world.say("training.held", {**joint, "staff_by_agency": {"north": ["s1"], "south": ["s2"]}}, "2025-01-20")
    earned = {"certification": "z", "staff": "s1", "kind": "cit", "role": "patrol", "expires": "2025-03-31"}
    world.say("certification.earned", earned, "2025-01-20", agency="north")
    for number in (1, 2):
        answered = {"survey": f"q{number}", "instrument": "t", "version": "1", "mode": "web", "n": 1}
        world.say("survey.collected", {**answered, "items": [{"item": "1", "score": number}]}, "2025-02-02")


VALUES: list[tuple[str, str, tuple[Any, ...]]] = [
    ("K11", "2025-02", (500, 1, 2, {})),
    ("K12", "2025-Q1", (50, 1, 2, {})),
    ("K15", "2025-03", (12.5, 1, 8, {})),
    ("K15", "2025-04", (0, 0, 8, {})),
    ("K21", "2025-02", (4, None, 1, {"not_accepted": 1})),
    ("K22", "2025-02", (33.3, 1, 3, {})),
    ("K22", "2025", (100, 3, 3, {})),
    ("K28", "2025", (None, 0, 0, {"window_open": 2})),
    ("K40", "2025", (75, 300, 400, {})),
    ("K40R", "2025-03", (1.5, 100, 200, {})),
    ("K40C", "2025", (1, None, 300, {})),
    ("K41", "2025-06", (25, 2, 8, {})),
    ("K41", "2026-01", (None, 0, 0, {})),
    ("K44", "2025", (1.5, None, 2, {})),
    ("K46", "2025", (None, 0, 3, {"below_minimum:x": 3})),
]


@pytest.mark.parametrize(("kpi", "period", "expected"), VALUES)
def test_each_new_kpi_counts_what_its_sentence_says(kpi: str, period: str, expected: tuple[Any, ...]) -> None:
    world = World()
    full(world)
    assert expected == numbers(world.cell(kpi, period, now=NOW))
    opened = world.explain(kpi, period, now=NOW)
    assert opened.agrees
    assert bool(opened.event_count) == (period < "2026")
    world.store.close()


def test_what_is_shown_beside_the_value() -> None:
    world = World()
    full(world)
    assert {"p90": 4, "to_first_service": 24} == world.cell("K21", "2025-02", now=NOW).to_json()["also"]
    assert {"margin": 0.98} == world.cell("K44", "2025", now=NOW).to_json()["also"]
    assert {"lowest_agency": 25} == world.cell("K41", "2025-06", now=NOW).to_json()["also"]
    assert {"largest": 100} == world.cell("K40C", ALL, now=NOW).to_json()["also"]
    assert {"within_6_months": 50, "within_24_months": None} == world.cell("K28", "2025", now="2025-09-30").to_json()[
        "also"
    ]
    gap = world.cell("K46", "2025", "person_group:x", now=NOW).to_json()
    assert ("percent", 0, {"low": 0, "high": 56.2}) == (gap["unit"], gap["value"], gap["also"])
    world.store.close()


def test_each_row_of_a_ratio_and_of_a_return_says_how_it_counts() -> None:
    world = World()
    full(world)
    world.refresh(NOW)
    roles = {row.key: row.role for row in world.explain("K11", "2025-02", now=NOW).rows}
    assert {"c1": "denominator", "c2": "denominator", "i1": "numerator"} == roles
    told = world.explain("K12", "2025-Q1", now=NOW)
    assert [("c0", "numerator"), ("c1", "further"), ("c2", "denominator")] == [(r.key, r.role) for r in told.rows]
    world.store.close()


def test_control_an_event_of_the_further_population_that_is_hidden_is_noticed() -> None:
    """Negative control for law 5: hide the force incident from the explanation, and the ratio no longer agrees."""
    world = World()
    full(world)
    world.refresh(NOW)
    assert world.explain("K11", "2025-02", now=NOW).agrees
    by_subject = world.log.by_subject
    world.log.by_subject = lambda subjects, upto: [  # type: ignore[method-assign]
        event for event in by_subject(subjects, upto) if event.type != "force.used"
    ]
    assert not world.explain("K11", "2025-02", now=NOW).agrees
    world.store.close()


def test_control_a_refresh_that_leaves_a_later_end_as_it_was_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control for law 4: an open referral is counted again in its own month alone, and cells go wrong."""
    world = World()
    full(world)
    world.refresh(NOW)
    monkeypatch.setattr(counting, "touched", lambda timing, month, running: [month])
    asked = {"referral": "late", "requester": "north", "target": "south", "need": "food"}
    world.say("referral.requested", asked, "2025-02-01", agency="north")
    world.refresh(NOW)
    kept = stored(world)
    monkeypatch.undo()
    assert from_scratch(world, NOW) != kept
    world.store.close()


def test_a_change_in_march_counts_again_only_the_periods_whose_ends_or_windows_it_reaches() -> None:
    """The cost of a refresh: not the whole ledger, for a person who returns and a window that rolls either."""
    now, zone = us(NOW), "America/Los_Angeles"
    bodies = {body.kpi: body for body in Definitions.library()}

    def again(kpi: str, *marks: tuple[str, str]) -> set[str] | None:
        return counting.affected_months(bodies[kpi], set(marks), now, zone)

    march = {"2025-03", "2025-Q1"}
    assert {*march, "2025-04", "2025-05", "2025-06", "2025-Q2", "2025", ALL} == again("K22", ("referrals", "2025-03"))
    # Ninety days before the first moment of March lie in December.
    assert {"2024-12", "2024-Q4", "2024", "2025-01", "2025-02", "2025", *march} == again("K12", ("calls", "2025-03"))
    assert {"2025-03"} == again("K11", ("incidents", "2025-03"))
    before = {"2024-08", "2024-09", "2024-10", "2024-11", "2024-12", "2025-01", "2025-02", "2025-03"}
    assert before == again("K21", ("services", "2025-03"))
    assert {"2025-03"} == again("K21", ("referrals", "2025-03"))
    assert set() == again("K41", ("calls", "2025-03"))
    assert set() == again("K12", ("incidents", "2025-03"))
