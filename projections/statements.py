"""The SQL by which folds load and write rows, compiled once a table.

Here because rows are written in bulk through the driver: a fold writes thousands of wide rows a
transaction, and going round the expression compiler for each batch costs more than the writing. Statements are
texts with ``?`` for a value; ``dialect`` makes of them what the driver takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any

from sqlalchemy import MetaData, Table
from sqlalchemy.engine import Connection
from sqlalchemy.schema import CreateIndex, CreateTable

from projections import dialect
from projections.dialect import Dialect

PARAMETERS_MAX = 900
"""The most identities that are looked for at once; every SQLite build takes 999 parameters."""


def chunks(values: Iterable[Any], size: int = PARAMETERS_MAX) -> Iterator[list[Any]]:
    """The values in lists of at most ``size``."""
    iterator = iter(values)
    while chunk := list(islice(iterator, size)):
        yield chunk


@dataclass(frozen=True, slots=True)
class Definition:
    """The SQL that drops and makes one table, and that makes its secondary indexes."""

    name: str
    drop: str
    create: str
    indexes: tuple[str, ...]


@cache
def definitions(metadata: MetaData, spoken: Dialect) -> tuple[Definition, ...]:
    """How the tables of ``metadata``, which must be complete, are dropped and made; compiled once a process, because
    every rebuild makes all of them, the many that stay empty too."""
    return tuple(
        Definition(
            table.name,
            f"DROP TABLE IF EXISTS {_quoted(table.name)}",
            spoken.ddl(CreateTable(table)),
            tuple(spoken.ddl(CreateIndex(i)) for i in sorted(table.indexes, key=lambda i: str(i.name))),
        )
        for table in metadata.sorted_tables
    )


def make_empty(connection: Connection, metadata: MetaData) -> None:
    """Drops every table and makes it again, without its secondary indexes."""
    spoken = dialect.of(connection)
    there = spoken.there(connection)
    made = definitions(metadata, spoken)
    # Only those that are there: a name that stands for a table elsewhere on the search path must not be dropped.
    _execute(connection, (table.drop for table in made if table.name in there))
    _execute(connection, (table.create for table in made))


def make_indexes(connection: Connection, metadata: MetaData) -> None:
    """Makes the secondary indexes of tables that ``make_empty`` made."""
    _execute(connection, (sql for table in definitions(metadata, dialect.of(connection)) for sql in table.indexes))


def make_missing(connection: Connection, metadata: MetaData) -> None:
    """Makes the tables that do not exist, with their indexes. Idempotent."""
    spoken = dialect.of(connection)
    there = spoken.there(connection)
    missing = [table for table in definitions(metadata, spoken) if table.name not in there]
    _execute(connection, (sql for table in missing for sql in (table.create, *table.indexes)))


def _execute(connection: Connection, statements: Iterable[str]) -> None:
    cursor = connection.connection.cursor()
    try:
        for sql in statements:
            cursor.execute(sql)
    finally:
        cursor.close()


def upsert(table: Table) -> str:
    """Inserts a row, or replaces every other column where its primary key exists."""
    names = [column.name for column in table.columns]
    keys = [column.name for column in table.primary_key]
    changes = ", ".join(f"{_quoted(n)} = excluded.{_quoted(n)}" for n in names if n not in keys)
    return f"{insert(table)} ON CONFLICT ({_listed(keys)}) DO UPDATE SET {changes}"


def insert(table: Table, columns: Sequence[str] = (), marks: Sequence[str] = ()) -> str:
    """Inserts a row: of all columns, or of some with their placeholders."""
    names = list(columns) or [column.name for column in table.columns]
    values = ", ".join(marks or "?" * len(names))
    return f"INSERT INTO {_quoted(table.name)} ({_listed(names)}) VALUES ({values})"


def insert_new(table: Table) -> str:
    """Inserts a row unless its primary key exists."""
    return f"{insert(table)} ON CONFLICT DO NOTHING"


def lesser(table: Table, column: str) -> str:
    """In an upsert: keeps the lesser of the value there is and the value that comes."""
    kept, comes = f"{_quoted(table.name)}.{_quoted(column)}", f"excluded.{_quoted(column)}"
    return f"{_quoted(column)} = CASE WHEN {comes} < {kept} THEN {comes} ELSE {kept} END"


def rows_where(connection: Connection, table: Table, column: str, values: Iterable[str]) -> list[Any]:
    """The rows whose ``column`` is one of ``values``, in the order of the table's columns."""
    names = _listed([c.name for c in table.columns])
    spoken = dialect.of(connection)
    found: list[Any] = []
    for wanted, parameters in spoken.among(values):
        sql = f"SELECT {names} FROM {_quoted(table.name)} WHERE {_quoted(column)} {wanted}"
        found.extend(connection.exec_driver_sql(spoken.sql(sql), parameters))
    return found


def delete_where(connection: Connection, table: Table, column: str, values: Iterable[str]) -> None:
    """Deletes the rows whose ``column`` is one of ``values``."""
    spoken = dialect.of(connection)
    for wanted, parameters in spoken.among(values):
        sql = f"DELETE FROM {_quoted(table.name)} WHERE {_quoted(column)} {wanted}"
        connection.exec_driver_sql(spoken.sql(sql), parameters)


def write_rows(connection: Connection, sql: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Executes a statement for every row; nothing where there is none."""
    if rows:
        spoken = dialect.of(connection)
        connection.exec_driver_sql(spoken.sql(sql), [tuple(spoken.row(row)) for row in rows])


def insert_rows(
    connection: Connection, table: Table, rows: Iterable[Sequence[Any]], columns: Sequence[str] = ()
) -> None:
    """Adds rows, of all columns or of some, to a table that holds none of their keys: in bulk, by the fastest way
    there is."""
    names = list(columns) or [column.name for column in table.columns]
    dialect.of(connection).insert(connection, table.name, names, rows)


def stream_rows(connection: Connection, sql: str, rows: Iterable[tuple[Any, ...]]) -> None:
    """As ``write_rows``, with rows made one by one as the driver takes them: none of them is ever kept."""
    cursor = connection.connection.cursor()
    try:
        cursor.executemany(sql, rows)  # type: ignore[arg-type]
    finally:
        cursor.close()


def _quoted(name: str) -> str:
    return f'"{name}"'


def _listed(names: Iterable[str]) -> str:
    return ", ".join(_quoted(name) for name in names)
