"""Where the ledger's file used to be found; see ``domain.sqlite.file``."""

from __future__ import annotations

from domain.back_end import TurnTaken
from domain.sqlite.file import (
    FILE_NAME,
    LOCK_NAME,
    MemoryStore,
    SqliteFile,
    Synchronous,
    make_durable_directory,
)

__all__ = ["FILE_NAME", "LOCK_NAME", "MemoryStore", "SqliteFile", "Synchronous", "TurnTaken", "make_durable_directory"]
