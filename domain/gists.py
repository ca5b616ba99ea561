"""What a fold needs of events, read with less work than the whole ``Recorded``: for opening large numbers.

It is here because a number may rest on half a million events: finding them touches an index only, and reading
them makes one small object each.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence

import msgspec

from contracts.catalogue import CATALOGUE
from contracts.recorded import Gist
from domain.back_end import Asking
from domain.decode import Topic
from domain.names import find

_COLUMNS = "log_index, time_us, topic_id, agency_id, state"
_STRETCH = f"SELECT {_COLUMNS} FROM log WHERE log_index BETWEEN ? AND ? ORDER BY log_index"
_SPARSE = 3
"""Where fewer than one event in this many is wanted, each is looked up; otherwise the stretch is scanned."""

_decode = msgspec.json.Decoder(Gist).decode


def about(asking: Asking, subjects: Sequence[str], upto: int) -> array[int]:
    """The log_index of every event about these subjects, up to one, ascending."""
    ids = [number for _, number in find(asking, list(dict.fromkeys(subjects)))]
    rows = asking.ask(
        f"SELECT log_index FROM log WHERE {asking.among('subject_id')} AND log_index <= ?",
        (asking.numbers(ids), upto),
    )
    return array("q", sorted(index for (index,) in rows))


def read(
    asking: Asking,
    log_indexes: Sequence[int],
    topic_of: Callable[[int], Topic],
    agency_of: Callable[[int], str],
) -> Iterator[Gist]:
    """The named events in order of log_index; absent ones are left out."""
    topics: dict[int, Topic] = {}
    agencies: dict[int, str] = {}
    wanted = frozenset(log_indexes)
    if not wanted:
        return
    first, last = min(wanted), max(wanted)
    if last - first < _SPARSE * len(wanted):
        rows = asking.ask(_STRETCH, (first, last))
    else:
        rows = asking.ask(
            f"SELECT {_COLUMNS} FROM log WHERE {asking.among('log_index')} ORDER BY log_index",
            (asking.numbers(wanted),),
        )
    for log_index, time_us, topic_id, agency_id, body in rows:
        if log_index not in wanted:
            continue
        topic = topics.get(topic_id)
        if topic is None:
            topic = topics[topic_id] = topic_of(topic_id)
        gist = _decode(body)
        if topic.upcast:
            gist.data = CATALOGUE.upcast(topic.topic, gist.data)
        gist.type, gist.kind, gist.time_us = topic.type, topic.kind, time_us
        agency = agencies.get(agency_id)
        if agency is None:
            agency = agencies[agency_id] = agency_of(agency_id)
        gist.agency = agency
        yield gist
