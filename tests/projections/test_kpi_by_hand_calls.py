"""Every KPI about calls and encounters, worked out by hand: counted, empty, censored and corrected.

Moments are noon UTC of their day, in Los Angeles the same local day; ``numbers`` are value, numerator, denominator and
what was left out.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.projections.kpi_world import World, numbers

NOW = "2025-06-10"


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.store.close()


# K01 eligible-call coverage: eligible calls with an arrived alternative or co-response team / eligible calls in area
# and hours; quarter.


def test_k01_counted(world: World) -> None:
    world.call("a", "2025-01-05", eligibility="eligible", arrived="2025-01-05", team="civilian")  # covered
    world.call("b", "2025-02-05", eligibility="eligible", arrived="2025-02-05", team="co_response")  # covered
    world.call("c", "2025-03-05", eligibility="eligible", arrived="2025-03-05", team="police")  # police is no coverage
    world.call("d", "2025-03-05", eligibility="eligible", not_sent="no_unit")  # in area and hours, and not covered
    world.call("e", "2025-03-05", eligibility="eligible", not_sent="out_of_hours")  # left out
    world.call("f", "2025-03-05", eligibility="eligible", not_sent="geography")  # left out
    world.call("g", "2025-03-05", eligibility="ineligible", arrived="2025-03-05")  # not what it is about
    # a, b of a, b, c, d = 50 %.
    assert (50, 2, 4, {"out_of_hours": 1, "geography": 1}) == numbers(world.cell("K01", "2025-Q1", now=NOW))


def test_k01_empty(world: World) -> None:
    world.call("a", "2025-03-05", eligibility="ineligible")
    world.call("b", "2025-03-05", eligibility="eligible", not_sent="geography")
    assert (None, 0, 0, {"geography": 1}) == numbers(world.cell("K01", "2025-Q1", now=NOW))


def test_k01_censored(world: World) -> None:
    world.call("a", "2025-03-05")
    assert world.cell("K01", "2025-Q1", now=NOW).value is None  # not triaged yet
    world.say("call.triaged", {"call": "a", "eligibility": "eligible"}, "2025-03-05")
    assert (0, 0, 1, {}) == numbers(world.cell("K01", "2025-Q1", now=NOW))  # the team is still on its way
    world.say("response.arrived", {"call": "a", "team": "civilian"}, "2025-03-05")
    assert (100, 1, 1, {}) == numbers(world.cell("K01", "2025-Q1", now=NOW))


def test_k01_corrected(world: World) -> None:
    world.call("a", "2025-03-05", eligibility="eligible")
    arrived = world.say("response.arrived", {"call": "a", "team": "civilian"}, "2025-03-05")
    world.cell("K01", "2025-Q1", now=NOW)
    world.say("response.arrived", {"call": "a", "team": "police"}, "2025-03-05", supersedes=arrived)
    assert (0, 0, 1, {}) == numbers(world.cell("K01", "2025-Q1", now=NOW))


# K02 eligibility split: eligible, ineligible and not triaged as three shares of all calls, which sum to 100.


def test_k02_counted(world: World) -> None:
    for name, eligibility in (("a", "eligible"), ("b", "ineligible"), ("c", "ineligible"), ("d", None), ("e", None)):
        world.call(name, "2025-03-05", eligibility=eligibility)
    world.call("f", "2025-03-05")
    # Of six calls one is eligible (16.67), two are not (33.33), three were never triaged (50): with one digit 16.7,
    # 33.3 and 50.0, which sum to 100. The value is the share of the eligible.
    assert (16.7, 1, 6, {}) == numbers(world.cell("K02", "2025-03", now=NOW))
    parts = {
        part: numbers(world.cell("K02", "2025-03", f"eligibility:{part}", now=NOW))[:3]
        for part in ("eligible", "ineligible", "not_triaged")
    }
    assert {"eligible": (16.7, 1, 6), "ineligible": (33.3, 2, 6), "not_triaged": (50, 3, 6)} == parts


def test_k02_empty(world: World) -> None:
    world.call("a", "2025-02-05")
    cell = world.cell("K02", "2025-03", now=NOW)
    assert (None, "no_data") == (cell.value, cell.status)


def test_k02_censored(world: World) -> None:
    # A call that nobody has triaged yet is its own part, and not one of the ineligible.
    world.call("a", "2025-03-05")
    assert (100, 1, 1, {}) == numbers(world.cell("K02", "2025-03", "eligibility:not_triaged", now=NOW))
    world.say("call.triaged", {"call": "a", "eligibility": "ineligible"}, "2025-03-06")
    assert (0, 0, 1, {}) == numbers(world.cell("K02", "2025-03", "eligibility:not_triaged", now=NOW))


def test_k02_corrected(world: World) -> None:
    world.call("a", "2025-03-05")
    triaged = world.say("call.triaged", {"call": "a", "eligibility": "ineligible"}, "2025-03-05")
    assert (0, 0, 1, {}) == numbers(world.cell("K02", "2025-03", now=NOW))
    world.say("call.triaged", {"call": "a", "eligibility": "eligible"}, "2025-03-05", supersedes=triaged)
    assert (100, 1, 1, {}) == numbers(world.cell("K02", "2025-03", now=NOW))


# K03 unexplained non-service: eligible calls not served for which no reason is recorded / eligible calls not served.


def test_k03_counted(world: World) -> None:
    world.call("a", "2025-03-05", eligibility="eligible")  # not served, no reason
    world.call(
        "b", "2025-03-05", eligibility="eligible", arrived="2025-03-05", team="police"
    )  # police alone: not served
    world.call("c", "2025-03-05", eligibility="eligible", not_sent="safety")  # not served, a reason
    world.call("d", "2025-03-05", eligibility="eligible", arrived="2025-03-05")  # served
    world.call("e", "2025-03-05", eligibility="ineligible")
    # a, b of a, b, c.
    assert (66.7, 2, 3, {}) == numbers(world.cell("K03", "2025-Q1", now=NOW))


def test_k03_empty(world: World) -> None:
    world.call("a", "2025-03-05", eligibility="eligible", arrived="2025-03-05")
    assert world.cell("K03", "2025-Q1", now=NOW).value is None


def test_k03_censored(world: World) -> None:
    # A team still on its way counts as not served until it has arrived; then the call is no longer looked at.
    world.call("a", "2025-03-05", eligibility="eligible")
    assert (100, 1, 1, {}) == numbers(world.cell("K03", "2025-Q1", now=NOW))
    world.say("response.arrived", {"call": "a", "team": "civilian"}, "2025-03-05")
    assert world.cell("K03", "2025-Q1", now=NOW).value is None


def test_k03_corrected(world: World) -> None:
    world.call("a", "2025-03-05", eligibility="eligible")
    reason = world.say("response.not_sent", {"call": "a", "reason": "no_unit"}, "2025-03-05")
    assert (0, 0, 1, {}) == numbers(world.cell("K03", "2025-Q1", now=NOW))
    world.void(reason)
    assert (100, 1, 1, {}) == numbers(world.cell("K03", "2025-Q1", now=NOW))


# K04 out-of-hours unmet demand: eligible calls to which nobody came because it was outside service hours; count.


def test_k04_counted(world: World) -> None:
    world.call("a", "2025-01-05", eligibility="eligible", not_sent="out_of_hours")
    world.call("b", "2025-03-05", eligibility="eligible", not_sent="out_of_hours")
    world.call(
        "c", "2025-03-05", eligibility="eligible", not_sent="out_of_hours", arrived="2025-03-05"
    )  # somebody came
    world.call("d", "2025-03-05", eligibility="eligible", not_sent="no_unit")
    world.call("e", "2025-03-05", eligibility="ineligible", not_sent="out_of_hours")
    world.call("f", "2025-04-05", eligibility="eligible", not_sent="out_of_hours")  # the next quarter
    # a, b; the denominator is every eligible call of the quarter: a, b, c, d.
    assert (2, 2, 4, {}) == numbers(world.cell("K04", "2025-Q1", now=NOW))


def test_k04_empty(world: World) -> None:
    world.call("a", "2025-03-05", not_sent="out_of_hours")
    assert world.cell("K04", "2025-Q1", now=NOW).value is None  # no eligible call is known
    world.call("b", "2025-03-05", eligibility="eligible", not_sent="no_unit")
    assert (0, 0, 1, {}) == numbers(world.cell("K04", "2025-Q1", now=NOW))  # there is one, and none was out of hours


def test_k04_censored(world: World) -> None:
    # Nobody has said yet why no team came: it is not counted until somebody does.
    world.call("a", "2025-03-05", eligibility="eligible")
    assert (0, 0, 1, {}) == numbers(world.cell("K04", "2025-Q1", now=NOW))
    world.say("response.not_sent", {"call": "a", "reason": "out_of_hours"}, "2025-03-05")
    assert (1, 1, 1, {}) == numbers(world.cell("K04", "2025-Q1", now=NOW))


def test_k04_corrected(world: World) -> None:
    world.call("a", "2025-03-05", eligibility="eligible")
    reason = world.say("response.not_sent", {"call": "a", "reason": "out_of_hours"}, "2025-03-05")
    assert (1, 1, 1, {}) == numbers(world.cell("K04", "2025-Q1", now=NOW))
    world.say("response.not_sent", {"call": "a", "reason": "geography"}, "2025-03-05", supersedes=reason)
    assert (0, 0, 1, {}) == numbers(world.cell("K04", "2025-Q1", now=NOW))


# K05 request to arrival: arrival - request, valid order only; median, 90th percentile, share of at most 60 minutes.


def took(world: World, call: str, received: str | None, arrived: str | None) -> str:
    """A call received and answered at times of 1 March; returns the id of the last event."""
    day = "2025-03-01T{}:00Z"
    last = world.say(
        "call.received", {"call": call, "channel": "911"}, None if received is None else day.format(received)
    )
    if arrived is not None:
        last = world.say("response.arrived", {"call": call, "team": "ems"}, day.format(arrived))
    return last


def test_k05_counted(world: World) -> None:
    took(world, "a", "10:00", "10:10")
    took(world, "b", "10:00", "10:20")
    took(world, "c", "10:00", "11:00")
    took(world, "d", "10:00", "12:00")
    took(world, "e", "10:00", "09:59")  # the arrival stands before the request
    took(world, "f", "10:00", None)
    took(world, "g", None, "10:30")
    cell = world.cell("K05", "2025-03", now=NOW)
    # 10, 20, 60, 120 minutes. Median: halfway between 20 and 60. 90th percentile (type 7): place 0.9 * 3 = 2.7 lies
    # seven tenths from 60 to 120: 102. Three of four are at most 60.
    left_out = {"arrival_before_request": 1, "no_arrival_time": 1, "no_request_time": 1}
    assert (40, None, 4, left_out) == numbers(cell)
    assert {"p90": 102, "share_at_most_60": 75} == cell.to_json()["also"]


def test_k05_empty(world: World) -> None:
    took(world, "a", "10:00", "09:00")
    assert (None, None, 0, {"arrival_before_request": 1}) == numbers(world.cell("K05", "2025-03", now=NOW))


def test_k05_censored(world: World) -> None:
    took(world, "a", "10:00", "10:10")
    took(world, "b", "10:00", None)  # nobody has arrived yet: no waiting time is known, not even a short one
    assert (10, None, 1, {"no_arrival_time": 1}) == numbers(world.cell("K05", "2025-03", now=NOW))


def test_k05_corrected(world: World) -> None:
    took(world, "a", "10:00", "10:10")
    wrong = took(world, "b", "10:00", "11:00")
    # 10 and 60 minutes: 35. The arrival is put right to 20 minutes after the request: 15.
    assert 35 == world.cell("K05", "2025-03", now=NOW).value
    arrived = {"call": "b", "team": "ems"}
    world.say("response.arrived", arrived, "2025-03-01T10:20:00Z", supersedes=wrong)
    assert 15 == world.cell("K05", "2025-03", now=NOW).value


# K06 to K09: one disposition / encounters with a disposition. Six encounters: two ended in the community, and one each
# in an emergency department, a sobering centre and an arrest; one has no disposition.


def six_encounters(world: World) -> None:
    ends = ["remained_in_community", "remained_in_community", "emergency_department", "sobering", "arrest", None]
    for number, disposition in enumerate(ends):
        world.call(f"c{number}", "2025-03-05", disposition=disposition)


def one_encounter(world: World, disposition: str) -> str:
    return world.say("encounter.closed", {"call": "x", "disposition": disposition}, "2025-03-05")


def put_right(world: World, kpi: str, wrong: str, right: str) -> list[object]:
    """The value of one encounter with a wrong disposition, with the right one instead, and with none."""
    said = one_encounter(world, wrong)
    found: list[object] = [world.cell(kpi, "2025-03", now=NOW).value]
    said = world.say("encounter.closed", {"call": "x", "disposition": right}, "2025-03-05", supersedes=said)
    found.append(world.cell(kpi, "2025-03", now=NOW).value)
    world.void(said)
    return [*found, world.cell(kpi, "2025-03", now=NOW).value]


def still_open(world: World, kpi: str, disposition: str) -> list[object]:
    """(numerator, denominator) with one encounter that has ended, and one more that is open and then ends."""
    one_encounter(world, "other")
    world.call("y", "2025-03-05")
    before = numbers(world.cell(kpi, "2025-03", now=NOW))[1:3]
    world.say("encounter.closed", {"call": "y", "disposition": disposition}, "2025-03-05")
    return [before, numbers(world.cell(kpi, "2025-03", now=NOW))[1:3]]


def test_k06_counted(world: World) -> None:
    six_encounters(world)
    assert (40, 2, 5, {}) == numbers(world.cell("K06", "2025-03", now=NOW))


def test_k06_empty(world: World) -> None:
    world.call("a", "2025-03-05")
    assert world.cell("K06", "2025-03", now=NOW).value is None


def test_k06_censored(world: World) -> None:
    assert [(0, 1), (1, 2)] == still_open(world, "K06", "remained_in_community")


def test_k06_corrected(world: World) -> None:
    assert [0, 100, None] == put_right(world, "K06", "arrest", "remained_in_community")


def test_k07_counted(world: World) -> None:
    six_encounters(world)
    assert (20, 1, 5, {}) == numbers(world.cell("K07", "2025-03", now=NOW))


def test_k07_empty(world: World) -> None:
    world.call("a", "2025-03-05")
    assert world.cell("K07", "2025-03", now=NOW).value is None


def test_k07_censored(world: World) -> None:
    assert [(0, 1), (1, 2)] == still_open(world, "K07", "emergency_department")


def test_k07_corrected(world: World) -> None:
    assert [100, 0, None] == put_right(world, "K07", "emergency_department", "respite")


def test_k08_counted(world: World) -> None:
    six_encounters(world)
    world.call("d", "2025-03-05", disposition="walk_in_center")
    world.call("e", "2025-03-05", disposition="respite")
    # The sobering centre, the walk-in centre and the respite place of seven: 42.86.
    assert (42.9, 3, 7, {}) == numbers(world.cell("K08", "2025-03", now=NOW))


def test_k08_empty(world: World) -> None:
    world.call("a", "2025-03-05")
    assert world.cell("K08", "2025-03", now=NOW).value is None


def test_k08_censored(world: World) -> None:
    assert [(0, 1), (1, 2)] == still_open(world, "K08", "respite")


def test_k08_corrected(world: World) -> None:
    assert [100, 0, None] == put_right(world, "K08", "sobering", "emergency_department")


def test_k09_counted(world: World) -> None:
    six_encounters(world)
    assert (20, 1, 5, {}) == numbers(world.cell("K09", "2025-03", now=NOW))


def test_k09_empty(world: World) -> None:
    world.call("a", "2025-03-05")
    assert world.cell("K09", "2025-03", now=NOW).value is None


def test_k09_censored(world: World) -> None:
    assert [(0, 1), (1, 2)] == still_open(world, "K09", "arrest")


def test_k09_corrected(world: World) -> None:
    assert [100, 0, None] == put_right(world, "K09", "arrest", "respite")


# K10 police backup requested: requests for backup / responses without police; year.


def sent(world: World, call: str, day: str, team: str, *, backup: bool = False, step: str = "dispatched") -> None:
    world.say(f"response.{step}", {"call": call, "team": team}, day)
    if backup:
        world.say("response.backup_requested", {"call": call}, day)


def test_k10_counted(world: World) -> None:
    sent(world, "a", "2025-01-05", "civilian", backup=True)
    sent(world, "b", "2025-03-05", "civilian")
    sent(world, "c", "2025-05-05", "ems")
    sent(world, "d", "2025-05-05", "civilian", step="arrived")  # that it was sent was never said; that it came was
    sent(world, "e", "2025-05-05", "co_response", backup=True)  # police are part of the team
    sent(world, "f", "2025-05-05", "police", backup=True)
    sent(world, "g", "2024-12-30", "civilian", backup=True)  # another year
    world.say("response.backup_requested", {"call": "h"}, "2025-05-05")  # nobody said that anyone was sent
    # a of a, b, c, d. The request about h has no moment by which its call is dated, so it counts in no year.
    assert (25, 1, 4, {}) == numbers(world.cell("K10", "2025", now=NOW))
    assert (40, 2, 5, {"no_response_recorded": 1}) == numbers(world.cell("K10", "all", now=NOW))


def test_k10_empty(world: World) -> None:
    sent(world, "a", "2025-05-05", "police")
    assert world.cell("K10", "2025", now=NOW).value is None


def test_k10_censored(world: World) -> None:
    # A call to which nobody has been sent yet is no response.
    world.call("a", "2025-05-05", eligibility="eligible")
    sent(world, "b", "2025-05-05", "civilian", backup=True)
    assert (100, 1, 1, {}) == numbers(world.cell("K10", "2025", now=NOW))
    sent(world, "a", "2025-05-05", "civilian")
    assert (50, 1, 2, {}) == numbers(world.cell("K10", "2025", now=NOW))


def test_k10_corrected(world: World) -> None:
    sent(world, "a", "2025-05-05", "civilian", backup=True)
    sent(world, "b", "2025-05-05", "civilian", backup=True)
    assert (100, 2, 2, {}) == numbers(world.cell("K10", "2025", now=NOW))
    world.void(world.log.events[-1].id)
    assert (50, 1, 2, {}) == numbers(world.cell("K10", "2025", now=NOW))


# K24 follow-up within 48 hours: the person reached at most 48 hours after the end / encounters owed one whose 48
# hours have passed.


def owed(world: World, call: str, ended: str | None, reached: str | None = None, **more: object) -> None:
    world.say("call.received", {"call": call, "channel": "988"}, "2025-03-01")
    body = {"call": call, "disposition": "remained_in_community", "follow_up": True, **more}
    world.say("encounter.closed", body, ended)
    if reached is not None:
        world.say("followup.made", {"call": call, "outcome": "reached"}, reached)


def test_k24_counted(world: World) -> None:
    owed(world, "a", "2025-03-05T12:00:00Z", "2025-03-07T12:00:00Z")  # exactly 48 hours
    owed(world, "b", "2025-03-05T12:00:00Z", "2025-03-07T12:00:01Z")  # a second too late
    owed(world, "c", "2025-03-05")  # never reached
    world.say("followup.made", {"call": "c", "outcome": "attempted"}, "2025-03-06")
    owed(world, "d", "2025-03-05", "2025-03-04")  # reached before it had ended
    owed(world, "e", None, "2025-03-06")  # nobody knows when it ended
    owed(world, "f", "2025-03-05", "2025-03-06", follow_up=False)  # none was owed
    # a of a, b, c.
    left_out = {"contact_before_end": 1, "no_end_time": 1}
    assert (33.3, 1, 3, left_out) == numbers(world.cell("K24", "2025-03", now=NOW))


def test_k24_empty(world: World) -> None:
    owed(world, "a", "2025-03-05", follow_up=False)
    assert world.cell("K24", "2025-03", now=NOW).value is None


def test_k24_censored(world: World) -> None:
    owed(world, "a", "2025-03-05T12:00:00Z", "2025-03-05T13:00:00Z")  # reached within the hour
    owed(world, "b", "2025-03-05T12:00:00Z")
    # Before 48 hours have passed neither counts, reached or not.
    early = world.cell("K24", "2025-03", now="2025-03-07T11:59:59Z")
    assert (None, 0, 0, {"window_open": 2}) == numbers(early)
    assert (50, 1, 2, {}) == numbers(world.cell("K24", "2025-03", now="2025-03-07T12:00:00Z"))


def test_k24_corrected(world: World) -> None:
    owed(world, "a", "2025-03-05", "2025-03-06")
    assert (100, 1, 1, {}) == numbers(world.cell("K24", "2025-03", now=NOW))
    attempted = {"call": "a", "outcome": "attempted"}
    world.say("followup.made", attempted, "2025-03-06", supersedes=world.log.events[-1].id)
    assert (0, 0, 1, {}) == numbers(world.cell("K24", "2025-03", now=NOW))


# K48 calls for service: police and behavioural health, without fire, emergency medical and other services.


def received(world: World, call: str, discipline: str | None, day: str = "2025-03-05") -> str:
    body = {"call": call, "channel": "911"}
    return world.say("call.received", body if discipline is None else {**body, "discipline": discipline}, day)


def test_k48_counted(world: World) -> None:
    for number, discipline in enumerate(
        ["police", "police", "behavioural_health", "fire", "ems", "ems", "other", None]
    ):
        received(world, f"c{number}", discipline)
    received(world, "april", "police", "2025-04-05")
    # Two for the police, one for behavioural health.
    left_out = {"fire": 1, "ems": 2, "non_police": 1, "discipline_unknown": 1}
    assert (3, 3, 3, left_out) == numbers(world.cell("K48", "2025-03", now=NOW))
    assert (2, 2, 2, {}) == numbers(world.cell("K48", "2025-03", "discipline:police", now=NOW))
    assert (1, 1, 1, {}) == numbers(world.cell("K48", "2025-03", "discipline:behavioural_health", now=NOW))


def test_k48_empty(world: World) -> None:
    received(world, "a", "fire")
    assert (None, 0, 0, {"fire": 1}) == numbers(world.cell("K48", "2025-03", now=NOW))


def test_k48_censored(world: World) -> None:
    # A call is counted once it was received: what is only known from a later step is not.
    world.say("response.arrived", {"call": "a", "team": "police"}, "2025-03-05")
    assert world.cell("K48", "2025-03", now=NOW).value is None
    received(world, "a", "police")
    assert (1, 1, 1, {}) == numbers(world.cell("K48", "2025-03", now=NOW))


def test_k48_corrected(world: World) -> None:
    wrong = received(world, "a", "police")
    assert 1 == world.cell("K48", "2025-03", now=NOW).value
    body = {"call": "a", "channel": "911", "discipline": "fire"}
    world.say("call.received", body, "2025-03-05", supersedes=wrong)
    assert (None, 0, 0, {"fire": 1}) == numbers(world.cell("K48", "2025-03", now=NOW))
