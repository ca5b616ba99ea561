"""Turns a recorded body back into the event it is: ``Recorded``, its payload brought to the current version of its
type.

It is here so that reading, deciding, verifying and whoever is sent a body by a broker understand it in one way. The
name of its type is looked up in the catalogue and never imported.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from contracts.catalogue import CATALOGUE
from contracts.recorded import Kind, Recorded

CORRECTIONS = frozenset({"record.corrected", "record.voided"})
"""Types that name what they supersede in their data rather than in the envelope."""


class Topic(NamedTuple):
    """What a stored topic says about its event; ``upcast`` where a newer version exists."""

    topic: str
    type: str
    version: int
    kind: Kind
    corrects: bool
    upcast: bool


def read_topic(topic: str) -> Topic:
    """The parts of a stored topic such as ``call.received.v1``. Raises as ``Catalogue.entry`` does."""
    entry = CATALOGUE.entry(topic)
    return Topic(topic, entry.name, entry.version, entry.kind, entry.name in CORRECTIONS, entry.upcast is not None)


def decode(
    topic: Topic,
    log_index: int,
    recorded_at_us: int,
    time_us: int | None,
    agency: str,
    digest: bytes,
    body: bytes,
) -> Recorded:
    """The event of one recorded body, with what the log keeps beside it."""
    envelope: dict[str, Any] = orjson.loads(body)
    data = envelope["data"]
    if topic.upcast:
        data = CATALOGUE.upcast(topic.topic, data)
    return Recorded(
        log_index,
        recorded_at_us,
        envelope["source"],
        envelope["id"],
        topic.type,
        topic.version,
        topic.kind,
        envelope["subject"],
        agency,
        time_us,
        data["supersedes"] if topic.corrects else envelope.get("supersedes"),
        data,
        digest,
        body,
    )
