"""A store and a log in memory, for reading the past and for explaining a number.

Both rebuild read models from some of the events: what was known earlier, or what lies behind one cell.
Neither may touch the ledger's own tables, so they get tables of their own.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import create_engine
from sqlalchemy.engine import Connection
from sqlalchemy.pool import StaticPool


class MemoryStore:
    """A ``contracts.ports.Store`` in memory. One thread at a time; a read may not be nested in a write."""

    def __init__(self) -> None:
        self._engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that commits on a clean exit."""
        with self._engine.begin() as connection:
            yield connection

    share = write
    """The one writer has no sharers."""

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """The one connection; nobody else writes meanwhile."""
        with self._engine.connect() as connection:
            yield connection

    def close(self) -> None:
        """Give the memory back."""
        self._engine.dispose()

    def __enter__(self) -> MemoryStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def without_cycle_collection() -> Iterator[None]:
    """Many small objects come and go and none is in a cycle: looking for cycles would cost a sixth."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
