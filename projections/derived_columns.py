"""Derived columns over whole columns: the functions that declarations name, without a call a row.

Here because most derived columns are one of a few functions. Any other is called row by row, and a property
test holds these few to what the same functions say row by row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from contracts.ports import NO_TIME
from projections.calendar import month_of
from projections.columns import Values, objects
from projections.local_days import local_months
from projections.merges import Derived, any_won, coalesce, earliest
from projections.second_halves import FUNCTIONS as SECOND_HALVES
from projections.winners import Ints


def is_null(values: Values) -> npt.NDArray[np.bool_]:
    """Where a column is NULL."""
    null: npt.NDArray[np.bool_] = values == (None if values.dtype == object else NO_TIME)
    return null


def listed(values: Values | None, size: int) -> list[Any]:
    """A column as Python values, None where it is NULL; a column that nothing has filled is NULL throughout."""
    if values is None:
        return [None] * size
    if values.dtype == object:
        return list(values.tolist())
    return [None if value == NO_TIME else value for value in values.tolist()]


def derive(derived: Derived, inputs: Sequence[Values | None], size: int, zone: str) -> Values | None:
    """A derived column from its inputs; None where it is NULL throughout."""
    filled = [values for values in inputs if values is not None]
    if derived.function in SECOND_HALVES:
        return _second_half(derived.function, inputs, size)
    whole = _IN_COLUMNS.get(derived.function)
    if whole is not None and len({values.dtype for values in filled}) <= 1:
        if not filled:
            return None
        if filled[0].dtype != object or derived.function is coalesce:
            return whole(filled, zone)
    rows = zip(*(listed(values, size) for values in inputs), strict=True)
    function = derived.function
    found = (function(zone, *row) for row in rows) if derived.zoned else (function(*row) for row in rows)
    return objects(found, size)


def _coalesce(inputs: Sequence[Values], zone: str) -> Values:
    found = inputs[0].copy()
    for values in inputs[1:]:
        null = is_null(found)
        if not null.any():
            break
        found[null] = values[null]
    return found


def _earliest(inputs: Sequence[Values], zone: str) -> Values:
    never = np.iinfo(np.int64).max
    found: Ints = np.minimum.reduce([np.where(is_null(values), never, values) for values in inputs])
    # The greatest integer is no moment, so it stands for none as NO_TIME does.
    return np.where(found == never, NO_TIME, found)


def _any_won(inputs: Sequence[Values], zone: str) -> Values:
    found: Ints = np.where(np.logical_or.reduce([~is_null(v) & (v != 0) for v in inputs]), 1, NO_TIME)
    return found


def _month_of(inputs: Sequence[Values], zone: str) -> Values:
    (moments,) = inputs
    return local_months(moments.astype(np.int64), zone)


def _second_half(function: Callable[..., Any], inputs: Sequence[Values | None], size: int) -> Values | None:
    """Most rows hold no such statement; the function is called for those that do."""
    claimers, stated = inputs
    if stated is None:
        return None
    found = objects((None,) * size, size)
    for row in np.flatnonzero(~is_null(stated)).tolist():
        found[row] = function(None if claimers is None else claimers[row], stated[row])
    return found


_IN_COLUMNS: dict[Callable[..., object], Callable[[Sequence[Values], str], Values]] = {
    coalesce: _coalesce,
    earliest: _earliest,
    any_won: _any_won,
    month_of: _month_of,
}
