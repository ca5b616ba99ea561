"""Finds events by subject, type or agency, a page at a time.

It is here because a type may be asked for in three ways, and the log knows one of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from contracts.catalogue import CATALOGUE
from contracts.recorded import Recorded

if TYPE_CHECKING:
    from ops.composition import House


def find_events(
    house: House,
    *,
    after: int,
    limit: int,
    upto: int,
    subject: str | None = None,
    type_: str | None = None,
    agency: str | None = None,
) -> Sequence[Recorded]:
    """At most ``limit`` events with ``after < log_index <= upto`` that match everything given, in order.

    ``type_`` is a catalogue name (every version), a topic or a wire type.
    """
    topics = None if type_ is None else _topics(type_)
    return house.reader.search(after=after, limit=limit, upto=upto, subject=subject, topics=topics, agency=agency)


def _topics(type_: str) -> list[str]:
    return [entry.topic for entry in CATALOGUE if type_ in (entry.name, entry.topic, entry.wire_type)]
