"""A definition in a file: what it says and would give is shown before it is decided, and a mistake is told with its
place in the file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from contracts.faults import RejectedFault
from contracts.intake import validate
from contracts.recorded import Accepted
from projections.kpi import AsOf
from projections.kpi.define import Proposal, adopter, decision, propose
from tests.projections.kpi_world import World, library_body, us

NOW = "2025-06-10"


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.store.close()


def file(of: str = "K06", without: tuple[str, ...] = ("version",), **parts: Any) -> bytes:
    body = {**library_body(of), **parts}
    return json.dumps({name: part for name, part in body.items() if name not in without}).encode()


def proposed(world: World, raw: bytes, **named: Any) -> Proposal:
    world.refresh(NOW)
    with world.reading() as connection:
        return propose(connection, raw, as_of=AsOf(us(NOW)), zone=world.zone, **named)


ARREST = {"op": "eq", "column": "disposition", "value": "arrest"}
NO_ARRESTS: dict[str, Any] = {"exclude": [{"reason": "arrested", "when": ARREST}]}


def test_a_definition_is_shown_in_words_with_the_values_it_would_give(world: World) -> None:
    world.plan("K06")
    for name, day, disposition in (
        ("a", "2025-03-05", "remained_in_community"),
        ("b", "2025-03-05", "arrest"),
        ("c", "2025-04-05", "respite"),
    ):
        world.call(name, day, disposition=disposition)
    found = proposed(world, file(**NO_ARRESTS))
    assert "Left out as “arrested” if the person was arrested." in found.rules
    # March: 1 of 2 before, 1 of 1 without the arrest; April: 0 of 1 by both.
    assert [("2025-04", 0, 0), ("2025-03", 50, 100), ("all", 33.3, 50)] == [
        (row["period"], row["value_before"], row["value"]) for row in found.cell_rows()
    ]
    assert ["version", "exclude"] == [difference.what for difference in found.differences]


def test_it_is_the_next_version_and_stays_where_the_kpi_stood(world: World) -> None:
    world.plan("K06")
    found = proposed(world, file(**NO_ARRESTS))
    assert (2, "p1", "o1", "lakeside", "2025-06-10") == (
        found.definition.version,
        found.plan,
        found.objective,
        found.owner,
        found.effective_from,
    )


def test_a_kpi_that_no_plan_defines_begins_with_version_1(world: World) -> None:
    world.plan("K06")
    found = proposed(world, file("K09", **NO_ARRESTS), objective="o1")
    assert (1, "p1", "o1", None) == (found.definition.version, found.plan, found.objective, found.owner)
    # Until then the library's definition counts, so the difference is told against it.
    assert ["exclude"] == [difference.what for difference in found.differences]


def test_a_kpi_of_ones_own_needs_no_code(world: World) -> None:
    world.plan("K06")
    world.call("a", "2025-03-05", disposition="arrest", agency="north")
    world.call("b", "2025-03-05", disposition="declined", agency="north")
    numerator = {"op": "in", "column": "disposition", "values": ["declined", "other"]}
    found = proposed(world, file(kpi="X01", title="Help declined", measure={"kind": "share", "numerator": numerator}))
    assert ("X01", 1, None, ()) == (found.definition.kpi, found.definition.version, found.before, found.differences)
    assert [("2025-03", None, 50), ("all", None, 50)] == [
        (row["period"], row["value_before"], row["value"]) for row in found.cell_rows()
    ]


def test_an_indicator_is_shown_for_the_periods_it_was_reported_for(world: World) -> None:
    world.say("indicator.measured", {"kpi": "P01", "period": "2024", "value": 41.5, "method": "m"}, "2025-02-01")
    found = proposed(world, file("P01"))
    assert [("2024", 41.5)] == [(row["period"], row["value"]) for row in found.cell_rows()]


@pytest.mark.parametrize(
    ("raw", "code", "pointer", "said"),
    [
        (b"{", "not_json", "", ""),
        (b"[]", "not_an_object", "", ""),
        (b'{"kpi": "K06", "kpi": "K07"}', "duplicate_key", "/kpi", ""),
        (file(without=("measure", "version")), "definition_invalid", "/measure", "missing"),
        (file(colour="red"), "definition_invalid", "/colour", "a KPI definition has no field"),
        (file(kpi="six"), "definition_invalid", "/kpi", ""),
        (file(direction="sideways"), "definition_invalid", "/direction", ""),
        (file(scope={"op": "not_nul", "column": "disposition"}), "definition_invalid", "/scope", "not_nul"),
        (file(scope={"op": "not_null", "column": "colour"}), "definition_invalid", "/scope/column", "colour"),
        (file(group_by="closed_at"), "definition_invalid", "/group_by", "integer"),
        (file(unit="days"), "definition_invalid", "/unit", "percent"),
        (file(without=(), version=4), "definition_invalid", "/version", "the next version is 2, not 4"),
    ],
)
def test_a_mistake_is_told_with_its_place_in_the_file_and_the_reason(
    world: World, raw: bytes, code: str, pointer: str, said: str
) -> None:
    world.plan("K06")
    with pytest.raises(RejectedFault) as told:
        proposed(world, raw)
    problem = told.value.problem
    assert (code, pointer) == (problem.code, problem.pointer), problem
    assert said in problem.detail
    assert problem.hint


def test_the_decision_keeps_its_contract_and_names_who_adopted_the_plan(world: World) -> None:
    world.plan("K06")
    found = proposed(world, file(**NO_ARRESTS))
    with world.reading() as connection:
        assert adopter(connection, world.log, "p1") == "lakeside"
        assert adopter(connection, world.log, "p9") is None
    event = decision(found, "lakeside", us(NOW))
    judged = validate(json.dumps(event).encode())
    assert isinstance(judged, Accepted)
    assert ("plan/p1", 2, "o1") == (judged.subject, judged.data["version"], judged.data["objective"])


def test_a_definition_without_a_place_in_a_plan_can_be_looked_at_and_not_decided(world: World) -> None:
    found = proposed(world, file(**NO_ARRESTS))
    assert (None, None) == (found.plan, found.objective)
    with pytest.raises(RejectedFault, match="--plan"):
        decision(found, "lakeside", us(NOW))
    world.plan("K09")
    with pytest.raises(RejectedFault, match="--objective"):
        decision(proposed(world, file(**NO_ARRESTS)), "lakeside", us(NOW))


def test_a_version_that_would_change_nothing_is_refused(world: World) -> None:
    world.plan("K06", since=NOW)
    with pytest.raises(RejectedFault, match="version 1 of K06 says the same"):
        decision(proposed(world, file()), "lakeside", us(NOW))
    assert decision(proposed(world, file(), owner="harbor"), "lakeside", us(NOW))["data"]["owner"] == "harbor"


def test_an_objective_stays_with_its_plan(world: World) -> None:
    world.plan("K06")
    assert ("p1", "o1") == (proposed(world, file(**NO_ARRESTS)).plan, proposed(world, file(**NO_ARRESTS)).objective)
    elsewhere = proposed(world, file(**NO_ARRESTS), plan="p2")
    assert ("p2", None) == (elsewhere.plan, elsewhere.objective)
    with pytest.raises(RejectedFault, match="--objective"):
        decision(elsewhere, "lakeside", us(NOW))
