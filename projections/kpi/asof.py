"""Reading the ledger as it was known at an earlier log_index.

A decision made last quarter was made on last quarter's numbers, and they must be readable again exactly,
whatever has been corrected since. The prefix of the log is folded anew into memory and read with the same
code as the present.
"""

from __future__ import annotations

from contracts.ports import LogReader, Progress
from projections.kpi.memory import MemoryStore
from projections.kpi.refresh import refresh
from projections.kpi.shapes import AsOf
from projections.views import Views


def known_at(reader: LogReader, as_of: AsOf) -> int:
    """The last log_index known at a reading: the one it names, else the last recorded by its moment."""
    if as_of.log_index is not None:
        return min(as_of.log_index, reader.head().log_index)
    return reader.upto_moment(as_of.moment_us)


def as_of_store(reader: LogReader, zone: str, as_of: AsOf, *, progress: Progress | None = None) -> MemoryStore:
    """A store in memory that holds the read models and cells of the log up to ``as_of``.

    Costs a rebuild of that much of the log; the caller closes it.
    """
    store = MemoryStore()
    views = Views(zone)
    with store.write() as connection:
        views.prepare(connection)
    views.rebuild(store, reader, upto=known_at(reader, as_of), progress=progress)
    refresh(store, reader, as_of.moment_us, zone)
    return store
