"""What one process may take of a PostgreSQL server, and how long it waits for it.

It is here so that every wait has an end, written down in one place.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Connections and seconds.

    ``pool_max`` counts the connections of one open ledger: one of them writes to the log, the others read and
    keep rows beside it. ``patience_s`` is how long a batch is tried again, and a lost commit asked after, before
    the sender is told to come back. A session that says nothing within a transaction, of a process that stands still
    or is without power, is ended by the server: after ``writing_idle_s`` where others wait for it, after
    ``reading_idle_s`` where it only reads.
    """

    pool_max: int = 10
    connect_timeout_s: float = 5.0
    statement_timeout_s: float = 60.0
    lock_timeout_s: float = 10.0
    writing_idle_s: float = 30.0
    reading_idle_s: float = 300.0
    patience_s: float = 20.0
