"""Data quality as of a moment does not change by what is sent afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ops.composition import House
from ops.quality import quality
from tests.ops.conftest import Clock


def test_a_rejected_event_sent_again_later_changes_no_earlier_reading(
    house: House, clock: Clock, event: Callable[..., dict[str, Any]]
) -> None:
    wrong = {**event(2), "data": {}}
    house.record([json.dumps(event(1)).encode(), json.dumps(wrong).encode()])
    house.catch_up()
    then = house.as_of()

    def correct() -> list[tuple[int, int]]:
        return [(one.checked, one.held) for one in quality(house, then).scores if one.dimension == "correct"]

    before = correct()
    assert [(2, 1)] == before
    clock.now_us += 86_400_000_000
    for _ in range(3):
        house.record([json.dumps(wrong).encode()])
    house.record([json.dumps({**event(3), "data": {}}).encode()])
    assert before == correct()
