"""Ids kept as one text come back as they were, whichever are asked for and however they were joined."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.event_ids import EventIds, join

IDS = st.lists(st.text(st.characters(exclude_categories=("C",)), max_size=5), min_size=1, max_size=8)


@given(runs=st.lists(IDS, max_size=5), wanted=st.lists(st.integers(0, 99), max_size=9))
def test_the_ids_at_some_places_are_those_that_were_joined(runs: list[list[str]], wanted: list[int]) -> None:
    expected = [text for run in runs for text in run]
    found = EventIds.of([join(run) for run in runs])
    places = [place % len(expected) for place in wanted] if expected else []
    assert len(expected) == len(found)
    assert [expected[place] for place in places] == found.at(np.array(places, dtype=np.int64))
    assert expected[1:3] == found.between(1, 3).at(np.arange(len(expected[1:3])))


def test_far_apart_ids_are_cut_out_one_by_one() -> None:
    found = EventIds.of([join([f"é{n}" for n in range(50)])])
    assert ["é49", "é0"] == found.at(np.array([49, 0]))


def test_an_id_with_a_line_feed_cannot_be_joined() -> None:
    with pytest.raises(ValueError, match="line feed"):
        join(["a\nb"])
