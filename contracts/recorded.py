"""The forms an event takes on its way through the house.

Every room hands these to the next: a submission becomes Accepted or Rejected, the ledger turns an Accepted
into a Recorded, and the sender gets an Outcome. They live here so that no room has to import another to speak
of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from msgspec import Struct

from contracts.faults import Problem

Kind = Literal["statement", "decision"]
Status = Literal["recorded", "duplicate", "conflict", "rejected"]


# The forms below are made for every event. As structs they cost a tenth of a frozen dataclass to make, and holding no
# reference back to themselves they need not be looked at by the cycle collector.


class Accepted(Struct, frozen=True, gc=False):
    """A submission that kept its contract and may be recorded.

    ``body`` is the RFC 8785 canonical form of the event as received and ``digest`` its SHA-256 (32 bytes);
    ``type`` is the catalogue name without prefix and version (``call.received``); ``time_us`` is UTC
    microseconds since the Unix epoch, or None where the sender stated that the moment is unknown;
    ``supersedes`` names an earlier event of the same source that this one replaces or withdraws.
    """

    body: bytes
    digest: bytes
    source: str
    id: str
    type: str
    version: int
    kind: Kind
    subject: str
    agency: str
    time_us: int | None
    supersedes: str | None
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A submission that broke its contract or the sender's rights; kept with its reason, never dropped."""

    raw: bytes
    problem: Problem
    source: str | None = None
    id: str | None = None
    agency: str | None = None


Submission = Accepted | Rejected


class Receipt(Struct, frozen=True, gc=False):
    """What a sender gets for a recorded event; ``recorded_at_us`` is UTC microseconds since the epoch."""

    log_index: int
    recorded_at_us: int
    digest: bytes


class Outcome(Struct, frozen=True, gc=False):
    """How one submission ended. Every submission ends as exactly one of the four statuses.

    ``receipt`` is the new receipt (recorded) or the first one (duplicate, conflict); ``problem`` is set for
    conflict and rejected.
    """

    status: Status
    source: str | None = None
    id: str | None = None
    receipt: Receipt | None = None
    problem: Problem | None = None


class Recorded(Struct, frozen=True, gc=False):
    """An event in the ledger, its payload brought to the current version of its type.

    ``log_index`` is dense from 1; ``body`` are the stored canonical bytes (of the version that was sent) and
    ``digest`` their SHA-256; ``data`` is the upcast payload, not to be changed by a reader.
    """

    log_index: int
    recorded_at_us: int
    source: str
    id: str
    type: str
    version: int
    kind: Kind
    subject: str
    agency: str
    time_us: int | None
    supersedes: str | None
    data: dict[str, Any]
    digest: bytes
    body: bytes


class Gist(Struct, gc=False, rename={"type": "_type", "kind": "_kind", "agency": "_agency", "time_us": "_time_us"}):
    """What a fold needs of a recorded event: ``Recorded`` without its place and its bytes, cheap to make.

    Read from a stored body as far as that tells; the renamed fields, whose names no member of an event can
    have, are then set from the typed columns. ``data`` is the upcast payload, not to be changed by a reader.
    """

    source: str
    id: str
    subject: str
    data: dict[str, Any]
    type: str = ""
    kind: Kind = "statement"
    agency: str = ""
    time_us: int | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """The ledger's end: last ``log_index`` (0 when empty), its ``recorded_at_us``, and the RFC 6962 root (32
    bytes).
    """

    log_index: int
    recorded_at_us: int
    root: bytes
