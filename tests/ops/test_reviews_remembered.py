"""What is remembered of a review is never told of another one, however alike the two are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from contracts.moments import format_us, parse_us
from ops.composition import House, open_house
from ops.reviewing import decide, reviews_of
from ops.settings import Settings
from projections.kpi import AsOf
from tests.pages.reviewed_house import ZONE, Watch, closed, planned

IN_JANUARY, AFTER_JANUARY = "2025-01-31T23:00:00-08:00", "2025-02-01T01:00:00-08:00"

Asked = Callable[[House, str], set[str]]


def changed(house: House, review: str) -> set[str]:
    """The periods that are others now, by the names alone."""
    desk, now = reviews_of(house), house.as_of()
    return {name[2] for name in desk.changed(desk.one(review, now), now)}


def restated(house: House, review: str) -> set[str]:
    """The same, with the events behind them."""
    desk, now = reviews_of(house), house.as_of()
    return {one.name[2] for one in desk.restated(desk.one(review, now), now)}


@pytest.mark.parametrize("asked", [changed, restated])
@pytest.mark.parametrize("first", ["before", "after"])
def test_two_reviews_of_the_same_events_and_numbers_are_told_apart_by_their_moment(
    tmp_path: Path, asked: Asked, first: str
) -> None:
    clock = Watch("2025-01-20T00:00:00Z")
    with open_house(settings=Settings(home=tmp_path, zone=ZONE), clock=clock) as house:
        house.record([*planned(), *(closed(number, "remained_in_community") for number in range(4))])
        house.catch_up()
        upto = house.reader.head().log_index
        clock.now_us = parse_us("2025-02-02T00:00:00Z")
        digests = set()
        for review, moment in (("before", IN_JANUARY), ("after", AFTER_JANUARY)):
            frozen = reviews_of(house).freeze("care", AsOf(parse_us(moment), upto))
            digests.add(frozen.sha256)
            stated = {"as_of": upto, "moment": format_us(frozen.moment_us), "cells_sha256": frozen.sha256}
            decide(house, "review.held", review, "crisis", {"plan": "care", "cells": len(frozen.cells), **stated})
        assert 1 == len(digests)
        house.record([closed(10, "arrest", "county")])
        house.catch_up()
        expected = {"before": set(), "after": {"2025-01"}}
        assert expected[first] == asked(house, first)
        assert expected == {review: asked(house, review) for review in expected}
