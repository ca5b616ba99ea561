"""A KPI read as confirmed counts only what both sides stand by, under the same definition."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from contracts.faults import RejectedFault
from contracts.kpi import KpiDefinition
from projections.halves.facts import FACTS
from projections.kpi import AsOf, Cell, basis
from projections.kpi.basis import as_confirmed, confirmed_cells
from projections.kpi.check import check_definition
from projections.kpi.definitions import library
from tests.projections.kpi_world import World, library_body, numbers, us

NOW = "2025-06-10"


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.store.close()


def confirmed(world: World, kpi: str, period: str | None, group: str | None = "all", **more: Any) -> list[Cell]:
    world.refresh(NOW)
    with world.reading() as connection:
        return confirmed_cells(connection, kpi=kpi, period=period, group=group, as_of=AsOf(us(NOW)), **more)


def three_referrals(world: World) -> None:
    world.refer("a", "2025-03-01", accepted="2025-03-02")  # lakeside asked, harbor answered
    world.refer("b", "2025-03-01", declined="2025-03-02")
    world.refer("c", "2025-03-01")  # harbor has said nothing


def test_what_the_other_side_has_not_confirmed_does_not_count(world: World) -> None:
    three_referrals(world)
    # Claimed: a of a, b, c (silence lapsed). Confirmed: a of a, b.
    assert (33.3, 1, 3, {}) == numbers(world.cell("K17", "2025-03", now=NOW))
    (cell,) = confirmed(world, "K17", "2025-03")
    assert (50, 1, 2, {}) == numbers(cell)


def test_what_is_disputed_does_not_count_whatever_else_was_said(world: World) -> None:
    three_referrals(world)
    world.say("referral.disputed", {"referral": "a", "reason": "Never arrived."}, "2025-03-03", agency="harbor")
    (cell,) = confirmed(world, "K17", "2025-03")
    assert (0, 0, 1, {}) == numbers(cell)


def test_an_unkept_promise_stays_in_the_denominator(world: World) -> None:
    body = {"agreement": "m", "clause": "1", "obligor": "harbor", "obligee": "lakeside", "deliverable": "beds"}
    for name in ("a", "b", "c"):
        world.say("commitment.made", {**body, "commitment": name, "due": "2025-03-10"}, "2025-01-01")
    for name in ("a", "b"):
        evidence = {"commitment": name, "quantity": 1, "evidence_ref": "r"}
        world.say("commitment.evidenced", evidence, "2025-03-01", agency="harbor")
    world.say("commitment.accepted", {"commitment": "a"}, "2025-03-05", agency="lakeside")
    # Claimed: a, b of a, b, c. Confirmed: a, with c, of which nothing was claimed, still owed.
    assert (66.7, 2, 3, {}) == numbers(world.cell("K39", "2025-03", now=NOW))
    (cell,) = confirmed(world, "K39", "2025-03")
    assert (50, 1, 2, {}) == numbers(cell)


def test_every_side_of_a_ratio_is_narrowed(world: World) -> None:
    def move(name: str, stage: str, amount: int) -> None:
        data = {"transaction": name, "funding": "f", "amount_minor": amount, "currency": "USD", "receiver": "harbor"}
        world.say(f"funding.{stage}", data, "2025-03-05")

    move("c", "committed", 100)
    move("d", "disbursed", 40)
    move("e", "disbursed", 20)
    received = {"transaction": "d", "amount_minor": 40, "currency": "USD"}
    world.say("funding.received", received, "2025-03-06", agency="harbor")
    # 60 of 100 are claimed to be paid out, 40 were received.
    assert 60 == world.cell("K40", "2025-Q1", now=NOW).value
    (cell,) = confirmed(world, "K40", "2025-Q1")
    assert 40 == cell.value


def test_every_period_and_group_can_be_read(world: World) -> None:
    three_referrals(world)
    found = {(cell.period, cell.group): cell.denominator for cell in confirmed(world, "K17", None, None)}
    assert {("2025-03", "all"): 2, ("2025-Q1", "agency:harbor"): 2, ("all", "all"): 2}.items() <= found.items()
    only = confirmed(world, "K17", "2025", "agency:harbor")
    assert [("2025", "agency:harbor", 2)] == [(cell.period, cell.group, cell.denominator) for cell in only]


def test_a_group_of_which_nothing_is_confirmed_has_no_value_and_an_unknown_one_is_refused(world: World) -> None:
    world.refer("a", "2025-03-01")
    (cell,) = confirmed(world, "K17", "2025-03", "agency:harbor")
    assert cell.value is None
    with pytest.raises(RejectedFault, match="agency:nobody"):
        confirmed(world, "K17", "2025-03", "agency:nobody")


def test_a_kpi_that_nobody_else_confirms_cannot_be_read_so(world: World) -> None:
    with pytest.raises(RejectedFault, match="K06 counts nothing that another agency confirms"):
        confirmed(world, "K06", "2025-03")


@pytest.mark.parametrize("kpi", sorted(library()))
def test_every_definition_can_be_computed_as_confirmed_where_it_counts_a_shared_fact(kpi: str) -> None:
    body = library()[kpi].body
    narrow = as_confirmed(body)
    shared = {fact.population for fact in FACTS.values()} | {"referrals_served"}
    populations = {part for part in shared if f'"{part}"' in body.model_dump_json()}
    assert (narrow is not None) == bool(populations)
    assert narrow is None or check_definition(narrow) is None


def test_control_reading_without_narrowing_is_noticed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: with a condition that every row meets, the confirmed number is the claimed one."""
    three_referrals(world)
    monkeypatch.setattr(basis, "_both", lambda condition, scope: scope)
    (cell,) = confirmed(world, "K17", "2025-03")
    assert (33.3, 1, 3, {}) == numbers(cell)


def test_the_definition_is_otherwise_the_same() -> None:
    body = KpiDefinition.model_validate(library_body("K17"), strict=False)
    narrow = as_confirmed(body)
    assert narrow is not None
    assert {"scope"} == {name for name in KpiDefinition.model_fields if getattr(body, name) != getattr(narrow, name)}
