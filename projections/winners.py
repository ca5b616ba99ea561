"""Finds, over whole columns, which event wins each slot of each row.

Here because this is the part of a rebuild that need not read any event: times are typed columns, and only
events that tie on time have to be looked at for their identity.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from contracts.ports import NO_TIME

Ints = npt.NDArray[np.int64]
Identities = Callable[[Ints], list[str]]
"""The identities (as in ``merges.identity``) of events by position, in the order asked."""

_NEVER = np.iinfo(np.int64).max


def winners(rows: Ints, times: Ints, *, first: bool, identities: Identities) -> Ints:
    """For each distinct row, ascending, the index of the candidate that wins it.

    ``rows[i]`` is the row candidate ``i`` is about and ``times[i]`` its time (NO_TIME where unknown); the
    order is ``(time, identity)``, an unknown time losing to every known one. ``identities`` is asked only
    about ties.
    """
    if len(rows) == 0:
        return np.empty(0, dtype=np.int64)
    if bool((rows[1:] > rows[:-1]).all()):
        return np.arange(len(rows))
    # NO_TIME is the least value already, which is right for "last"; for "first" it must be the greatest.
    keys = np.where(times == NO_TIME, _NEVER, times) if first else times
    order = np.lexsort((keys, rows))
    sorted_rows = rows[order]
    starts = np.flatnonzero(np.concatenate(([True], sorted_rows[1:] != sorted_rows[:-1])))
    sizes = np.diff(np.append(starts, len(rows)))
    best = order[starts] if first else order[starts + sizes - 1]
    tied = keys[order] == np.repeat(keys[best], sizes)
    ties = np.add.reduceat(tied.astype(np.int64), starts)
    if (ties > 1).any():
        _break_ties(order, tied & np.repeat(ties > 1, sizes), sizes, best, first, identities)
    return best


def _break_ties(
    order: Ints, members: npt.NDArray[np.bool_], sizes: Ints, best: Ints, first: bool, identities: Identities
) -> None:
    """Puts the right one of the tied ``members`` into ``best``."""
    groups = np.repeat(np.arange(len(sizes)), sizes)[members].tolist()
    candidates = order[members]
    kept: dict[int, tuple[str, int]] = {}
    for group, index, by in zip(groups, candidates.tolist(), identities(candidates), strict=True):
        held = kept.get(group)
        if held is None or (by < held[0] if first else by > held[0]):
            kept[group] = (by, index)
    for group, (_, index) in kept.items():
        best[group] = index
