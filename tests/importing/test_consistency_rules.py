"""Consistency rules flag rows under their names; what they flag is imported unchanged."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from contracts.recorded import Outcome
from ops.importing import ImportReport, Mapping, run

NIGHT = "2025-11-02 01:30:00"
"""Occurs twice in Los Angeles: clocks go back from 02:00 to 01:00 on that day."""
GAP = "2025-03-09 02:30:00"
"""Never was in Los Angeles: clocks go forward from 02:00 to 03:00 on that day."""


def outcomes(bodies: list[bytes]) -> list[Outcome]:
    return [Outcome("recorded")] * len(bodies)


def flags(report: ImportReport) -> dict[str, int]:
    return {rule: n for rule, n in report.flags.items() if n}


CASES: list[tuple[str, list[Any]]] = [
    ("arrival_before_request", [1, "2025-03-01 10:00", "2025-03-01 09:59", "", "", "", "Home", ""]),
    ("no_times_at_all", [1, "", "", "", "", "", "Home", ""]),
    ("departure_without_arrival", [1, "2025-03-01 10:00", "", "2025-03-01 10:30", "", "", "Home", ""]),
    ("minutes_disagree", [1, "2025-03-01 10:00", "2025-03-01 10:01", "2025-03-01 10:31", "", "", "Home", 31]),
    ("minutes_blank", [1, "2025-03-01 10:00", "2025-03-01 10:01", "2025-03-01 10:31", "", "", "Home", ""]),
    ("stayed_over_a_day", [1, "2025-03-01 10:00", "2025-03-01 10:01", "2025-03-02 10:02", "", "", "Home", 1441]),
    ("need_repeated", [1, "2025-03-01 10:00", "", "", "Drink", "Drink", "Home", ""]),
    ("time_at_midnight", [1, "2025-03-01 00:00", "", "", "", "", "Home", ""]),
    ("local_time_ambiguous", [1, NIGHT, "", "", "", "", "Home", ""]),
    ("local_time_nonexistent", [1, GAP, "", "", "", "", "Home", ""]),
    ("surrounding_spaces", [1, "2025-03-01 10:00", "", "", "", "", " Home", ""]),
    ("spelling_variant", [1, "2025-03-01 10:00", "", "", "", "", "home", ""]),
    ("end_unmapped", [1, "2025-03-01 10:00", "", "", "", "", "Aunt", ""]),
]


@pytest.mark.parametrize(("rule", "row"), CASES, ids=[case[0] for case in CASES])
def test_a_row_is_flagged_under_the_rule_it_breaks_and_no_other(
    save, dispatches, heading, plain_row, rule, row
) -> None:
    path = save("a.csv", [heading, plain_row, row])
    report = run(path, Mapping.model_validate(dispatches), outcomes)
    assert {rule: 1} == flags(report)
    assert {rule: [3]} == report.examples
    assert report.rejected == 0


def test_a_rule_that_nothing_breaks_is_reported_with_zero(save, dispatches, heading, plain_row) -> None:
    report = run(save("a.csv", [heading, plain_row]), Mapping.model_validate(dispatches), outcomes)
    assert dict.fromkeys([case[0] for case in CASES], 0) == report.as_dict()["flags"]


def test_without_the_rule_nothing_is_flagged(save, dispatches, heading) -> None:
    # The negative control of every case above: the flag comes from the rule and from nothing else.
    dispatches["rules"] = []
    dispatches["codes"]["end"]["map"] |= {"home": "remained_in_community", "Aunt": "other"}
    dispatches["codes"]["end"]["variants"] = {}
    report = run(save("a.csv", [heading, *[row for _, row in CASES]]), Mapping.model_validate(dispatches), outcomes)
    assert flags(report) == {}


def test_what_is_flagged_is_neither_repaired_nor_dropped(save, intake, dispatches, heading) -> None:
    row = [1, "2025-03-01 10:00", "2025-03-01 09:00", "", "Drink", "Drink", "home", ""]
    run(save("a.csv", [heading, row]), Mapping.model_validate(dispatches), intake.record)
    received, arrived, closed = [orjson.loads(body) for body in intake.bodies]
    assert (received["time"], arrived["time"]) == ("2025-03-01T10:00:00-08:00", "2025-03-01T09:00:00-08:00")
    assert received["data"]["local_needs"] == ["Drink", "Drink"]
    assert (
        closed["data"]["disposition"],
        closed["data"]["local_disposition"],
    ) == ("remained_in_community", "home")


def test_an_unlisted_code_takes_the_stated_fallback_and_keeps_its_own_words(save, intake, dispatches, heading) -> None:
    run(
        save("a.csv", [heading, [1, "", "", "", "", "", "Aunt", ""]]), Mapping.model_validate(dispatches), intake.record
    )
    data = orjson.loads(intake.bodies[-1])["data"]
    assert (data["disposition"], data["local_disposition"]) == ("other", "Aunt")


@pytest.mark.parametrize(
    ("policy", "time"),
    [("earlier", "2025-11-02T01:30:00-07:00"), ("later", "2025-11-02T01:30:00-08:00"), ("unknown", None)],
)
def test_an_hour_that_occurs_twice_follows_the_stated_policy(save, intake, dispatches, heading, policy, time) -> None:
    dispatches["times"]["ambiguous"] = policy
    row = [1, NIGHT, "", "", "", "", "Home", ""]
    report = run(save("a.csv", [heading, row]), Mapping.model_validate(dispatches), intake.record)
    assert time == orjson.loads(intake.bodies[0]).get("time")
    assert flags(report) == {"local_time_ambiguous": 1}


@pytest.mark.parametrize(("policy", "time"), [("before_change", "2025-03-09T02:30:00-08:00"), ("unknown", None)])
def test_an_hour_that_never_was_follows_the_stated_policy(save, intake, dispatches, heading, policy, time) -> None:
    dispatches["times"]["nonexistent"] = policy
    row = [1, GAP, "", "", "", "", "Home", ""]
    run(save("a.csv", [heading, row]), Mapping.model_validate(dispatches), intake.record)
    event = orjson.loads(intake.bodies[0])
    assert time == event.get("time")
    assert event.get("timeunknown", False) is (time is None)
