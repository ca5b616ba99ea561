"""A reading of the past that is remembered is never taken for another: not even for one of the same moment."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.moments import parse_us
from ops.composition import House, open_house
from ops.settings import Settings
from tests.pages.reviewed_house import ZONE, Watch, closed, planned


def counted(house: House, log_index: int) -> int | None:
    found = house.cells(kpi="K06", period="2025-01", group="all", as_of=house.as_of(log_index))
    return found[0].denominator if found else 0


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 1, 2)])
def test_readings_of_events_that_were_recorded_at_one_moment_are_told_apart(
    tmp_path: Path, order: tuple[int, ...]
) -> None:
    clock = Watch("2025-01-20T00:00:00Z")
    with open_house(settings=Settings(home=tmp_path, zone=ZONE), clock=clock) as house:
        house.record(planned())
        before = house.reader.head().log_index
        house.record([closed(number, "remained_in_community") for number in range(3)])
        moments = {house.as_of(before + n).moment_us for n in (1, 2, 3)}
        clock.now_us = parse_us("2025-06-01T00:00:00Z")
        house.record([closed(9, "arrest")])
        house.catch_up()
        assert 1 == len(moments)
        assert list(order) == [counted(house, before + n) for n in order]
