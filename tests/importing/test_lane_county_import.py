"""The Lane County dispatches come in whole: every row, every inconsistency named, nothing repaired."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from contracts.intake import validate
from contracts.recorded import Accepted, Outcome
from ops.importing import ImportReport, run

EVENTS = {
    "call.received": 4682,
    "response.dispatched": 4493,
    "response.arrived": 4491,
    "encounter.engaged": 4290,
    "encounter.closed": 4682,
}
FLAGS = {
    "no_times_at_all": 71,
    "request_time_missing": 77,
    "dispatch_time_missing": 189,
    "arrival_time_missing": 191,
    "departure_time_missing": 88,
    "outcome_missing": 1592,
    "reason_missing": 125,
    "dispatch_before_request": 83,
    "arrival_before_request": 182,
    "arrival_before_dispatch": 130,
    "engagement_before_arrival": 687,
    "engagement_without_arrival": 45,
    "departure_before_arrival": 63,
    "departure_before_engagement": 37,
    "arrival_over_a_day_after_request": 24,
    "departure_over_a_day_after_arrival": 6,
    "time_at_midnight": 872,
    "reason_repeated": 187,
    "county_minutes_to_dispatch_disagree": 1,
    "county_minutes_to_arrival_disagree": 2,
    "county_minutes_to_engagement_disagree": 1,
    "county_minutes_on_scene_disagree": 1,
    "county_minutes_blank": 1243,
    "local_time_ambiguous": 2,
    "local_time_nonexistent": 0,
    "surrounding_spaces": 0,
    "spelling_variant": 532,
    "need_unmapped": 0,
    "outcome_unmapped": 0,
    "disposition_unmapped": 0,
}


@pytest.fixture(scope="module")
def imports(lane_county: Path) -> dict[str, tuple[ImportReport, list[bytes]]]:
    """The CSV and the workbook, each with its report and the bytes it would record."""
    done = {}
    for name in ("mcslc.csv", "MCSLC.xlsx"):
        bodies: list[bytes] = []

        def record(batch: list[bytes], into: list[bytes] = bodies) -> list[Outcome]:
            into.extend(batch)
            return [Outcome("recorded")] * len(batch)

        done[name] = (run(lane_county / name, "lane-county", record), bodies)
    return done


def test_every_row_comes_in_and_every_event_keeps_its_contract(imports) -> None:
    report, bodies = imports["mcslc.csv"]
    assert (report.rows, report.unmapped_rows) == (4682, 0)
    accepted = [verdict for verdict in map(validate, bodies) if isinstance(verdict, Accepted)]
    assert Counter(event.type for event in accepted) == EVENTS
    assert len(bodies) == len(accepted) == len({(event.source, event.id) for event in accepted})


def test_every_inconsistency_is_named_and_counted(imports) -> None:
    report, _ = imports["mcslc.csv"]
    assert report.flags == FLAGS
    assert report.unused_columns == []


def test_the_workbook_gives_the_same_bytes(imports) -> None:
    assert imports["mcslc.csv"][1] == imports["MCSLC.xlsx"][1]
    assert imports["mcslc.csv"][0].flags == imports["MCSLC.xlsx"][0].flags


def test_dispositions_are_those_the_county_entered(imports) -> None:
    events = [validate(body) for body in imports["mcslc.csv"][1]]
    found = Counter(e.data["disposition"] for e in events if isinstance(e, Accepted) and e.type == "encounter.closed")
    assert tuple(found[x] for x in ("remained_in_community", "emergency_department", "arrest")) == (3750, 652, 16)


def test_after_the_csv_neither_it_nor_the_workbook_records_anything(lane_county: Path, intake) -> None:
    total = sum(EVENTS.values())
    assert total == run(lane_county / "mcslc.csv", "lane-county", intake.record).recorded
    for name in ("mcslc.csv", "MCSLC.xlsx"):
        again = run(lane_county / name, "lane-county", intake.record)
        assert (0, total, 0, 0) == (again.recorded, again.duplicate, again.conflict, again.rejected)
