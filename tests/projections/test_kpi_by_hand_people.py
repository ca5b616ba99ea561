"""Every KPI about people and staff, worked out by hand: counted, empty, censored and corrected.

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


# K11 force in behavioural-health encounters: use-of-force incidents per 1,000 encounters.


def encounter(world: World, call: str, day: str | None, person: str | None = None, agency: str = "lakeside") -> str:
    body = {"call": call, "disposition": "other"}
    return world.say("encounter.closed", body if person is None else {**body, "person": person}, day, agency=agency)


def force(world: World, incident: str, call: str | None, day: str) -> str:
    body = {"incident": incident}
    return world.say("force.used", body if call is None else {**body, "call": call}, day, agency="metro-police")


def test_k11_counted(world: World) -> None:
    for number in range(8):
        encounter(world, f"c{number}", "2025-03-05")
    world.say("encounter.engaged", {"call": "c8"}, "2025-03-06")  # met, and not closed yet: an encounter all the same
    world.call("c9", "2025-03-06")  # a call without an encounter
    force(world, "i1", "c1", "2025-03-05")
    force(world, "i1", "c1", "2025-03-05")  # the same incident again: incidents are counted, not uses
    force(world, "i2", None, "2025-03-05")  # names no call, so nobody knows whether it was in an encounter
    # 1 incident / 9 encounters * 1,000 = 111.1.
    value, top, below, left_out = numbers(world.cell("K11", "2025", now=NOW))
    assert (111.1, 1, 9, {"no_call": 1}) == (round(value, 1), top, below, left_out)


def test_k11_empty(world: World) -> None:
    force(world, "i1", "c1", "2025-03-05")
    assert world.cell("K11", "2025", now=NOW).value is None  # an incident and no encounter gives no rate


def test_k11_censored(world: World) -> None:
    # Nothing waits: an encounter counts as soon as the person was met.
    world.say("encounter.engaged", {"call": "a"}, "2025-03-05")
    assert (0, 0, 1, {}) == numbers(world.cell("K11", "2025", now="2025-03-05T13:00:00Z"))


def test_k11_corrected(world: World) -> None:
    encounter(world, "a", "2025-03-05")
    said = force(world, "i1", "a", "2025-03-05")
    assert (1000, 1, 1, {}) == numbers(world.cell("K11", "2025", now=NOW))
    world.void(said)
    assert (0, 0, 1, {}) == numbers(world.cell("K11", "2025", now=NOW))


# K12 repeat encounters: persons with another encounter within 90 days / persons with at least one, whose 90 days have
# passed since the last one in the period.


def test_k12_counted(world: World) -> None:
    encounter(world, "a1", "2025-01-05", "t-a")
    encounter(world, "a2", "2025-02-05", "t-a")  # 31 days later
    encounter(world, "b1", "2025-01-05", "t-b")
    encounter(world, "b2", "2025-04-05", "t-b")  # exactly 90 days later, in the next quarter
    encounter(world, "c1", "2025-01-05", "t-c")
    encounter(world, "c2", "2025-04-06", "t-c")  # 91 days later
    encounter(world, "d1", "2025-01-05", "t-d")
    encounter(world, "e1", "2025-01-05")  # nobody says who
    # Persons of the first quarter: a, b, c, d; with another encounter in time: a, b.
    assert (50, 2, 4, {"no_person": 1}) == numbers(world.cell("K12", "2025-Q1", now="2025-12-01"))


def test_k12_empty(world: World) -> None:
    encounter(world, "a", "2025-03-05")
    assert (None, 0, 0, {"no_person": 1}) == numbers(world.cell("K12", "2025-Q1", now="2025-12-01"))


def test_k12_censored(world: World) -> None:
    encounter(world, "a1", "2025-03-05T12:00:00Z", "t-a")
    encounter(world, "a2", "2025-03-06T12:00:00Z", "t-a")  # back the next day
    encounter(world, "b1", "2025-03-05T12:00:00Z", "t-b")
    # 90 days after 5 March is 3 June, after 6 March 4 June: until then who came back waits like who did not.
    early = world.cell("K12", "2025-Q1", now="2025-06-03T11:59:59Z")
    assert (None, 0, 0, {"window_open": 2}) == numbers(early)
    later = world.cell("K12", "2025-Q1", now="2025-06-03T12:00:00Z")
    assert (0, 0, 1, {"window_open": 1}) == numbers(later)
    assert (50, 1, 2, {}) == numbers(world.cell("K12", "2025-Q1", now="2025-06-04T12:00:00Z"))


def test_k12_corrected(world: World) -> None:
    encounter(world, "a1", "2025-01-05", "t-a")
    wrong = encounter(world, "a2", "2025-02-05", "t-a")
    assert (100, 1, 1, {}) == numbers(world.cell("K12", "2025-Q1", now=NOW))
    body = {"call": "a2", "disposition": "other", "person": "t-b"}
    world.say("encounter.closed", body, "2025-02-05", supersedes=wrong)  # it had been somebody else
    assert (0, 0, 2, {}) == numbers(world.cell("K12", "2025-Q1", now=NOW))


# K15 CIT coverage: patrol staff with an unexpired certificate / patrol staff, as things stand at the period's end.


def staff(world: World, agency: str, role: str, month: str, headcount: int) -> str:
    body = {"agency": agency, "role": role, "period": month, "headcount": headcount}
    return world.say("staffing.reported", body, f"{month}-28", agency=agency)


def certified(world: World, name: str, who: str, day: str, expires: str | None = None, **more: str) -> str:
    agency = more.pop("agency", "metro-police")
    body = {"certification": name, "staff": who, "kind": "cit", "role": "patrol", **more}
    return world.say(
        "certification.earned", body if expires is None else {**body, "expires": expires}, day, agency=agency
    )


def test_k15_counted(world: World) -> None:
    staff(world, "metro-police", "patrol", "2025-01", 10)
    staff(world, "metro-police", "patrol", "2025-02", 8)  # the latest headcount stands
    staff(world, "metro-police", "dispatcher", "2025-02", 50)
    certified(world, "z1", "w1", "2024-06-01", "2026-06-01")
    certified(world, "z2", "w1", "2025-01-10")  # the same person again
    certified(world, "z3", "w2", "2025-01-10", "2025-03-31")  # good to the end of the last day of the quarter
    certified(world, "z4", "w3", "2024-01-10", "2025-03-30")  # expired the day before
    certified(world, "z5", "w4", "2025-04-10")  # earned after the quarter
    certified(world, "z6", "w5", "2025-01-10", role="dispatcher")
    # w1, w2 of 8.
    assert (25, 2, 8, {}) == numbers(world.cell("K15", "2025-Q1", now=NOW))


def test_k15_empty(world: World) -> None:
    certified(world, "z1", "w1", "2025-01-10")
    # Nobody has reported how many there are: the certificate is left out, and there is no coverage.
    assert (None, 0, 0, {"no_denominator": 1}) == numbers(world.cell("K15", "2025-Q1", now=NOW))


def test_k15_censored(world: World) -> None:
    staff(world, "metro-police", "patrol", "2025-01", 4)
    certified(world, "z1", "w1", "2025-01-10", "2025-06-10")
    # The running quarter is as things stand at the reading: good on its last day, gone the day after.
    assert (25, 1, 4, {}) == numbers(world.cell("K15", "2025-Q2", now="2025-06-10T20:00:00Z"))
    assert (0, 0, 4, {}) == numbers(world.cell("K15", "2025-Q2", now="2025-06-11T20:00:00Z"))
    # A headcount stands for twelve months and no longer.
    assert 4 == world.cell("K15", "2025-12", now="2026-03-01").denominator
    assert world.cell("K15", "2026-01", now="2026-03-01").value is None


def test_k15_corrected(world: World) -> None:
    staff(world, "metro-police", "patrol", "2025-01", 4)
    said = certified(world, "z1", "w1", "2025-01-10")
    assert 25 == world.cell("K15", "2025-Q1", now=NOW).value
    world.void(said)
    assert 0 == world.cell("K15", "2025-Q1", now=NOW).value


# K26 diversion uptake: diversions accepted / arrests whose charge may be diverted; one without an answer counts as not
# diverted once 30 days have passed.


def arrest(world: World, name: str, day: str | None, *steps: str, divertible: bool = True) -> None:
    """An arrest and what came of its diversion: ``offered``, ``accepted``, ``declined``, each on 20 March."""
    made = {"arrest": name, "charge_class": "misdemeanor", "divertible": divertible}
    world.say("arrest.made", made, day, agency="metro-police")
    for step in steps:
        more = {"program": "lead"} if step == "offered" else {}
        world.say(f"diversion.{step}", {"arrest": name, **more}, "2025-03-20")


def test_k26_counted(world: World) -> None:
    arrest(world, "a", "2025-03-05", "offered", "accepted")
    arrest(world, "b", "2025-03-05", "offered", "declined")
    arrest(world, "c", "2025-03-05", "offered")  # never answered: 30 days have passed
    arrest(world, "d", "2025-03-05")  # never offered: 30 days have passed
    arrest(world, "e", "2025-03-05", "offered", "accepted", divertible=False)  # not what it is about
    world.say("diversion.accepted", {"arrest": "f"}, "2025-03-20")  # no arrest is recorded: undated, in no quarter
    cell = world.cell("K26", "2025-Q1", now=NOW)
    # a of a, b, c, d; three of the four were offered one.
    assert (25, 1, 4, {}) == numbers(cell)
    assert {"offered": 75} == cell.to_json()["also"]
    assert (25, 1, 4, {"no_arrest": 1}) == numbers(world.cell("K26", "all", now=NOW))


def test_k26_empty(world: World) -> None:
    arrest(world, "a", "2025-03-05", divertible=False)
    assert world.cell("K26", "2025-Q1", now=NOW).value is None


def test_k26_censored(world: World) -> None:
    arrest(world, "a", "2025-03-05T12:00:00Z", "offered", "accepted")
    arrest(world, "b", "2025-03-05T12:00:00Z", "offered")
    arrest(world, "c", None, "offered")  # nobody knows since when it has gone unanswered
    early = world.cell("K26", "2025-Q1", now="2025-04-04T11:59:59Z")
    assert (100, 1, 1, {"answer_open": 1}) == numbers(early)
    assert (50, 1, 2, {}) == numbers(world.cell("K26", "2025-Q1", now="2025-04-04T12:00:00Z"))
    assert {"no_arrest_time": 1} == numbers(world.cell("K26", "all", now=NOW))[3]


def test_k26_corrected(world: World) -> None:
    arrest(world, "a", "2025-03-05", "offered", "accepted")
    assert (100, 1, 1, {}) == numbers(world.cell("K26", "2025-Q1", now=NOW))
    world.void(world.log.events[-1].id)
    assert (0, 0, 1, {}) == numbers(world.cell("K26", "2025-Q1", now=NOW))


# K28 re-arrest within 12 months (365 days) of the first arrest in the period; beside it within 183 and 730 days.


def taken(world: World, name: str, day: str, person: str | None) -> str:
    made = {"arrest": name, "charge_class": "misdemeanor", "divertible": False}
    return world.say("arrest.made", made if person is None else {**made, "person": person}, day, agency="metro-police")


LATER = "2028-01-01"


def test_k28_counted(world: World) -> None:
    taken(world, "a1", "2025-01-10", "t-a")
    taken(world, "a2", "2025-03-10", "t-a")  # 59 days later
    taken(world, "b1", "2025-01-10", "t-b")
    taken(world, "b2", "2025-12-10", "t-b")  # 334 days later
    taken(world, "c1", "2025-01-10", "t-c")
    taken(world, "c2", "2026-06-10", "t-c")  # 516 days later
    taken(world, "d1", "2025-01-10", "t-d")
    taken(world, "e1", "2025-01-10", None)  # nobody says who
    cell = world.cell("K28", "2025-01", now=LATER)
    # Of a, b, c, d: within 12 months a, b; within 6 a; within 24 a, b, c.
    assert (50, 2, 4, {"no_person": 1}) == numbers(cell)
    assert {"within_6_months": 25, "within_24_months": 75} == cell.to_json()["also"]


def test_k28_empty(world: World) -> None:
    taken(world, "a1", "2025-01-10", None)
    assert (None, 0, 0, {"no_person": 1}) == numbers(world.cell("K28", "2025-01", now=LATER))


def test_k28_censored(world: World) -> None:
    taken(world, "a1", "2025-01-10T12:00:00Z", "t-a")
    taken(world, "a2", "2025-02-10", "t-a")
    taken(world, "b1", "2025-01-10T12:00:00Z", "t-b")
    # The twelve months of January's cohort end on 10 January 2026, whether or not somebody was arrested again.
    early = world.cell("K28", "2025-01", now="2026-01-10T11:59:59Z")
    assert (None, 0, 0, {"window_open": 2}) == numbers(early)
    assert {"within_6_months": 50, "within_24_months": None} == early.to_json()["also"]
    assert (50, 1, 2, {}) == numbers(world.cell("K28", "2025-01", now="2026-01-10T12:00:00Z"))


def test_k28_corrected(world: World) -> None:
    taken(world, "a1", "2025-01-10", "t-a")
    wrong = taken(world, "a2", "2025-02-10", "t-a")
    assert (100, 1, 1, {}) == numbers(world.cell("K28", "2025-01", now=LATER))
    world.void(wrong)
    assert (0, 0, 1, {}) == numbers(world.cell("K28", "2025-01", now=LATER))


# K41 joint-training coverage: staff with a training in the last twelve months in which two sectors took part / all
# staff; beside it the lowest agency.


def partners(world: World) -> None:
    for agency, sector in (("metro-police", "law_enforcement"), ("lakeside", "behavioral_health")):
        world.say("agency.joined", {"agency": agency, "name": agency, "sector": sector}, "2024-01-01", agency=agency)
        staff(world, agency, "all", "2025-02", 10 if agency == "metro-police" else 4)


def train(world: World, name: str, day: str, **who: list[str]) -> str:
    named = {agency.replace("_", "-"): staff_ for agency, staff_ in who.items()}
    body = {"training": name, "course": "x", "kind": "scenario", "hours": 4, "staff_by_agency": named}
    body["attendees_by_agency"] = {agency: len(staff_) for agency, staff_ in named.items()}
    return world.say("training.held", body, day)


def test_k41_counted(world: World) -> None:
    partners(world)
    train(world, "t1", "2025-01-10", metro_police=["p1", "p2"], lakeside=["l1"])  # joint
    train(world, "t2", "2025-02-10", metro_police=["p2", "p3"], lakeside=["l1"])  # joint; p2 and l1 again
    train(world, "t3", "2025-02-10", metro_police=["p4", "p5"])  # one sector alone
    cell = world.cell("K41", "2025-Q1", now=NOW)
    # p1, p2, p3 of 10 and l1 of 4: 4 of 14; the police 30 %, lakeside 25 %.
    assert (28.6, 4, 14, {}) == numbers(cell)
    assert {"lowest_agency": 25} == cell.to_json()["also"]
    assert (30, 3, 10, {}) == numbers(world.cell("K41", "2025-Q1", "agency:metro-police", now=NOW))


def test_k41_empty(world: World) -> None:
    train(world, "t1", "2025-01-10", metro_police=["p1"], lakeside=["l1"])
    assert world.cell("K41", "2025-Q1", now=NOW).value is None  # how many staff there are is not known


def test_k41_censored(world: World) -> None:
    partners(world)
    train(world, "t1", "2025-01-10", metro_police=["p1"], lakeside=["l1"])
    # January's training counts in every period that ends up to December, and not in the next January.
    assert 2 == world.cell("K41", "2025-12", now="2026-02-20").numerator
    assert 0 == world.cell("K41", "2026-01", now="2026-02-20").numerator


def test_k41_corrected(world: World) -> None:
    partners(world)
    wrong = train(world, "t1", "2025-01-10", metro_police=["p1"], lakeside=["l1"])
    assert 2 == world.cell("K41", "2025-Q1", now=NOW).numerator
    body = {"training": "t1", "course": "x", "kind": "scenario", "hours": 4, "attendees_by_agency": {"metro-police": 1}}
    world.say("training.held", {**body, "staff_by_agency": {"metro-police": ["p1"]}}, "2025-01-10", supersedes=wrong)
    assert 0 == world.cell("K41", "2025-Q1", now=NOW).numerator  # only the police had been there
