"""A restatement lists exactly the events responsible: without them the number is the old one, none can be spared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from msgspec import structs
from sqlalchemy.engine import Connection

from contracts.recorded import Recorded
from projections.kpi import AsOf, as_of_store, counting
from projections.kpi.definitions import Definitions
from projections.kpi.measures import parts_of
from projections.kpi.memory import MemoryStore
from projections.kpi.partials import merge
from projections.kpi.question import Question
from projections.reviews import CellName, Restatement, Snapshot, causes, freeze, restatements
from projections.views import Views
from tests.projections.fake_log import FakeLog
from tests.projections.kpi_world import ZONE, World, us
from tests.projections.related_facts import RELATED, related_facts
from tests.projections.test_cell_refresh import facts, take

KPIS = ("K01", "K02", "K05", "K06", "K17", "K18", "K20", "K36", "K39", "P01")
MOMENT = us("2025-02-20")
NOW = us("2025-06-10")


def planned(world: World, kpis: Sequence[str] = KPIS) -> None:
    """A plan that measures by every one of these KPIs."""
    world.plan(kpis[0])
    for kpi in kpis[1:]:
        world.define(kpi)


@contextmanager
def views(log: FakeLog, moment_us: int, upto: int | None = None) -> Iterator[Connection]:
    """Views of the log up to a place, read at a moment."""
    as_of = AsOf(moment_us, len(log.events) if upto is None else upto)
    with as_of_store(log, ZONE, as_of) as store, store.read() as connection:
        yield connection


def snapshot(log: FakeLog, upto: int, moment_us: int = MOMENT) -> Snapshot:
    with views(log, moment_us, upto) as connection:
        return freeze(connection, "p1", AsOf(moment_us, upto), ZONE)


def restated(log: FakeLog, frozen: Snapshot) -> tuple[Restatement, ...]:
    with views(log, NOW) as connection:
        return restatements(connection, log, frozen, ZONE)


def only(log: FakeLog, keep: Callable[[Recorded], bool]) -> FakeLog:
    """The log as if only these events had been recorded, in the same order."""
    kept = enumerate(filter(keep, log.events), start=1)
    return FakeLog([structs.replace(event, log_index=place) for place, event in kept])


@contextmanager
def rows(log: FakeLog) -> Iterator[Connection]:
    """The rows of a whole log, without cells."""
    with MemoryStore() as store:
        Views(ZONE).rebuild(store, log)
        with store.read() as connection:
            yield connection


def counted(log: FakeLog, name: CellName) -> str:
    """What a cell counts at the review's moment, from a fold of a whole log."""
    kpi, version, period, group = name
    with rows(log) as connection:
        definitions = Definitions.load(connection)
        definition = definitions.get(kpi, version)
        assert definition is not None
        of_rows = "all" if group in parts_of(definition.body) else group
        question = Question(definition.body, period, of_rows, MOMENT, ZONE, len(log.events))
        found = counting.count(connection, definition.body, MOMENT, ZONE, definitions=definitions, valued=dict).partials
        inside = [
            partial
            for (place, member), partial in found.items()
            if (question.places is None or place in question.places) and question.member in (None, member)
        ]
        return replace(merge(inside), last_us=None).to_text()


def wrong(log: FakeLog, frozen: Snapshot, told: Sequence[Restatement]) -> list[str]:
    """What is not as a restatement promises; empty where all of it is."""
    found = []
    for one in told:
        listed = {responsible.event.log_index for responsible in one.events}
        now = counted(log, one.name)
        then = counted(only(log, lambda e: e.log_index <= frozen.as_of), one.name)

        def without(events: set[int], name: CellName = one.name) -> str:
            return counted(only(log, lambda e: e.log_index not in events), name)

        def with_alone(events: set[int], name: CellName = one.name) -> str:
            return counted(only(log, lambda e: e.log_index <= frozen.as_of or e.log_index in events), name)

        if not listed or min(listed) <= frozen.as_of:
            found.append(f"{one.name}: nothing later is listed")
        if without(listed) != then:
            found.append(f"{one.name}: without the events it is not the old number")
        if with_alone(listed) != now:
            found.append(f"{one.name}: with these events alone it is not the new number")
        for event in listed:
            fewer = listed - {event}
            if without(fewer) == then and with_alone(fewer) == now:
                found.append(f"{one.name}: event {event} can be spared")
    return found


def steps_of(facts_: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[str, Any]]:
    """Facts, and a withdrawal or replacement for every two of them."""
    return st.one_of(
        facts_.map(lambda fact: ("say", fact)),
        facts_.map(lambda fact: ("say", fact)),
        st.integers(0, 30).map(lambda number: ("void", number)),
        st.tuples(st.integers(0, 30), facts_).map(lambda pair: ("replace", pair)),
    )


