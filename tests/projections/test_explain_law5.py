"""Law 5: every number lists the events behind it, and recomputing from exactly those gives the same
number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.faults import RejectedFault
from projections.kpi import AsOf, as_of_store, cells, explain
from projections.kpi.definitions import library
from projections.kpi.shapes import figures
from tests.projections.kpi_world import World, us
from tests.projections.test_cell_refresh import step, take

NOW = "2025-06-10"


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.store.close()


def rich(world: World) -> None:
    """Something of everything, with corrections."""
    world.plan("K06")
    body = {"agency": "lakeside", "feed": "encounter", "cadence": "monthly", "grace_days": 5}
    world.say("report.expected", {**body, "since": "2025-01-01"}, "2025-01-01")
    world.call("a", "2025-01-05", eligibility="eligible", arrived="2025-01-06", disposition="arrest")
    world.call("b", "2025-02-05", eligibility="eligible", disposition="respite", agency="harbor")
    world.call("c", "2025-02-05", disposition="remained_in_community")
    world.void(world.log.events[-1].id)
    fixed = {"call": "b", "disposition": "remained_in_community"}
    world.say("encounter.closed", fixed, "2025-02-06", agency="harbor", supersedes=world.log.events[-4].id)
    world.call("d", "2025-02-07", eligibility="eligible", not_sent="no_unit")
    world.refer("r1", "2025-03-01", accepted="2025-03-02", got_help="2025-03-20")
    world.refer("r2", "2025-03-01", target="lakeside")
    made = {
        "commitment": "k1",
        "agreement": "m",
        "clause": "1",
        "obligor": "harbor",
        "obligee": "lakeside",
        "deliverable": "beds",
        "recurrence": {"every": "month", "from": "2025-01-01", "until": "2025-04-30"},
    }
    world.say("commitment.made", made, "2025-01-01")
    evidence = {"commitment": "k1", "quantity": 1, "evidence_ref": "x"}
    world.say("commitment.evidenced", evidence, "2025-02-02", agency="harbor")
    measured = {"kpi": "P01", "period": "2024", "value": 41.5, "method": "returns"}
    world.say("indicator.measured", measured, "2025-02-01")
    world.say("indicator.measured", {**measured, "kpi": "P02"}, "2025-02-01")
    followed_up(world)
    people_and_money(world)
    world.refresh(NOW)


def followed_up(world: World) -> None:
    """Backup and follow-up of a civilian response, an arrest that was diverted, and governance following through."""
    call = {"call": "e"}
    received = {**call, "channel": "988", "discipline": "behavioural_health"}
    world.say("call.received", received, "2025-02-05")
    world.say("response.dispatched", {**call, "team": "civilian"}, "2025-02-05")
    world.say("response.backup_requested", call, "2025-02-05")
    world.say("encounter.closed", {**call, "disposition": "respite", "follow_up": True}, "2025-02-05")
    world.say("followup.made", {**call, "outcome": "reached"}, "2025-02-06")
    world.refer("r3", "2025-03-01", declined="2025-03-02")
    made = {"arrest": "a1", "charge_class": "misdemeanor", "divertible": True}
    world.say("arrest.made", made, "2025-02-05")
    world.say("diversion.offered", {"arrest": "a1", "program": "lead"}, "2025-02-06")
    world.say("diversion.accepted", {"arrest": "a1"}, "2025-02-07")
    plan = {"plan": "p1"}
    world.say(
        "meeting.held", {**plan, "meeting": "m1", "attendees_by_agency": {"harbor": 2}, "quorum": True}, "2025-02-05"
    )
    opened = {**plan, "action": "x1", "owner": "harbor", "due": "2025-02-20", "what": "Hire a clinician."}
    world.say("action.opened", opened, "2025-02-05")
    world.say("action.closed", {"action": "x1", "evidence_ref": "letter"}, "2025-02-18")
    world.say("review.scheduled", {**plan, "review": "v1", "due": "2025-02-28"}, "2025-02-05")
    held = {**plan, "review": "v1", "as_of": 3, "cells_sha256": "0" * 64, "cells": 12}
    world.say("review.held", held, "2025-02-27")


def people_and_money(world: World) -> None:
    """Staff and what they were trained for, force, persons met again, money and its spending, and a survey."""
    for agency, sector in (("harbor", "housing"), ("metro-police", "law_enforcement")):
        world.say("agency.joined", {"agency": agency, "name": agency, "sector": sector}, "2024-11-01", agency=agency)
        for role in ("all", "patrol"):
            body = {"agency": agency, "role": role, "period": "2025-01", "headcount": 9}
            world.say("staffing.reported", body, "2025-01-31", agency=agency)
    earned = {"certification": "z1", "staff": "s1", "kind": "cit", "role": "patrol", "expires": "2025-03-15"}
    world.say("certification.earned", earned, "2025-01-10", agency="metro-police")
    came = {"metro-police": ["s1", "s2"], "harbor": ["s3"]}
    held = {"training": "t1", "course": "x", "kind": "scenario", "hours": 4, "staff_by_agency": came}
    counts = {agency: len(staff) for agency, staff in came.items()}
    world.say("training.held", {**held, "attendees_by_agency": counts}, "2025-02-10")
    world.say("force.used", {"incident": "i1", "call": "e"}, "2025-02-05", agency="metro-police")
    for call, day in (("p1", "2025-02-05"), ("p2", "2025-02-25")):
        body = {"call": call, "disposition": "respite", "person": "t-1"}
        world.say("encounter.closed", body, day)
    taken = {"arrest": "a2", "charge_class": "felony", "divertible": False, "person": "t-1"}
    world.say("arrest.made", taken, "2025-02-06", agency="metro-police")
    for name, stage, amount in (("x1", "committed", 900), ("x2", "disbursed", 600), ("x3", "spent", 200)):
        money = {"transaction": name, "funding": "f1", "amount_minor": amount, "currency": "USD", "provider": "county"}
        world.say(f"funding.{stage}", money, "2025-02-10")
    items = [{"item": "q1", "score": 4}, {"item": "q2", "score": 3}]
    asked = {"survey": "v1", "instrument": "trust", "version": "1", "mode": "web", "n": 1, "items": items}
    world.say("survey.collected", asked, "2025-02-10")


def test_every_cell_of_every_kpi_agrees_with_its_events(world: World) -> None:
    rich(world)
    checked = 0
    periods = {"all", "2025-02", "2025-03", "2025-Q1", "2024"}
    with world.reading() as connection:
        found = [cell for cell in cells(connection, as_of=AsOf(us(NOW))) if cell.period in periods]
    for cell in found:
        opened = world.explain(cell.kpi, cell.period, cell.group, now=NOW)
        assert opened.agrees, (cell.kpi, cell.period, cell.group, opened.cell, opened.recomputed)
        assert figures(cell) == figures(opened.cell)
        checked += 1
    assert {cell.kpi for cell in found} == set(library())
    assert checked > 50


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(step, min_size=5, max_size=20), kpi=st.sampled_from(sorted(library())))
def test_law_5_holds_for_random_histories(steps: list[tuple[str, Any]], kpi: str) -> None:
    world = World()
    for what, argument in steps:
        take(world, what, argument)
    world.refresh(NOW)
    with world.reading() as connection:
        found = cells(connection, kpi=kpi, as_of=AsOf(us(NOW)))
    for cell in found[:8]:
        opened = world.explain(kpi, cell.period, cell.group, now=NOW)
        assert opened.agrees, (cell, opened.recomputed)
        assert figures(cell) == figures(opened.cell)
    world.store.close()


def test_control_an_event_left_out_of_the_recomputation_is_noticed(world: World) -> None:
    """Negative control for law 5: hide one event from the explanation's reader, and it no longer agrees."""
    world.call("a", "2025-03-05", disposition="arrest")
    world.call("b", "2025-03-05", disposition="other")
    world.refresh(NOW)
    assert world.explain("K09", "2025-03", now=NOW).agrees
    by_subject = world.log.by_subject
    world.log.by_subject = lambda subjects, upto: [  # type: ignore[method-assign]
        event for event in by_subject(subjects, upto) if event.data.get("disposition") != "arrest"
    ]
    assert not world.explain("K09", "2025-03", now=NOW).agrees


