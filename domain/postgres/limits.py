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
    the sender is told to come back.
    """

    pool_max: int = 10
    connect_timeout_s: float = 5.0
    statement_timeout_s: float = 60.0
    lock_timeout_s: float = 10.0
    idle_in_transaction_timeout_s: float = 300.0
    patience_s: float = 20.0
