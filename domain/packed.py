"""The typed columns of the log, packed once more a transaction at a time: what a rebuild reads.

It is here so that the columns of a million events are a few long values instead of a million rows between
bodies. They are written in the transaction that writes the rows, never changed, and compared with the rows by
``verify``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import zip_longest
from struct import Struct
from typing import NamedTuple

from contracts.event_ids import SEPARATOR, EventIds
from contracts.ports import NO_TIME, HotColumns
from domain.back_end import Asking

_EVENT = Struct("<IIIIqB")
_FIELDS = [
    ("type", "<u4"),
    ("subject", "<u4"),
    ("source", "<u4"),
    ("agency", "<u4"),
    ("time_us", "<i8"),
    ("supersedes", "u1"),
]
"""An event as numpy reads it: the form of ``_EVENT``."""

INSERT = "INSERT INTO log_columns (first_index, recorded_at_us, packed, ids) VALUES (?,?,?,?)"


Packed = tuple[int, ...]
"""Topic, subject, source, agency (0 for a name the event does not have), time (NO_TIME where unknown), and 1
where the event supersedes another."""


def columns(
    topic_id: int,
    subject_id: int | None,
    source_id: int | None,
    agency_id: int | None,
    time_us: int | None,
    supersedes: bool,
) -> Packed:
    """The columns of one event, to be packed."""
    time = NO_TIME if time_us is None else time_us
    return topic_id, subject_id or 0, source_id or 0, agency_id or 0, time, int(supersedes)


def pack(events: Iterable[Packed]) -> bytes:
    """The columns of some events, one after another."""
    return b"".join([_EVENT.pack(*event) for event in events])


class Entry(NamedTuple):
    """What is packed about one event."""

    log_index: int
    recorded_at_us: int
    columns: Packed
    id: str


def entries(asking: Asking) -> Iterator[Entry]:
    """Every packed event, one by one in order of log_index; what is cut short has no columns or no id."""
    rows = asking.stream("SELECT first_index, recorded_at_us, packed, ids FROM log_columns ORDER BY first_index")
    for first, recorded_at_us, packed, joined in rows:
        whole = len(packed) - len(packed) % _EVENT.size
        events = zip_longest(_EVENT.iter_unpack(packed[:whole]), joined.split(SEPARATOR), fillvalue=None)
        for log_index, (found, event_id) in enumerate(events, first):
            yield Entry(log_index, recorded_at_us, found or (), event_id or "")


def read(asking: Asking, after: int, upto: int) -> HotColumns:
    """The columns of ``after < log_index <= upto``."""
    import numpy as np

    rows = asking.ask(
        "SELECT first_index, recorded_at_us, packed, ids FROM log_columns WHERE first_index <= ? AND first_index >= "
        "coalesce((SELECT max(first_index) FROM log_columns WHERE first_index <= ?), 1) ORDER BY first_index",
        (upto, after + 1),
    ).fetchall()
    firsts, moments, blocks, joined = zip(*rows, strict=True) if rows else ((after + 1,), (), (), ())
    events = np.frombuffer(b"".join(blocks), dtype=_FIELDS)
    ids = EventIds.of(joined)
    if len(ids) != len(events):
        raise ValueError("the packed columns of the log are damaged: ids and events differ in number")
    sizes = [len(block) // _EVENT.size for block in blocks]
    recorded = np.repeat(np.array(moments, dtype=np.int64), np.array(sizes, dtype=np.int64))
    start = max(0, after + 1 - firsts[0])
    end = max(start, min(len(events), upto + 1 - firsts[0]))
    chosen = events[start:end]
    return HotColumns(
        np.arange(firsts[0] + start, firsts[0] + end, dtype=np.int64),
        chosen["type"].astype(np.int64),
        chosen["subject"].astype(np.int64),
        chosen["source"].astype(np.int64),
        chosen["agency"].astype(np.int64),
        chosen["time_us"].astype(np.int64),
        recorded[start:end],
        chosen["supersedes"] != 0,
        ids.between(start, end),
    )