def history(steps: Sequence[tuple[str, Any]], kpis: Sequence[str] = KPIS) -> FakeLog:
    """Random statements and corrections, recorded one a week through the first half of 2025, out of any order."""
    world = World()
    planned(world, kpis)
    first = len(world.log.events)
    for what, argument in steps:
        take(world, what, argument)
    world.store.close()
    for number, event in enumerate(world.log.events[first:]):
        at = us("2025-01-10") + number * 7 * 86_400_000_000
        world.log.events[first + number] = structs.replace(event, recorded_at_us=at)
    return world.log


quick = settings(
    max_examples=5,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


def check(steps: list[tuple[str, Any]], cut: int, kpis: Sequence[str], most: int = 3) -> None:
    """Every promise about some of the restatements of one history."""
    log = history(steps, kpis)
    frozen = snapshot(log, min(len(log.events), 4 + len(kpis) + cut))
    seen: dict[tuple[str, tuple[int, ...]], Restatement] = {}
    for one in restated(log, frozen):
        seen.setdefault((one.name[0], tuple(r.event.log_index for r in one.events)), one)
    assert wrong(log, frozen, list(seen.values())[:most]) == []


@quick
@given(steps=st.lists(steps_of(facts), min_size=4, max_size=16), cut=st.integers(0, 12))
def test_without_the_events_listed_the_number_is_the_old_one_and_none_can_be_spared(
    steps: list[tuple[str, Any]], cut: int
) -> None:
    check(steps, cut, KPIS)


@quick
@given(steps=st.lists(steps_of(related_facts), min_size=6, max_size=24), cut=st.integers(0, 12))
def test_so_it_is_of_numbers_whose_rows_count_together(steps: list[tuple[str, Any]], cut: int) -> None:
    check(steps, cut, RELATED)


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    planned(made)
    yield made
    made.store.close()


def say(world: World, type: str, time: str, at: str, **data: Any) -> str:
    """A statement by its own agency; ``by`` names another."""
    agency = data.pop("by", "lakeside")
    return world.say(type, data, time, at=at, agency=agency)


def closed_calls(world: World) -> None:
    """Three calls of January, known by the review: two remained in the community."""
    for call, disposition in (("c1", "remained_in_community"), ("c2", "remained_in_community"), ("c3", "arrest")):
        say(world, "call.received", "2025-01-05", "2025-01-06", call=call, psap="p", channel="911")
        say(world, "encounter.closed", "2025-01-05", "2025-01-06", call=call, disposition=disposition)


def by_name(told: Sequence[Restatement]) -> dict[CellName, Restatement]:
    return {one.name: one for one in told}


def test_a_late_report_is_told_with_who_was_late_and_by_how_many_days(world: World) -> None:
    closed_calls(world)
    frozen = snapshot(world.log, len(world.log.events))
    say(world, "call.received", "2025-01-20", "2025-03-01", call="c4", psap="p", channel="911", by="harbor")
    late = say(world, "encounter.closed", "2025-01-20", "2025-03-01", call="c4", disposition="arrest", by="harbor")
    told = by_name(restated(world.log, frozen))
    one = told["K06", 1, "2025-01", "all"]
    assert (66.7, 50) == (one.old["value"], one.new["value"])
    assert [late] == [responsible.event.id for responsible in one.events if responsible.event.type != "call.received"]
    assert {"harbor": 40} == one.late_reporters()
    assert wrong(world.log, frozen, [one]) == []


def test_the_passing_of_time_alone_restates_nothing(world: World) -> None:
    closed_calls(world)
    world.refer("r1", "2025-01-28")
    frozen = snapshot(world.log, len(world.log.events))
    assert () == restated(world.log, frozen)


def test_what_was_running_at_the_review_is_not_restated(world: World) -> None:
    closed_calls(world)
    frozen = snapshot(world.log, len(world.log.events))
    say(world, "encounter.closed", "2025-02-21", "2025-03-01", call="c9", disposition="arrest")
    assert () == restated(world.log, frozen)


def test_a_withdrawn_statement_is_told_by_the_event_that_withdraws_it(world: World) -> None:
    closed_calls(world)
    frozen = snapshot(world.log, len(world.log.events))
    world.void("e" + str(len(world.log.events)))
    voiding = world.log.events[-1]
    one = by_name(restated(world.log, frozen))["K06", 1, "2025-01", "all"]
    assert [voiding] == [responsible.event for responsible in one.events]
    assert one.events[0].takes_away == world.log.events[-2]
    assert (66.7, 100) == (one.old["value"], one.new["value"])


def test_two_withdrawals_of_one_statement_are_both_needed(world: World) -> None:
    closed_calls(world)
    frozen = snapshot(world.log, len(world.log.events))
    target = "e" + str(len(world.log.events))
    world.void(target)
    world.void(target)
    told = restated(world.log, frozen)
    assert [2] * len(told) == [len(one.events) for one in told]
    assert wrong(world.log, frozen, told[:3]) == []


def test_a_statement_withdrawn_before_the_review_stays_withdrawn_when_it_is_withdrawn_again(world: World) -> None:
    closed_calls(world)
    target = "e" + str(len(world.log.events))
    world.void(target)
    frozen = snapshot(world.log, len(world.log.events))
    world.void(target)
    say(world, "encounter.closed", "2025-01-07", "2025-03-01", call="c7", disposition="arrest")
    told = by_name(restated(world.log, frozen))
    assert [1] == [len(told["K06", 1, "2025-01", "all"].events)]
    assert wrong(world.log, frozen, list(told.values())) == []


def test_one_event_that_replaces_a_statement_about_something_else_restates_both(world: World) -> None:
    closed_calls(world)
    frozen = snapshot(world.log, len(world.log.events))
    target = "e" + str(len(world.log.events))
    data = {"call": "c2", "disposition": "arrest"}
    world.say("encounter.closed", data, "2025-01-04", at="2025-03-01", supersedes=target)
    told = restated(world.log, frozen)
    assert wrong(world.log, frozen, told) == []


def test_an_event_about_a_changed_row_that_changed_nothing_is_not_listed(world: World) -> None:
    closed_calls(world)
    frozen = snapshot(world.log, len(world.log.events))
    target = "e" + str(len(world.log.events))
    say(world, "call.received", "2025-01-06", "2025-03-01", call="c3", psap="q", channel="988")
    world.void(target)
    one = by_name(restated(world.log, frozen))["K06", 1, "2025-01", "all"]
    assert ["record.voided"] == [responsible.event.type for responsible in one.events]


@pytest.mark.parametrize("broken", [lambda later, _: list(later)[:1], lambda later, _: list(later)])
def test_control_a_list_that_is_too_short_or_too_long_is_noticed(
    world: World, monkeypatch: pytest.MonkeyPatch, broken: Callable[..., Any]
) -> None:
    closed_calls(world)
    frozen = snapshot(world.log, len(world.log.events))
    target = "e" + str(len(world.log.events))
    say(world, "call.received", "2025-01-06", "2025-03-01", call="c3", psap="q", channel="988")
    world.void(target)
    world.void(target)
    assert wrong(world.log, frozen, restated(world.log, frozen)[:1]) == []
    monkeypatch.setattr(causes, "fewest", broken)
    assert wrong(world.log, frozen, restated(world.log, frozen)[:1]) != []


def test_a_number_about_the_kpis_names_those_that_were_restated_and_their_events() -> None:
    world = World()
    planned(world, ("K06", "K38"))
    closing = {"call": "c0", "disposition": "arrest"}
    world.say("encounter.closed", closing, "2024-08-05", at="2025-01-02")
    frozen = snapshot(world.log, len(world.log.events))
    late = say(world, "encounter.closed", "2025-01-05", "2025-03-01", call="c1", disposition="arrest")
    say(world, "call.received", "2025-01-05", "2025-03-01", call="c2", psap="p", channel="911")
    one = by_name(restated(world.log, frozen))["K38", 1, "2025-01", "all"]
    assert ((0, 100), ("K06",)) == ((one.old["value"], one.new["value"]), one.kpis)
    assert [late] == [responsible.event.id for responsible in one.events]
    world.store.close()


def test_of_a_report_that_was_missing_every_later_statement_about_the_day_is_told() -> None:
    world = World()
    planned(world, ("K37",))
    body = {"agency": "lakeside", "feed": "encounter", "cadence": "monthly", "grace_days": 5, "since": "2025-01-01"}
    world.say("report.expected", body, "2025-01-01", at="2025-01-02")
    frozen = snapshot(world.log, len(world.log.events))
    both = [
        say(world, "encounter.closed", "2025-01-05", "2025-03-01", call=call, disposition="arrest")
        for call in ("c1", "c2")
    ]
    one = by_name(restated(world.log, frozen))["K37", 1, "2025-01", "all"]
    assert (0, 100) == (one.old["value"], one.new["value"])
    assert both == [responsible.event.id for responsible in one.events]
    assert wrong(world.log, frozen, [one]) == []
    world.store.close()
