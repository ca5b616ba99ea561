"""Groups of a whole log are the same whether they are counted in a table or by sorting."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections import recount

NUMBERS = st.integers(-50, 50)


@given(rows=st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS), max_size=30))
def test_the_groups_are_the_distinct_combinations_and_each_element_knows_its_own(
    rows: list[tuple[int, int, int]],
) -> None:
    parts = [np.array([row[place] for row in rows], dtype=np.int64) for place in range(3)]
    for most in (0, 10**7):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(recount, "_TABLE_MAX", most)
            groups, inverse = recount._distinct(*parts)
        assert sorted(set(rows)) == groups
        assert rows == [groups[number] for number in inverse.tolist()]