def test_superseded_events_are_listed_marked_and_count_for_nothing(world: World) -> None:
    closed = {"call": "a", "disposition": "arrest"}
    world.say("encounter.closed", closed, "2025-03-05", id="wrong")
    right = {"call": "a", "disposition": "other"}
    world.say("encounter.closed", right, "2025-03-05", id="right", supersedes="wrong")
    world.refresh(NOW)
    opened = world.explain("K09", "2025-03", now=NOW)
    assert [(e.event.id, e.superseded_by) for e in opened.events] == [("wrong", "right"), ("right", "")]
    assert [event.live for event in opened.events] == [False, True]
    assert (opened.cell.numerator, opened.cell.denominator) == (0, 1)
    assert opened.agrees


def test_what_another_agency_calls_withdrawn_still_counts(world: World) -> None:
    world.say("encounter.closed", {"call": "a", "disposition": "arrest"}, "2025-03-05", id="ours")
    data = {"supersedes": "ours", "reason": "we say so"}
    world.say("record.voided", data, "2025-03-06", id="theirs", agency="rival", subject="call/a")
    world.refresh(NOW)
    opened = world.explain("K09", "2025-03", now=NOW)
    assert [("ours", "")] == [(e.event.id, e.superseded_by) for e in opened.events if e.event.id == "ours"]
    assert (1, 1) == (opened.cell.numerator, opened.cell.denominator)
    assert opened.agrees


