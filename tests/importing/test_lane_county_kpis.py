"""What a committee reads from the Lane County dispatches: the county's own counts, and only valid orders in a
duration.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ops.composition import House, open_house
from ops.importing import run
from ops.settings import load_settings
from projections.kpi.shapes import Cell

JANUARY_US = 1_767_254_400_000_000
"""2026-01-01 00:00 in Los Angeles."""


def _filled(home: Path, file: Path) -> House:
    settings = load_settings(home, zone="America/Los_Angeles")
    house = open_house(settings=settings, clock=lambda: JANUARY_US)
    run(file, "lane-county", house.record_batch)
    house.catch_up()
    return house


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, lane_county: Path) -> Iterator[House]:
    with _filled(tmp_path_factory.mktemp("csv"), lane_county / "mcslc.csv") as filled:
        yield filled


def _cell(house: House, kpi: str) -> Cell:
    (found,) = [cell for cell in house.cells(kpi=kpi, period="all") if cell.group == "all"]
    return found


@pytest.mark.parametrize(
    ("kpi", "numerator", "value"), [("K06", 3750, "80.1"), ("K07", 652, "13.9"), ("K09", 16, "0.34")]
)
def test_dispositions_are_counted_over_all_encounters(house: House, kpi: str, numerator: int, value: str) -> None:
    cell = _cell(house, kpi)
    assert (numerator, 4682, Decimal(value)) == (cell.numerator, cell.denominator, cell.value)


def test_request_to_arrival_uses_valid_orders_and_says_what_it_left_out(house: House) -> None:
    cell = _cell(house, "K05")
    assert (Decimal("30.0"), 4303) == (cell.value, cell.denominator)
    left_out: dict[str, Any] = {reason: n for reason, n in cell.excluded.items() if n}
    assert left_out == {"arrival_before_request": 182, "no_request_time": 77, "no_arrival_time": 120}


@pytest.mark.parametrize("kpi", ["K05", "K09"])
def test_a_cell_opens_down_to_its_events_and_they_give_the_same_value(house: House, kpi: str) -> None:
    cell = _cell(house, kpi)
    explanation = house.explain(kpi, "all", "all")
    assert cell.value == explanation.cell.value == explanation.recomputed.value
    assert len(explanation.events) > cell.denominator


def test_the_workbook_makes_the_same_ledger(house: House, tmp_path: Path, lane_county: Path) -> None:
    with _filled(tmp_path / "home", lane_county / "MCSLC.xlsx") as other:
        assert house.ledger.head().root == other.ledger.head().root
        assert [cell.to_json() for cell in house.cells(period="all")] == [
            cell.to_json() for cell in other.cells(period="all")
        ]
