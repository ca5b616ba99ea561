"""Every KPI about referrals, worked out by hand: counted, empty, censored and corrected.

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


# K17 referral acceptance: accepted / (accepted + declined + lapsed past the answer limit of 5 days); month.


def test_k17_counted(world: World) -> None:
    world.refer("a", "2025-03-01", accepted="2025-03-02")
    world.refer("b", "2025-03-01", accepted="2025-03-20")  # late, and accepted all the same
    world.refer("c", "2025-03-01", declined="2025-03-02")
    world.refer("d", "2025-03-01")  # never answered: lapsed
    world.refer("e", "2025-03-01", declined="2025-03-02", accepted="2025-03-03")  # accepted in the end
    world.say("referral.accepted", {"referral": "f"}, "2025-03-01")  # nobody asked for it: undated, in no month
    # a, b, e of a, b, c, d, e.
    assert (60, 3, 5, {}) == numbers(world.cell("K17", "2025-03", now=NOW))
    assert (60, 3, 5, {"no_request": 1}) == numbers(world.cell("K17", "all", now=NOW))


def test_k17_leaves_out_what_was_taken_back_before_an_answer(world: World) -> None:
    world.refer("a", "2025-03-01", withdrawn="2025-03-02")
    world.refer("b", "2025-03-01", accepted="2025-03-02", withdrawn="2025-03-09")  # answered first
    assert (100, 1, 1, {"withdrawn": 1}) == numbers(world.cell("K17", "2025-03", now=NOW))


def test_k17_empty(world: World) -> None:
    world.refer("a", "2025-06-09")
    assert (None, 0, 0, {"answer_not_due": 1}) == numbers(world.cell("K17", "2025-06", now=NOW))


def test_k17_censored(world: World) -> None:
    world.refer("a", "2025-03-01T12:00:00Z")
    world.refer("b", "2025-03-01T12:00:00Z", declined="2025-03-02")
    # Silence is no answer until five days have passed, and a lapse from then on.
    early = world.cell("K17", "2025-03", now="2025-03-06T11:59:59Z")
    assert (0, 0, 1, {"answer_not_due": 1}) == numbers(early)
    assert (0, 0, 2, {}) == numbers(world.cell("K17", "2025-03", now="2025-03-06T12:00:00Z"))


def test_k17_corrected(world: World) -> None:
    world.refer("a", "2025-03-01", declined="2025-03-02")
    assert (0, 0, 1, {}) == numbers(world.cell("K17", "2025-03", now=NOW))
    declined = world.log.events[-1].id
    world.say("referral.accepted", {"referral": "a"}, "2025-03-02", agency="harbor", supersedes=declined)
    assert (100, 1, 1, {}) == numbers(world.cell("K17", "2025-03", now=NOW))


# K18 loop closed on time: referrals with an end state within 30 days / referrals whose 30 days have passed.


def test_k18_counted(world: World) -> None:
    world.refer("a", "2025-03-01T12:00:00Z", got_help="2025-03-31T12:00:00Z")  # on the thirtieth day, to the second
    world.refer("b", "2025-03-01T12:00:00Z", failed="2025-03-31T12:00:01Z")  # a second late
    world.refer("c", "2025-03-01", withdrawn="2025-03-05")
    world.refer("d", "2025-03-01", accepted="2025-03-02")  # accepted, and never brought to an end
    # a, c of a, b, c, d.
    assert (50, 2, 4, {}) == numbers(world.cell("K18", "2025-03", now=NOW))


def test_k18_empty(world: World) -> None:
    world.refer("a", None, got_help="2025-03-02")
    assert (None, 0, 0, {"no_request_time": 1}) == numbers(world.cell("K18", "all", now=NOW))


def test_k18_censored(world: World) -> None:
    world.refer("a", "2025-03-01T12:00:00Z", got_help="2025-03-02")
    world.refer("b", "2025-03-01T12:00:00Z")
    # Neither counts before its thirty days have passed, not even the one that has ended.
    early = world.cell("K18", "2025-03", now="2025-03-31T11:59:59Z")
    assert (None, 0, 0, {"window_open": 2}) == numbers(early)
    assert (50, 1, 2, {}) == numbers(world.cell("K18", "2025-03", now="2025-03-31T12:00:00Z"))


def test_k18_corrected(world: World) -> None:
    world.refer("a", "2025-03-01", got_help="2025-03-20")
    assert (100, 1, 1, {}) == numbers(world.cell("K18", "2025-03", now=NOW))
    ended = world.log.events[-1].id
    later = {"referral": "a", "outcome": "got_help"}
    world.say("referral.completed", later, "2025-04-20", agency="harbor", supersedes=ended)
    assert (0, 0, 1, {}) == numbers(world.cell("K18", "2025-03", now=NOW))


# K20 need met: outcome got_help / referrals requested.


def test_k20_counted(world: World) -> None:
    world.refer("a", "2025-03-01", got_help="2025-03-20")
    world.refer("b", "2025-03-01", partly="2025-03-20")  # part of the help is not the need met
    world.refer("c", "2025-03-01", declined="2025-03-02")
    world.refer("d", "2025-03-01")
    world.refer("e", "2025-03-01", partly="2025-03-05", got_help="2025-03-20")  # the last outcome counts
    world.say("referral.completed", {"referral": "f", "outcome": "got_help"}, "2025-03-02")  # nobody asked for it
    # a, e of a, b, c, d, e.
    assert (40, 2, 5, {}) == numbers(world.cell("K20", "2025-03", now=NOW))
    assert (40, 2, 5, {"no_request": 1}) == numbers(world.cell("K20", "all", now=NOW))


def test_k20_empty(world: World) -> None:
    world.say("referral.completed", {"referral": "a", "outcome": "got_help"}, "2025-03-02")
    assert (None, 0, 0, {"no_request": 1}) == numbers(world.cell("K20", "all", now=NOW))


def test_k20_censored(world: World) -> None:
    # A referral whose outcome is not known yet is a request all the same, and no need met.
    world.refer("a", "2025-03-01")
    assert (0, 0, 1, {}) == numbers(world.cell("K20", "2025-03", now=NOW))
    world.say("referral.completed", {"referral": "a", "outcome": "got_help"}, "2025-03-02")
    assert (100, 1, 1, {}) == numbers(world.cell("K20", "2025-03", now=NOW))


def test_k20_corrected(world: World) -> None:
    world.refer("a", "2025-03-01", got_help="2025-03-20")
    assert (100, 1, 1, {}) == numbers(world.cell("K20", "2025-03", now=NOW))
    world.void(world.log.events[-1].id)
    assert (0, 0, 1, {}) == numbers(world.cell("K20", "2025-03", now=NOW))


# K21 time to accept: median days from request to acceptance; beside it the 90th percentile, and the median to the first
# service within 183 days.


def served(world: World, delivery: str, referral: str, day: str) -> str:
    return world.say("service.delivered", {"delivery": delivery, "service": "x", "referral": referral, "units": 1}, day)


def test_k21_counted(world: World) -> None:
    world.refer("a", "2025-03-01", accepted="2025-03-02")  # 1 day
    world.refer("b", "2025-03-01", accepted="2025-03-04")  # 3 days
    world.refer("c", "2025-03-01", accepted="2025-03-11")  # 10 days
    world.refer("d", "2025-03-01")
    world.refer("e", "2025-03-05", accepted="2025-03-01")  # accepted before it was requested
    served(world, "s1", "a", "2025-03-06")  # 5 days
    served(world, "s2", "a", "2025-03-03")  # 2 days: the first one
    served(world, "s3", "b", "2025-03-07")  # 6 days
    cell = world.cell("K21", "2025-03", now=NOW)
    # 1, 3, 10 days: median 3, 90th percentile at place 1.8: 3 + 0.8 * 7 = 8.6. To the first service 2 and 6 days: 4.
    assert (3, None, 3, {"not_accepted": 1, "accepted_before_request": 1}) == numbers(cell)
    assert {"p90": 8.6, "to_first_service": 4} == cell.to_json()["also"]


def test_k21_empty(world: World) -> None:
    world.refer("a", "2025-03-01")
    assert (None, None, 0, {"not_accepted": 1}) == numbers(world.cell("K21", "2025-03", now=NOW))


def test_k21_censored(world: World) -> None:
    # One that is not accepted yet is left out, and lengthens the median once it is.
    world.refer("a", "2025-03-01", accepted="2025-03-03")
    world.refer("b", "2025-03-01")
    assert 2 == world.cell("K21", "2025-03", now=NOW).value
    world.say("referral.accepted", {"referral": "b"}, "2025-03-31", agency="harbor")
    assert 16 == world.cell("K21", "2025-03", now=NOW).value  # halfway between 2 and 30
    # A service more than 183 days after the request is no first service any more.
    served(world, "s1", "a", "2025-09-01")
    assert {"to_first_service": None}.items() <= world.cell("K21", "2025-03", now="2025-12-01").to_json()[
        "also"
    ].items()


def test_k21_corrected(world: World) -> None:
    world.refer("a", "2025-03-01", accepted="2025-03-03")
    assert 2 == world.cell("K21", "2025-03", now=NOW).value
    accepted = world.log.events[-1].id
    world.say("referral.accepted", {"referral": "a"}, "2025-03-06", agency="harbor", supersedes=accepted)
    assert 5 == world.cell("K21", "2025-03", now=NOW).value


# K22 ageing open referrals: open longer than 30 days / open, at the end of the period.


def test_k22_counted(world: World) -> None:
    world.refer("a", "2025-02-01")  # open, old
    world.refer("b", "2025-03-20")  # open, young
    world.refer("c", "2025-02-01", got_help="2025-04-10")  # still open at the end of March
    world.refer("d", "2025-02-01", failed="2025-03-10")  # ended
    world.refer("e", "2025-04-01")  # not requested yet
    world.refer("f", None)  # since when it is open is not known
    # At the end of March: a, c of a, b, c.
    assert (66.7, 2, 3, {}) == numbers(world.cell("K22", "2025-03", now=NOW))
    assert (66.7, 2, 3, {}) == numbers(world.cell("K22", "2025-Q1", now=NOW))
    # At the end of April: a, b of a, b, e; c has ended.
    assert (66.7, 2, 3, {}) == numbers(world.cell("K22", "2025-04", now=NOW))


def test_k22_empty(world: World) -> None:
    world.refer("a", "2025-03-01", got_help="2025-03-10")
    assert world.cell("K22", "2025-03", now=NOW).value is None


def test_k22_censored(world: World) -> None:
    # The running month is as things stand at the reading, and what comes later is not counted before.
    world.refer("a", "2025-05-12T12:00:00Z", got_help="2025-06-20")
    assert (0, 0, 1, {}) == numbers(world.cell("K22", "2025-06", now="2025-06-11T11:59:59Z"))
    assert (100, 1, 1, {}) == numbers(world.cell("K22", "2025-06", now="2025-06-11T12:00:00Z"))
    assert world.cell("K22", "2025-06", now="2025-06-21").value is None


def test_k22_corrected(world: World) -> None:
    world.refer("a", "2025-02-01", got_help="2025-03-10")
    assert world.cell("K22", "2025-03", now=NOW).value is None
    world.void(world.log.events[-1].id)
    assert (100, 1, 1, {}) == numbers(world.cell("K22", "2025-03", now=NOW))


# K23 declined for lack of capacity: declined because there was no capacity / declined; by need, quarter of the request.


def ask(world: World, referral: str, day: str | None, need: str = "housing", declined: str | None = None) -> None:
    request = {"referral": referral, "requester": "lakeside", "target": "harbor", "need": need}
    world.say("referral.requested", request, day)
    if declined is not None:
        answer = {"referral": referral, "reason": declined}
        world.say("referral.declined", answer, "2025-03-20", agency="harbor")


def test_k23_counted(world: World) -> None:
    ask(world, "a", "2025-01-10", "housing", "no_capacity")
    ask(world, "b", "2025-02-10", "housing", "not_eligible")
    ask(world, "c", "2025-03-10", "food", "no_capacity")
    ask(world, "d", "2025-03-10", "food", "no_capacity")
    ask(world, "e", "2025-03-10", "food")  # not declined
    ask(world, "f", "2024-12-10", "food", "out_of_area")  # requested the quarter before
    declined = {"referral": "g", "reason": "no_capacity"}
    world.say("referral.declined", declined, "2025-03-20", agency="harbor")  # nobody asked for it
    # a, c, d of a, b, c, d; housing: a of a, b; food: c, d of c, d.
    assert (75, 3, 4, {}) == numbers(world.cell("K23", "2025-Q1", now=NOW))
    assert (50, 1, 2, {}) == numbers(world.cell("K23", "2025-Q1", "need:housing", now=NOW))
    assert (100, 2, 2, {}) == numbers(world.cell("K23", "2025-Q1", "need:food", now=NOW))
    assert (60, 3, 5, {"no_request": 1}) == numbers(world.cell("K23", "all", now=NOW))


def test_k23_empty(world: World) -> None:
    ask(world, "a", "2025-03-10")
    assert world.cell("K23", "2025-Q1", now=NOW).value is None


def test_k23_censored(world: World) -> None:
    # One that is still open is not counted; once it is declined it counts in the quarter in which it was requested.
    ask(world, "a", "2025-03-30", declined="no_capacity")
    ask(world, "b", "2025-03-30")
    assert (100, 1, 1, {}) == numbers(world.cell("K23", "2025-Q1", now=NOW))
    world.say("referral.declined", {"referral": "b", "reason": "duplicate"}, "2025-04-02", agency="harbor")
    assert (50, 1, 2, {}) == numbers(world.cell("K23", "2025-Q1", now=NOW))
    assert world.cell("K23", "2025-Q2", now=NOW).value is None


def test_k23_corrected(world: World) -> None:
    ask(world, "a", "2025-03-10", declined="no_capacity")
    assert (100, 1, 1, {}) == numbers(world.cell("K23", "2025-Q1", now=NOW))
    wrong = world.log.events[-1].id
    right = {"referral": "a", "reason": "not_eligible"}
    world.say("referral.declined", right, "2025-03-20", agency="harbor", supersedes=wrong)
    assert (0, 0, 1, {}) == numbers(world.cell("K23", "2025-Q1", now=NOW))