def test_rows_say_how_they_count(world: World) -> None:
    world.refer("a", "2025-06-01", accepted="2025-06-02")
    world.refer("b", "2025-06-01", declined="2025-06-02")
    world.refer("c", "2025-06-09")
    world.refresh(NOW)
    opened = world.explain("K17", "2025-06", now=NOW)
    assert [(row.key, row.subject, row.role, row.reason) for row in opened.rows] == [
        ("a", "referral/a", "numerator", ""),
        ("b", "referral/b", "denominator", ""),
        ("c", "referral/c", "excluded", "answer_not_due"),
    ]


def test_events_are_paged_and_the_recomputation_is_over_all_of_them(world: World) -> None:
    for number in range(7):
        world.call(f"c{number}", "2025-03-05", disposition="arrest" if number else "other")
    world.refresh(NOW)
    whole = world.explain("K09", "2025-03", now=NOW)
    assert (whole.event_count, whole.row_count) == (14, 7)
    pages = [world.explain("K09", "2025-03", now=NOW, limit=5, offset=o) for o in (0, 5, 10)]
    assert [len(page.events) for page in pages] == [5, 5, 4]
    assert [e.event.log_index for e in whole.events] == [e.event.log_index for page in pages for e in page.events]
    assert all(page.agrees for page in pages)
    listed = world.explain("K09", "2025-03", now=NOW, recompute=False)
    assert (listed.recomputed, listed.agrees) == (None, None)


def test_an_explanation_in_json_has_the_published_shape(world: World) -> None:
    world.call("a", "2025-03-05", disposition="arrest")
    world.refresh(NOW)
    body = world.explain("K09", "2025-03", now=NOW).to_json()
    assert (
        body["cell"]["value"],
        body["recomputed"],
        body["agrees"],
        body["event_count"],
    ) == (100, 100, True, 2)
    assert {"log_index", "type", "subject", "time", "recorded_at", "agency"} <= set(body["events"][0])


def test_an_unknown_kpi_is_refused_by_name(world: World) -> None:
    world.refresh(NOW)
    with pytest.raises(RejectedFault, match="K99"):
        world.explain("K99", now=NOW)
    with pytest.raises(RejectedFault, match="K06 version 9"):
        world.explain("K06", now=NOW, version=9)


def test_an_unknown_group_is_refused_and_a_known_part_without_rows_is_not(world: World) -> None:
    world.call("a", "2025-03-05", disposition="arrest")
    world.refresh(NOW)
    with pytest.raises(RejectedFault, match="agency:nobody"):
        world.explain("K09", "2025-03", "agency:nobody", now=NOW)
    assert world.explain("K02", "2024", "eligibility:eligible", now=NOW).cell.value is None


# Law 6: what was known at an earlier log_index can be read again, exactly.


def seen_at(world: World, moment: str) -> list[tuple[Any, ...]]:
    with world.reading() as connection:
        return [
            (*figures(cell), cell.status, cell.target, cell.last_us)
            for cell in cells(connection, as_of=AsOf(us(moment)))
        ]


def seen_again(world: World, moment: str, log_index: int) -> list[tuple[Any, ...]]:
    as_of = AsOf(us(moment), log_index)
    store = as_of_store(world.log, world.zone, as_of)
    with store.read() as connection:
        found = [(*figures(cell), cell.status, cell.target, cell.last_us) for cell in cells(connection, as_of=as_of)]
        assert explain(connection, world.log, "K06", "all", as_of=as_of).agrees
    store.close()
    return found


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(before=st.lists(step, min_size=3, max_size=12), after=st.lists(step, min_size=3, max_size=12))
def test_what_was_known_can_be_read_again_after_more_events_and_corrections(
    before: list[tuple[str, Any]], after: list[tuple[str, Any]]
) -> None:
    world = World()
    world.plan("K06")
    for what, argument in before:
        take(world, what, argument)
    world.refresh("2025-05-20")
    known, upto = seen_at(world, "2025-05-20"), len(world.log.events)
    for what, argument in after:
        take(world, what, argument)
    world.aim("K06", {"2025": 99})
    world.refresh("2026-01-01")
    assert known == seen_again(world, "2025-05-20", upto)
    world.store.close()


def test_control_reading_the_present_instead_of_the_past_is_noticed(world: World) -> None:
    """Negative control for law 6: the same reading of the whole log differs after a void."""
    world.call("a", "2025-03-05", disposition="arrest")
    world.refresh(NOW)
    known, upto = seen_at(world, NOW), len(world.log.events)
    world.void(world.log.events[-1].id)
    world.refresh(NOW)
    assert known == seen_again(world, NOW, upto)
    assert known != seen_again(world, NOW, upto + 1)
    assert known != seen_at(world, NOW)
