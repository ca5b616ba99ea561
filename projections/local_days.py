"""The partnership's calendar over whole columns of moments: local days and months.

Here because a rebuild asks for the day of every event: a zone's offset is looked up once a day instead, and
a month's name is made once a day.
"""

from __future__ import annotations

import numpy as np

from contracts.moments import DAY_US, day_text, local_epoch_day, steady_offset_us
from contracts.ports import NO_TIME
from projections.columns import Objects
from projections.winners import Ints


def local_days(moments: Ints, zone: str) -> Ints:
    """The local calendar day (days since 1970-01-01) of each moment.

    A zone's offset is looked up once a UTC day; on days on which it changes, once a moment.
    """
    if len(moments) == 0:
        return np.empty(0, dtype=np.int64)
    utc_days = moments // DAY_US
    first = int(utc_days.min())
    inverse = utc_days - first
    present = np.flatnonzero(np.bincount(inverse))
    offsets = [steady_offset_us(zone, first + day) for day in present.tolist()]
    shift = np.zeros(int(present[-1]) + 1, dtype=np.int64)
    shift[present] = [0 if offset is None else offset for offset in offsets]
    days = (moments + shift[inverse]) // DAY_US
    changing = np.zeros(len(shift), dtype=bool)
    changing[present] = [offset is None for offset in offsets]
    if changing.any():
        for index in np.flatnonzero(changing[inverse]).tolist():
            days[index] = local_epoch_day(int(moments[index]), zone)
    return np.asarray(days, dtype=np.int64)


def local_months(moments: Ints, zone: str) -> Objects:
    """The local month (``2025-03``) of each moment; None where it is NO_TIME."""
    months = np.full(len(moments), None, dtype=object)
    known = np.flatnonzero(moments != NO_TIME)
    if len(known) == 0:
        return months
    days = local_days(moments[known], zone)
    first = int(days.min())
    present = np.flatnonzero(np.bincount(days - first))
    names = np.full(int(present[-1]) + 1, None, dtype=object)
    for day in present.tolist():
        names[day] = day_text(first + day)[:7]
    months[known] = names[days - first]
    return months
