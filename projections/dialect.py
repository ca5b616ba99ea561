"""What SQLite and PostgreSQL say differently, for the SQL that projections write as text.

Here so that nothing else in this room knows which of them it speaks to: statements are written once, with ``?``
for a value, and turned into what the driver takes when they are executed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import chain, islice
from typing import Any, Protocol, cast

from sqlalchemy import ColumnElement, Text, and_
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.dialects.sqlite.base import SQLiteDialect
from sqlalchemy.engine import Connection
from sqlalchemy.engine.interfaces import Dialect as Compiler
from sqlalchemy.schema import ExecutableDDLElement
from sqlalchemy.types import TypeEngine

TEXT: TypeEngine[str] = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
"""Text that is compared and ordered by its bytes wherever it is kept, as Python compares code points."""


def spanned(column: ColumnElement[Any], first: Any, last: Any) -> ColumnElement[bool]:
    """Whether a column lies between two values or is one of them. Not BETWEEN: PostgreSQL takes no collation in it."""
    return and_(column >= first, column <= last)


COPIED_FROM_ROWS = 50
"""From how many rows on a bulk write is worth a COPY."""

_PARAMETERS_MAX = 900
"""The most parameters in one IN list; every SQLite build takes 999."""

Row = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one of them is spoken to. ``copies``: rows in bulk are streamed to it by COPY, and not by INSERT."""

    name: str
    mark: str
    copies: bool
    compiler: Compiler
    tables: str
    store: str
    patience: str

    def sql(self, text: str) -> str:
        """A statement written with ``?`` for values (it has no other question mark), as the driver takes it."""
        return text if self.mark == "?" else _marked(text, self.mark)

    def ddl(self, element: ExecutableDDLElement) -> str:
        """The text that makes a table or an index."""
        return str(element.compile(dialect=self.compiler))

    def there(self, connection: Connection) -> set[str]:
        """The tables where views are made: on PostgreSQL those of the first schema of the search path alone."""
        return {name for (name,) in connection.exec_driver_sql(self.tables)}

    def store_of(self, connection: Connection) -> str:
        """Which store of views it is, by the name of its file or schema; "" where it is in memory."""
        return str(connection.exec_driver_sql(self.store).scalar() or "")

    def be_patient(self, connection: Connection) -> None:
        """Lets the open transaction be silent for as long as it must: what makes everything again computes for minutes
        between two statements."""
        if self.patience:
            connection.exec_driver_sql(self.patience)

    def among(self, values: Iterable[Any]) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """What is compared with a column to find some values, in as few statements as are taken: each with its
        parameters."""
        found = iter(values)
        if self.copies:
            every = list(found)
            if every:
                yield "= ANY(?)", (every,)
            return
        while chunk := list(islice(found, _PARAMETERS_MAX)):
            yield f"IN ({', '.join('?' * len(chunk))})", tuple(chunk)

    def row(self, row: Row) -> Row:
        """A row as the driver takes it: truth is kept as 1 and 0, which SQLite's driver does by itself."""
        return tuple([int(v) if v is True or v is False else v for v in row]) if self.copies else row

    def insert(self, connection: Connection, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
        """Adds rows to a table that holds none of their keys; streamed, so that none of them is ever kept."""
        listed = ", ".join(f'"{name}"' for name in columns)
        rows = iter(rows)
        some = list(islice(rows, COPIED_FROM_ROWS)) if self.copies else []
        cursor = connection.connection.cursor()
        try:
            if len(some) == COPIED_FROM_ROWS:
                with cast(Copying, cursor).copy(f'COPY "{table}" ({listed}) FROM STDIN') as copy:
                    for row in chain(some, rows):
                        copy.write_row(self.row(row))
            else:
                sql = f'INSERT INTO "{table}" ({listed}) VALUES ({", ".join("?" * len(columns))})'
                every = [self.row(row) for row in some] if self.copies else rows
                if every:
                    cursor.executemany(self.sql(sql), every)  # type: ignore[arg-type]
        finally:
            cursor.close()


class Copying(Protocol):
    """The part of a cursor that PostgreSQL's driver has and the standard does not know."""

    def copy(self, sql: str) -> Any: ...


@lru_cache(maxsize=4_096)
def _marked(text: str, mark: str) -> str:
    return text.replace("%", "%%").replace("?", mark)


SQLITE = Dialect(
    "sqlite",
    "?",
    False,
    SQLiteDialect(),
    "SELECT name FROM sqlite_master WHERE type = 'table'",
    "SELECT file FROM pragma_database_list WHERE name = 'main'",
    "",
)
POSTGRESQL = Dialect(
    "postgresql",
    "%s",
    True,
    cast(Callable[[], Compiler], PGDialect)(),
    "SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = current_schema()",
    "SELECT current_schema()",
    "SET LOCAL idle_in_transaction_session_timeout = 0",
)


@cache
def named(name: str) -> Dialect:
    """The dialect by SQLAlchemy's name for it. Raises KeyError for any other."""
    return {SQLITE.name: SQLITE, POSTGRESQL.name: POSTGRESQL}[name]


def of(connection: Connection) -> Dialect:
    """What a connection speaks."""
    return named(connection.dialect.name)
