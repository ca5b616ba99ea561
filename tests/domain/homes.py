"""Where a ledger of the tests lives: a directory for SQLite, a database for PostgreSQL; and how one is tampered with.

It is here so that a test of what holds on both says ``home`` and nothing else.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import psycopg

from domain.sqlite.file import FILE_NAME


class Database:
    """A migrated database that takes a home's place; ``home / "name"`` is another one."""

    def __init__(self, fresh: Callable[[], str]) -> None:
        """``fresh`` makes a database and returns its address."""
        self._fresh = fresh
        self._others: dict[str, Database] = {}
        self.address = fresh()

    def __truediv__(self, name: str) -> Database:
        if name not in self._others:
            self._others[name] = Database(self._fresh)
        return self._others[name]


Home = Path | Database

_GUARDS = {
    "log_keeps_rows": "log",
    "log_keeps_values": "log",
    "log_columns_keeps_rows": "log_columns",
    "log_columns_keeps_values": "log_columns",
    "claims_keeps_rows": "claims",
    "claims_keeps_values": "claims",
}

# What the tests say to SQLite, as PostgreSQL says it.
_TRANSLATED = (
    (r"zeroblob\((\d+)\)", r"decode(repeat('00', \1), 'hex')"),
    (r"x'([0-9a-f]*)'", r"'\\x\1'::bytea"),
    (r"CAST\(replace\(state, (.*?)\) AS BLOB\)", r"convert_to(replace(convert_from(state, 'UTF8'), \1), 'UTF8')"),
    (r"CAST\((.*) AS BLOB\)", r"(\1)"),
    (r"\bchar\(", "chr("),
)


def tampered(home: Home, *statements: str) -> None:
    """Change rows behind the ledger's back, with nothing to guard them."""
    if isinstance(home, Path):
        connection = sqlite3.connect(home / FILE_NAME)
        for trigger in _GUARDS:
            connection.execute(f"DROP TRIGGER IF EXISTS {trigger}")
        for statement in statements:
            connection.execute(statement)
        connection.commit()
        connection.close()
        return
    with psycopg.connect(home.address) as connection:
        for table in sorted(set(_GUARDS.values())):
            connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for statement in statements:
            for pattern, words in _TRANSLATED:
                statement = re.sub(pattern, words, statement)
            connection.execute(statement)


def refusal_of(home: Home, words: str) -> Exception:
    """What the database raises when it cannot go on."""
    return sqlite3.OperationalError(words) if isinstance(home, Path) else psycopg.errors.IoError(words)
