"""Law 4 for cells: whatever the order, repetition and batches of events and refreshes, cells equal a fresh
count."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projections.kpi import AsOf, cells, counting, definitions, refresh
from projections.kpi.cells import Reading
from projections.kpi.definitions import Definitions
from projections.kpi.populations import table_of
from projections.kpi.refresh import EVERYTHING
from projections.kpi.shapes import figures
from projections.kpi.tables import CELLS, COMPUTED, PARTIALS, PENDING
from tests.projections.kpi_world import World, numbers, us

DAYS = ["2024-12-31", "2025-01-01", "2025-01-31", "2025-02-10", "2025-03-31", None]
AGENCIES = ["north", "south"]
day = st.sampled_from(DAYS)
agency = st.sampled_from(AGENCIES)
call = st.sampled_from(["c1", "c2", "c3"])
referral = st.sampled_from(["r1", "r2", "r3"])


def fact(type: str, agency_: str, time: str | None, **data: Any) -> tuple[str, dict[str, Any], str | None, str]:
    return type, data, time, agency_


CADENCES = ["daily", "weekly", "monthly", "quarterly", "yearly"]
expected = st.builds(
    lambda t, a, c, g, s: fact(
        "report.expected", a, t, agency=a, feed="encounter", cadence=c, grace_days=g, **({"since": s} if s else {})
    ),
    day,
    agency,
    st.sampled_from(CADENCES),
    st.sampled_from([0, 20]),
    st.sampled_from([None, "2024-01-01", "2025-01-06"]),
)
# Around the ends of months, quarters, years and of weeks that lie in two months; and long before them.
ENDS = ["2024-02-10", "2024-11-30", "2024-12-29", "2024-12-30", "2025-01-01", "2025-01-31", "2025-02-02", "2025-03-31"]
facts = st.one_of(
    st.builds(lambda c, t, a: fact("call.received", a, t, call=c, psap="p", channel="911"), call, day, agency),
    st.builds(
        lambda c, t, a, e: fact("call.triaged", a, t, call=c, eligibility=e),
        call,
        day,
        agency,
        st.sampled_from(["eligible", "ineligible"]),
    ),
    st.builds(
        lambda c, t, a, d: fact("encounter.closed", a, t, call=c, disposition=d),
        call,
        day,
        agency,
        st.sampled_from(["arrest", "remained_in_community"]),
    ),
    st.builds(
        lambda c, t, a, team: fact("response.arrived", a, t, call=c, team=team),
        call,
        day,
        agency,
        st.sampled_from(["police", "civilian"]),
    ),
    st.builds(
        lambda r, t, a: fact("referral.requested", a, t, referral=r, requester="north", target="south", need="housing"),
        referral,
        day,
        agency,
    ),
    st.builds(lambda r, t, a: fact("referral.accepted", a, t, referral=r), referral, day, agency),
    st.builds(lambda r, t, a: fact("referral.completed", a, t, referral=r, outcome="got_help"), referral, day, agency),
    expected,
    st.builds(
        lambda t, a, v: fact("indicator.measured", a, t, kpi="P01", period="2024", value=v, method="m"),
        day,
        agency,
        st.sampled_from([1, 2.5]),
    ),
    st.builds(
        lambda t, a: fact(
            "commitment.made",
            a,
            t,
            commitment="k1",
            agreement="m",
            clause="1",
            obligor="south",
            obligee="north",
            deliverable="beds",
            recurrence={"every": "month", "from": "2025-01-01", "until": "2025-03-31"},
        ),
        day,
        agency,
    ),
    st.builds(
        lambda t, a: fact("commitment.evidenced", a, t, commitment="k1", quantity=1, evidence_ref="x"), day, agency
    ),
)
step = st.one_of(
    facts.map(lambda f: ("say", f)),
    facts.map(lambda f: ("say", f)),
    st.integers(0, 30).map(lambda n: ("void", n)),
    facts.flatmap(lambda f: st.integers(0, 30).map(lambda n: ("replace", (n, f)))),
    st.sampled_from(["2025-01-15", "2025-02-03", "2025-02-28", "2025-04-02", "2025-05-20"]).map(
        lambda now: ("refresh", now)
    ),
    st.just(("apply", None)),
    st.just(("again", None)),
    st.just(("rebuild", None)),
)


def take(world: World, what: str, argument: Any) -> None:
    """One step of a random history."""
    statements = [e for e in world.log.events if e.kind == "statement" and not e.type.startswith("record.")]
    if what == "say":
        type, data, time, speaker = argument
        world.say(type, data, time, agency=speaker)
    elif what == "void" and statements:
        world.void(statements[argument % len(statements)].id)
    elif what == "replace" and statements:
        number, (type, data, time, speaker) = argument
        target = statements[number % len(statements)]
        # Mostly by the agency that said it: another one's replacement is a statement of its own and replaces nothing.
        world.say(type, data, time, agency=target.agency if number % 4 else speaker, supersedes=target.id)
    elif what == "refresh":
        world.refresh(argument)
    elif what == "apply":
        world.apply()
    elif what == "again" and world.applied:
        # Delivered twice: the rows must not notice. (The tallies rely on the position, so they are not repeated.)
        with world.store.write() as connection:
            live = [e for e in world.log.events[: world.applied] if e.type.startswith("call.")]
            world.views._fold.fold(connection, [e for e in live if world.views._corrections.is_live(e)])
    elif what == "rebuild":
        world.views.rebuild(world.store, world.log)
        world.applied = len(world.log.events)


def stored(world: World) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that is kept about cells, apart from when it was computed."""
    with world.store.read() as connection:
        return {
            "cells": sorted(tuple(row) for row in connection.execute(CELLS.select())),
            "partials": sorted(tuple(row)[:5] for row in connection.execute(PARTIALS.select()) if row.body != EMPTY),
            "next": sorted((row.kpi, row.version, row.next_change_us) for row in connection.execute(COMPUTED.select())),
        }


