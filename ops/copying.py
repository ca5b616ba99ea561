"""Moves a ledger between a home's file and a PostgreSQL database, in either direction, and checks what arrived.

It is here so that a county that outgrows one file, or goes back to one, takes every event, receipt and rejection with
it: the same log_index, digests and root. Views are not moved; they are built from the log where it arrives.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from contracts.faults import fault
from contracts.ports import Clock, Progress
from domain.ledger import Ledger
from ops.addresses import is_database

COPYING_IDLE_S = 300.0
"""So long the transaction that fills a ledger may wait for its next row."""


@dataclass(frozen=True, slots=True)
class Copied:
    """What arrived: the number of events, the root over them (32 bytes), and how submissions had ended."""

    events: int
    root: bytes
    totals: dict[str, int]


def copy(
    from_: str | Path, to: str | Path, *, clock: Clock, progress: Progress | None = None, check: Progress | None = None
) -> Copied:
    """Copy a whole ledger into an empty one. ``from_`` and ``to`` are a home's directory or a database's address.

    The source may go on recording: what is copied is one snapshot of it. The target must hold nothing (a home without
    a ledger, or a migrated database); it is filled in one transaction, and verified from its stored bodies at the
    end, on which ``check`` hears. Raises ConflictFault ``target_not_empty``, UnavailableFault ``ledger_damaged``
    where the source does not give its own root or the target differs from it, and what opening either raises.
    """
    source = _opened(from_, clock, writable=False)
    try:
        target = _opened(to, clock, writable=True)
        try:
            target.fill_from(source, progress)
            found = target.verify(check)
            if not found.ok:
                raise fault("ledger_damaged", f"The copy does not verify: {found.problems[0].sentence}")
            return Copied(found.events, found.root, target.totals())
        finally:
            target.close()
    finally:
        source.close()


def _opened(place: str | Path, clock: Clock, *, writable: bool) -> Ledger:
    if isinstance(place, str) and is_database(place):
        from domain.postgres.limits import Limits

        # Nobody else writes to a ledger that is being filled, and where its rows come from may be slow.
        limits = Limits(writing_idle_s=COPYING_IDLE_S)
        return Ledger.connect(place, clock=clock, writable=writable, limits=limits)
    return Ledger.open(Path(place), clock=clock, writable=writable)
