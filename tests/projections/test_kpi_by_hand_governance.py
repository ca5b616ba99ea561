"""Every KPI about reporting, promises and governance, worked out by hand: counted, empty, censored and corrected.

Moments are noon UTC of their day, in Los Angeles the same local day; a day ends there at 07:00 UTC in summer
and at 08:00 in winter. ``numbers`` are value, numerator, denominator and what was left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.projections.kpi_world import World, numbers

NOW = "2025-06-10"


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.store.close()


# K36 entry timeliness: statements recorded later than three days after they happened / statements recorded, by lag.


def entered(world: World, happened: str | None, recorded: str, agency: str = "lakeside") -> str:
    body = {"call": f"c{len(world.log.events)}", "disposition": "other"}
    return world.say("encounter.closed", body, happened, at=recorded, agency=agency)


def test_k36_counted(world: World) -> None:
    entered(world, "2025-03-10", "2025-03-10")  # the same day
    entered(world, "2025-03-10", "2025-03-13")  # 3 days
    entered(world, "2025-03-10", "2025-03-14")  # 4
    entered(world, "2025-03-10", "2025-03-17")  # 7
    entered(world, "2025-02-01", "2025-03-18", "harbor")  # more than 11, and an event of February: March recorded it
    # 4, 7 and 45 days of five; by lag 1, 1, 1, 1 and 1.
    assert (60, 3, 5, {}) == numbers(world.cell("K36", "2025-03", now=NOW))
    assert (20, 1, 5, {}) == numbers(world.cell("K36", "2025-03", "lag:11+", now=NOW))
    assert (100, 1, 1, {}) == numbers(world.cell("K36", "2025-03", "agency:harbor", now=NOW))


def test_k36_empty(world: World) -> None:
    entered(world, None, "2025-03-10")
    assert (None, 0, 0, {"time_unknown": 1}) == numbers(world.cell("K36", "2025-03", now=NOW))


def test_k36_censored(world: World) -> None:
    # Nothing waits: what is recorded in a month counts there at once, and what is recorded later counts later.
    entered(world, "2025-03-10", "2025-03-10")
    assert (0, 0, 1, {}) == numbers(world.cell("K36", "2025-03", now="2025-03-10"))
    entered(world, "2025-03-10", "2025-04-10")
    assert (0, 0, 1, {}) == numbers(world.cell("K36", "2025-03", now=NOW))
    assert (100, 1, 1, {}) == numbers(world.cell("K36", "2025-04", now=NOW))


def test_k36_corrected(world: World) -> None:
    # What is withdrawn was entered all the same, and the withdrawal (of 1 June) is an entry of its own.
    wrong = entered(world, "2025-03-10", "2025-03-20")
    world.void(wrong)
    assert (50, 1, 2, {}) == numbers(world.cell("K36", "2025-03", now=NOW))


# K37 reporting: expected reports received / expected reports whose days of grace are over; beside it those on time.


def expect(world: World, agency: str = "lakeside") -> None:
    body = {"agency": agency, "feed": "encounter", "cadence": "monthly", "grace_days": 10, "since": "2025-01-01"}
    world.say("report.expected", body, "2025-01-01")


def report(world: World, day: str, recorded: str, agency: str = "lakeside") -> str:
    body = {"call": f"c{len(world.log.events)}", "disposition": "other"}
    return world.say("encounter.closed", body, day, at=recorded, agency=agency)


def test_k37_counted(world: World) -> None:
    expect(world)
    report(world, "2025-01-15", "2025-02-10")  # January's, due by the end of 10 February: on time
    report(world, "2025-02-15", "2025-03-11")  # February's, due by the end of 10 March: late
    # March's has not come. All three are due by 11 April: two received, one of them on time.
    cell = world.cell("K37", "2025-Q1", now="2025-04-12")
    assert (66.7, 2, 3, {}) == numbers(cell)
    assert {"on_time": 33.3} == cell.to_json()["also"]


def test_k37_empty(world: World) -> None:
    report(world, "2025-01-15", "2025-02-10")
    assert world.cell("K37", "2025-Q1", now=NOW).value is None  # nobody expects anything


def test_k37_censored(world: World) -> None:
    expect(world)
    report(world, "2025-01-15", "2025-01-20")
    # January's report is here already; it is left out until the days of grace are over, as if it were not.
    early = world.cell("K37", "2025-01", now="2025-02-11T07:59:59Z")
    assert (None, 0, 0, {"not_due": 1}) == numbers(early)
    assert (100, 1, 1, {}) == numbers(world.cell("K37", "2025-01", now="2025-02-11T08:00:00Z"))


def test_k37_corrected(world: World) -> None:
    expect(world)
    world.void(report(world, "2025-01-15", "2025-01-20"))
    # The agency did report: that it took the statement back does not make it silent.
    assert (100, 1, 1, {}) == numbers(world.cell("K37", "2025-01", now="2025-03-01"))


# K38 plan hygiene: KPIs with a live owner and a value within cadence / active KPIs, judged at the month's end.


def test_k38_counted(world: World) -> None:
    world.plan("K06", since="2025-03-01")  # owned, and March has a value
    world.define("K09", owner=None, since="2025-03-01")  # a value, nobody owns it
    world.define("K17", since="2025-03-01")  # owned, no value
    world.call("a", "2025-03-05", disposition="arrest")
    cell = world.cell("K38", "2025-03", now=NOW)
    # K06 of K06, K09, K17; two of three are owned, two have a value.
    assert (33.3, 1, 3, {}) == numbers(cell)
    assert {"owned": 66.7, "current": 66.7} == cell.to_json()["also"]


def test_k38_empty(world: World) -> None:
    world.plan("K06", since="2025-04-01")
    assert world.cell("K38", "2025-03", now=NOW).value is None  # no KPI was active yet


def test_k38_censored(world: World) -> None:
    world.plan("K06", since="2025-05-01")
    # The running month is judged at the reading: in June the value of May stands, and from 31 July on none does, for
    # May's cadence (June) and thirty days of grace are over.
    world.call("a", "2025-05-05", disposition="arrest")
    assert (100, 1, 1, {}) == numbers(world.cell("K38", "2025-06", now=NOW))
    assert (100, 1, 1, {}) == numbers(world.cell("K38", "2025-07", now="2025-07-30"))
    assert (0, 0, 1, {}) == numbers(world.cell("K38", "2025-07", now="2025-08-01"))


def test_k38_corrected(world: World) -> None:
    world.plan("K06", since="2025-03-01")
    world.call("a", "2025-03-05", disposition="arrest")
    left = world.say("agency.withdrew", {"agency": "lakeside", "reason": "merged"}, "2025-03-20")
    assert (0, 0, 1, {}) == numbers(world.cell("K38", "2025-03", now=NOW))
    world.void(left)
    assert (100, 1, 1, {}) == numbers(world.cell("K38", "2025-03", now=NOW))


# K39 commitments kept: obligations met by their due day / obligations fallen due, without waived and disputed ones.


def commit(world: World, commitment: str, due: str, *steps: tuple[str, str]) -> None:
    body = {"commitment": commitment, "agreement": "m", "clause": "1", "obligor": "harbor", "obligee": "lakeside"}
    world.say("commitment.made", {**body, "deliverable": "beds", "due": due}, "2025-01-01")
    for step, day in steps:
        more: dict[str, Any] = {"quantity": 1, "evidence_ref": "r"} if step == "evidenced" else {"reason": "why"}
        # Evidence is the obligor's to give; only the other side disputes or waives.
        speaker = "harbor" if step == "evidenced" else "lakeside"
        world.say(f"commitment.{step}", {"commitment": commitment, **more}, day, agency=speaker)


def test_k39_counted(world: World) -> None:
    commit(world, "a", "2025-03-10", ("evidenced", "2025-03-10"))  # on the due day
    commit(world, "b", "2025-03-10", ("evidenced", "2025-03-11"))  # a day late
    commit(world, "c", "2025-03-10")
    commit(world, "d", "2025-03-10", ("evidenced", "2025-03-01"), ("disputed", "2025-03-12"))
    commit(world, "e", "2025-03-10", ("waived", "2025-03-01"))
    # a of a, b, c.
    assert (33.3, 1, 3, {"disputed": 1, "waived": 1}) == numbers(world.cell("K39", "2025-03", now=NOW))


def test_k39_owes_nothing_before_the_agreement_is_in_force(world: World) -> None:
    parties = ["harbor", "lakeside"]
    signed = {"agreement": "m", "kind": "mou", "parties": parties, "effective": "2025-03-10"}
    world.say("agreement.signed", signed, "2025-01-01")
    commit(world, "a", "2025-03-09")
    commit(world, "b", "2025-03-10")
    commit(world, "c", "2025-03-10", ("evidenced", "2025-03-10"))
    # b and c; a fell due the day before.
    assert (50, 1, 2, {"agreement_not_in_force": 1}) == numbers(world.cell("K39", "2025-03", now=NOW))


def test_k39_owes_nothing_after_the_agreements_end(world: World) -> None:
    parties = ["harbor", "lakeside"]
    signed = {"agreement": "m", "kind": "mou", "parties": parties, "effective": "2025-01-01"}
    world.say("agreement.signed", signed, "2025-01-01")
    commit(world, "a", "2025-03-10", ("evidenced", "2025-03-10"))
    commit(world, "b", "2025-03-10")
    commit(world, "c", "2025-03-20")
    assert (33.3, 1, 3, {}) == numbers(world.cell("K39", "2025-03", now=NOW))
    ended = world.say("agreement.ended", {"agreement": "m", "kind": "terminated"}, "2025-03-15")
    assert (50, 1, 2, {"agreement_ended": 1}) == numbers(world.cell("K39", "2025-03", now=NOW))
    opened = world.explain("K39", "2025-03", now=NOW)
    assert ended in {one.event.id for one in opened.events}
    assert opened.agrees


def test_k39_hears_no_obligor_that_waives_its_own_duty(world: World) -> None:
    commit(world, "a", "2025-03-10")
    for step in ("waived", "disputed"):
        world.say(f"commitment.{step}", {"commitment": "a", "reason": "busy"}, "2025-03-01", agency="harbor")
    assert (0, 0, 1, {}) == numbers(world.cell("K39", "2025-03", now=NOW))


def test_k39_empty(world: World) -> None:
    commit(world, "a", "2025-03-10", ("waived", "2025-03-01"))
    assert (None, 0, 0, {"waived": 1}) == numbers(world.cell("K39", "2025-03", now=NOW))


def test_k39_censored(world: World) -> None:
    commit(world, "a", "2025-03-10", ("evidenced", "2025-03-05"))
    commit(world, "b", "2025-03-10")
    # The due day ends at 07:00 UTC of the next: until then neither counts, met or not.
    early = world.cell("K39", "2025-03", now="2025-03-11T06:59:59Z")
    assert (None, 0, 0, {"not_due": 2}) == numbers(early)
    assert (50, 1, 2, {}) == numbers(world.cell("K39", "2025-03", now="2025-03-11T07:00:00Z"))


def test_k39_corrected(world: World) -> None:
    commit(world, "a", "2025-03-10", ("evidenced", "2025-03-05"))
    assert (100, 1, 1, {}) == numbers(world.cell("K39", "2025-03", now=NOW))
    world.void(world.log.events[-1].id)
    assert (0, 0, 1, {}) == numbers(world.cell("K39", "2025-03", now=NOW))


# K42 actions closed on time: closed by the end of the due day / fallen due, by owner; beside it those closed at all.


def action(world: World, name: str, due: str, closed: str | None = None, owner: str = "harbor") -> None:
    opened = {"action": name, "plan": "p1", "owner": owner, "due": due, "what": "Find out why."}
    world.say("action.opened", opened, "2025-01-10")
    if closed is not None:
        world.say("action.closed", {"action": name, "evidence_ref": "memo"}, closed)


def test_k42_counted(world: World) -> None:
    action(world, "a", "2025-03-10", "2025-03-11T06:59:59Z")  # in the last second of the due day
    action(world, "b", "2025-03-10", "2025-03-11T07:00:01Z")  # after it
    action(world, "c", "2025-02-10")  # open
    action(world, "d", "2025-03-20", "2025-02-01", owner="lakeside")
    cell = world.cell("K42", "2025-Q1", now=NOW)
    # a, d of a, b, c, d; three are closed.
    assert (50, 2, 4, {}) == numbers(cell)
    assert {"closed": 75} == cell.to_json()["also"]
    assert (33.3, 1, 3, {}) == numbers(world.cell("K42", "2025-Q1", "agency:harbor", now=NOW))


def test_k42_empty(world: World) -> None:
    action(world, "a", "2025-06-30", "2025-06-01")
    assert (None, 0, 0, {"not_due": 1}) == numbers(world.cell("K42", "2025-Q2", now=NOW))


def test_k42_censored(world: World) -> None:
    action(world, "a", "2025-03-10", "2025-03-01")
    action(world, "b", "2025-03-10")
    early = world.cell("K42", "2025-Q1", now="2025-03-11T06:59:59Z")
    assert (None, 0, 0, {"not_due": 2}) == numbers(early)
    assert (50, 1, 2, {}) == numbers(world.cell("K42", "2025-Q1", now="2025-03-11T07:00:00Z"))


def test_k42_corrected(world: World) -> None:
    # A decision is not taken back by superseding: the closing stands, and so does the number.
    action(world, "a", "2025-03-10", "2025-03-01")
    world.void(world.log.events[-1].id)
    assert (100, 1, 1, {}) == numbers(world.cell("K42", "2025-Q1", now=NOW))


# K42R reviews held: held / scheduled and fallen due; beside it those held by their due day.


def review(world: World, name: str, due: str | None, held: str | None = None) -> None:
    if due is not None:
        world.say("review.scheduled", {"review": name, "plan": "p1", "due": due}, "2025-01-10")
    if held is not None:
        body = {"review": name, "plan": "p1", "as_of": 1, "cells_sha256": "0" * 64, "cells": 3}
        world.say("review.held", body, held)


def test_k42r_counted(world: World) -> None:
    review(world, "a", "2025-03-10", "2025-03-10")
    review(world, "b", "2025-03-10", "2025-03-20")  # held, late
    review(world, "c", "2025-03-10")
    review(world, "d", None, "2025-03-10")  # nobody had scheduled it
    cell = world.cell("K42R", "2025-Q1", now=NOW)
    # a, b of a, b, c; a by its due day.
    assert (66.7, 2, 3, {"not_scheduled": 1}) == numbers(cell)
    assert {"on_time": 33.3} == cell.to_json()["also"]


def test_k42r_empty(world: World) -> None:
    review(world, "a", None, "2025-03-10")
    assert (None, 0, 0, {"not_scheduled": 1}) == numbers(world.cell("K42R", "2025-Q1", now=NOW))


def test_k42r_censored(world: World) -> None:
    review(world, "a", "2025-03-10", "2025-03-01")
    review(world, "b", "2025-03-10")
    early = world.cell("K42R", "2025-Q1", now="2025-03-11T06:59:59Z")
    assert (None, 0, 0, {"not_due": 2}) == numbers(early)
    assert (50, 1, 2, {}) == numbers(world.cell("K42R", "2025-Q1", now="2025-03-11T07:00:00Z"))


def test_k42r_corrected(world: World) -> None:
    # Put off by another decision: the review falls due where the last one says.
    review(world, "a", "2025-03-10")
    assert (0, 0, 1, {}) == numbers(world.cell("K42R", "2025-Q1", now=NOW))
    world.say("review.scheduled", {"review": "a", "plan": "p1", "due": "2025-06-30"}, "2025-03-01")
    assert world.cell("K42R", "2025-Q1", now=NOW).value is None
    assert (None, 0, 0, {"not_due": 1}) == numbers(world.cell("K42R", "2025-Q2", now=NOW))


# K42Q quorum rate: meetings with a quorum / meetings held.


def meet(world: World, name: str, day: str, quorum: bool) -> str:
    body = {"meeting": name, "plan": "p1", "attendees_by_agency": {"harbor": 2}, "quorum": quorum}
    return world.say("meeting.held", body, day)


def test_k42q_counted(world: World) -> None:
    meet(world, "a", "2025-01-10", True)
    meet(world, "b", "2025-02-10", False)
    meet(world, "c", "2025-03-10", True)
    meet(world, "d", "2025-04-10", False)  # the next quarter
    assert (66.7, 2, 3, {}) == numbers(world.cell("K42Q", "2025-Q1", now=NOW))


def test_k42q_empty(world: World) -> None:
    meet(world, "a", "2025-04-10", True)
    assert world.cell("K42Q", "2025-Q1", now=NOW).value is None


def test_k42q_censored(world: World) -> None:
    # A meeting is counted once its record is in the ledger, in the quarter in which it was held.
    meet(world, "a", "2025-03-10", True)
    assert (100, 1, 1, {}) == numbers(world.cell("K42Q", "2025-Q1", now=NOW))
    meet(world, "b", "2025-03-24", False)
    assert (50, 1, 2, {}) == numbers(world.cell("K42Q", "2025-Q1", now=NOW))


def test_k42q_corrected(world: World) -> None:
    # The record of a meeting is a decision: it stays as it was taken.
    world.void(meet(world, "a", "2025-03-10", False))
    assert (0, 0, 1, {}) == numbers(world.cell("K42Q", "2025-Q1", now=NOW))