EMPTY = '{"n":0,"d":0,"x":{},"c":{},"h":[],"l":null}'


def from_scratch(world: World, now: str) -> dict[str, list[tuple[Any, ...]]]:
    """The same after a rebuild from the log alone, in another store."""
    other = World(world.zone)
    other.log = world.log
    other.views.rebuild(other.store, other.log)
    refresh(other.store, other.log, us(now), other.zone)
    found = stored(other)
    other.store.close()
    return found


MANY = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))


@MANY
@given(steps=st.lists(step, min_size=3, max_size=25), now=st.sampled_from(["2025-02-05", "2025-06-01"]))
def test_cells_kept_incrementally_equal_cells_computed_from_nothing(steps: list[tuple[str, Any]], now: str) -> None:
    world = World()
    world.plan("K06")
    for what, argument in steps:
        take(world, what, argument)
    world.refresh(now)
    assert from_scratch(world, now) == stored(world)
    assert refresh(world.store, world.log, us(now), world.zone) == 0
    world.store.close()


@MANY
@given(steps=st.lists(step, min_size=3, max_size=15), earlier=st.sampled_from(["2025-02-01", "2025-03-05"]))
def test_cells_read_at_another_moment_equal_cells_refreshed_at_it(steps: list[tuple[str, Any]], earlier: str) -> None:
    world = World()
    for what, argument in steps:
        take(world, what, argument)
    for computed, read in ((earlier, "2025-06-01"), ("2025-06-01", earlier)):
        world.refresh(computed)
        with world.reading() as connection:
            seen = [figures(cell) for cell in cells(connection, as_of=AsOf(us(read)))]
        world.refresh(read)
        with world.reading() as connection:
            kept = [figures(cell) for cell in cells(connection, as_of=AsOf(us(read)))]
        assert kept == seen
    world.store.close()


NOW = "2025-04-02"


@contextmanager
def counting_reports_only() -> Iterator[None]:
    """The library without what no expectation of a report can change."""
    those = {
        kpi: definition
        for kpi, definition in definitions.library().items()
        if definition.body.population == "expected_reports"
    }
    assert those
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(definitions, "library", lambda: those)
        yield


@MANY
@given(
    cadence=st.sampled_from(CADENCES),
    since=st.sampled_from(["2024-01-01", "2024-12-02"]),
    days=st.lists(st.sampled_from(ENDS), min_size=1, max_size=3),
    voided=st.booleans(),
)
def test_reports_of_every_cadence_are_counted_where_their_period_ends(
    cadence: str, since: str, days: list[str], voided: bool
) -> None:
    # The clock stands still: as it moves on, every expected report is counted again and no mark is missed.
    with counting_reports_only():
        world = World()
        say = fact("report.expected", "north", since, agency="north", feed="encounter", cadence=cadence, grace_days=20)
        take(world, "say", say)
        world.refresh(NOW)
        for day in days:
            take(world, "say", fact("encounter.closed", "north", day, call="c1", disposition="other"))
        if voided:
            world.void(world.log.events[-1].id)
        world.refresh(NOW)
        assert from_scratch(world, NOW) == stored(world)
        world.store.close()


@pytest.mark.parametrize(
    ("cadence", "day", "ends"),
    [
        ("weekly", "2025-01-31", "2025-02"),
        ("quarterly", "2025-01-31", "2025-03"),
        ("yearly", "2024-02-10", "2024-12"),
    ],
)
def test_control_a_refresh_that_counts_only_the_month_of_the_report_is_noticed(
    cadence: str, day: str, ends: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control for law 4: the month a report is about is not the one in which its period ends."""

    def reported(world: World) -> None:
        world.say(
            "report.expected",
            {"agency": "lakeside", "feed": "encounter", "cadence": cadence, "grace_days": 0, "since": "2024-01-01"},
            "2024-01-01",
        )
        world.refresh(NOW)
        world.say("encounter.closed", {"call": "c", "disposition": "other"}, day)
        world.refresh(NOW)

    right, wrong = World(), World()
    with counting_reports_only():
        reported(right)
        assert from_scratch(right, NOW) == stored(right)
    affected = counting.affected_months

    def only_its_own(*given: Any) -> set[str] | None:
        months = affected(*given)
        return months if months is None or ends not in months else months - {ends}

    monkeypatch.setattr(counting, "affected_months", only_its_own)
    with counting_reports_only():
        reported(wrong)
        assert from_scratch(wrong, NOW) != stored(wrong)
    right.store.close()
    wrong.store.close()


def test_control_a_refresh_that_loses_a_mark_is_noticed() -> None:
    """Negative control for law 4: forget one table's marks, and the cells differ from a fresh count."""
    world = World()
    world.call("a", "2025-01-05", disposition="arrest")
    world.refresh("2025-06-01")
    world.call("b", "2025-01-05", disposition="arrest")
    world.apply()
    with world.store.write() as connection:
        dirty = table_of("dirty_periods")
        connection.execute(dirty.delete().where(dirty.c.population == "calls"))
    world.refresh("2025-06-01")
    assert from_scratch(world, "2025-06-01") != stored(world)
    world.store.close()


class Meanwhile:
    """A store in which something commits between the counting and the writing of a refresh."""

    def __init__(self, world: World, change: Callable[[], None], before_write: int) -> None:
        self.world = world
        self.change = change
        self.left = before_write

    def read(self) -> Any:
        return self.world.store.read()

    def write(self) -> Any:
        self.left -= 1
        if self.left == 0:
            self.change()
        return self.world.store.write()

    share = write


@pytest.mark.parametrize("before_write", [1, 2])
def test_a_change_that_commits_during_a_refresh_is_not_lost(before_write: int) -> None:
    world = World()
    world.refresh("2025-06-01")
    world.call("a", "2025-01-05", disposition="arrest")
    world.apply()

    def change() -> None:
        world.call("b", "2025-01-05", disposition="other")
        world.apply()

    refresh(Meanwhile(world, change, before_write), world.log, us("2025-06-01"), world.zone)
    assert numbers(world.cell("K09", "2025-01", now="2025-06-01"))[:3] == (50, 1, 2)
    assert from_scratch(world, "2025-06-01") == stored(world)
    world.store.close()


def test_a_refresh_that_was_overtaken_writes_nothing() -> None:
    world = World()
    world.refresh("2025-06-01")
    world.call("a", "2025-01-05", disposition="arrest")
    world.apply()

    def overtake() -> None:
        world.call("b", "2025-01-05", disposition="other")
        world.refresh("2025-06-01")

    assert refresh(Meanwhile(world, overtake, 2), world.log, us("2025-06-01"), world.zone) == 0
    assert from_scratch(world, "2025-06-01") == stored(world)
    world.store.close()


def test_pending_marks_survive_a_refresh_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.call("a", "2025-01-05", disposition="arrest")
    world.refresh("2025-06-01")
    world.call("b", "2025-01-05", disposition="other")
    world.apply()

    def fail(connection: Any) -> Definitions:
        raise RuntimeError("the power went out")

    with monkeypatch.context() as broken:
        broken.setattr(Definitions, "load", fail)
        with pytest.raises(RuntimeError):
            refresh(world.store, world.log, us("2025-06-01"), world.zone)
    with world.reading() as connection:
        assert connection.execute(PENDING.select()).all() != []
    assert numbers(world.cell("K09", "2025-01", now="2025-06-01"))[:3] == (50, 1, 2)
    world.store.close()


def test_only_the_months_that_changed_are_counted_again() -> None:
    world = World()
    world.call("a", "2025-01-05", disposition="arrest")
    world.call("b", "2025-03-05", disposition="arrest")
    world.refresh("2025-06-01")
    with world.store.write() as connection:
        # A lie in a month that nothing touches stays, which shows that it was not counted again.
        connection.execute(
            PARTIALS.update().where(PARTIALS.c.month == "2025-01", PARTIALS.c.kpi == "K09"),
            {"body": '{"n":7,"d":7,"x":{},"c":{},"h":[],"l":null}'},
        )
    world.call("c", "2025-03-05", disposition="other")
    world.refresh("2025-06-01")
    assert numbers(world.cell("K09", "2025-03", now="2025-06-01"))[:3] == (50, 1, 2)
    assert numbers(world.cell("K09", "2025", now="2025-06-01"))[:3] == (88.89, 8, 9)
    with world.store.write() as connection:
        connection.execute(table_of("dirty_periods").insert(), {"population": EVERYTHING, "month": EVERYTHING})
    assert numbers(world.cell("K09", "2025", now="2025-06-01"))[:3] == (66.67, 2, 3)
    world.store.close()


def test_a_changed_definition_is_computed_anew_and_a_retired_library_version_stays_readable() -> None:
    world = World()
    world.call("a", "2025-01-05", disposition="arrest")
    assert numbers(world.cell("K09", "2025-01", now="2025-06-01"))[:3] == (100, 1, 1)
    narrower = {"op": "eq", "column": "disposition", "value": "respite"}
    world.plan("K09", version=2, since="2025-05-01", measure={"kind": "share", "numerator": narrower})
    assert numbers(world.cell("K09", "2025-01", now="2025-04-30"))[:3] == (100, 1, 1)
    # January is judged by the version that counted in it; the newer one counts over it where it is asked for.
    assert numbers(world.cell("K09", "2025-01", now="2025-06-01"))[:3] == (100, 1, 1)
    assert numbers(world.cell("K09", "all", now="2025-06-01"))[:3] == (0, 0, 1)
    assert numbers(world.cell("K09", "2025-01", now="2025-06-01", version=2))[:3] == (0, 0, 1)
    world.store.close()


def test_reading_before_anything_was_computed_counts_from_the_rows() -> None:
    world = World()
    world.call("a", "2025-01-05", disposition="arrest")
    world.apply()
    with world.reading() as connection:
        reading = Reading(connection, AsOf(us("2025-06-01")), world.zone)
        definition = reading.definitions.get("K09", 1)
        assert definition is not None
        found = reading.figures(definition, ["2025-01"], "all")
    assert [(cell.numerator, cell.denominator) for cell in found.values()] == [(1, 1)]
    world.store.close()
