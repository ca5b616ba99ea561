"""Durable tables are made once, in one step, whoever asks; and a program and a database that differ do not meet."""

from __future__ import annotations

import re
import sqlite3
from threading import Barrier, Thread

import psycopg
import pytest

from contracts.faults import Fault
from domain.postgres.sessions import REVISION
from domain.sqlite import schema
from ops.migrations import head, migrate, pending
from streams import tables


def columns(address: str) -> dict[str, list[str]]:
    with psycopg.connect(address) as connection:
        rows = connection.execute(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' "
            "ORDER BY table_name, ordinal_position"
        ).fetchall()
    found: dict[str, list[str]] = {}
    for table, column in rows:
        found.setdefault(table, []).append(column)
    return found


def test_an_empty_database_is_brought_to_the_newest_revision_once(bare_postgres_address: str) -> None:
    assert [REVISION] == pending(bare_postgres_address)
    assert [REVISION] == migrate(bare_postgres_address)
    assert [] == pending(bare_postgres_address)
    assert [] == migrate(bare_postgres_address)


def test_the_ledger_works_with_the_newest_revision() -> None:
    assert head() == REVISION


def test_of_four_at_once_one_does_it_and_the_others_find_it_done(bare_postgres_address: str) -> None:
    together = Barrier(4)
    done: list[list[str]] = []

    def step() -> None:
        together.wait()
        done.append(migrate(bare_postgres_address))

    threads = [Thread(target=step) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [[], [], [], [REVISION]] == sorted(done)


def test_a_step_that_fails_leaves_nothing_behind(bare_postgres_address: str) -> None:
    with psycopg.connect(bare_postgres_address) as connection:
        connection.execute("CREATE TABLE kept (something text)")
    with pytest.raises(Fault) as told:
        migrate(bare_postgres_address)
    assert "database_unavailable" == told.value.problem.code
    assert ["kept"] == list(columns(bare_postgres_address))


def test_a_database_of_a_newer_program_is_left_alone(postgres_address: str) -> None:
    with psycopg.connect(postgres_address) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    for step in (migrate, pending):
        with pytest.raises(Fault) as told:
            step(postgres_address)
        assert "not_migrated" == told.value.problem.code


def test_a_database_that_is_not_there_is_said() -> None:
    with pytest.raises(Fault) as told:
        pending("postgresql://nobody@127.0.0.1:1/none")
    assert "database_unavailable" == told.value.problem.code


def test_the_log_has_the_columns_it_has_in_a_file(postgres_address: str) -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    schema.create(connection.cursor())
    made = columns(postgres_address)
    for (table,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
        assert [row[1] for row in connection.execute(f"PRAGMA table_info({table})")] == made[table]
    connection.close()


def test_the_tables_of_the_streams_are_those_that_they_declare(postgres_address: str) -> None:
    made = columns(postgres_address)
    for name, table in tables.METADATA.tables.items():
        assert sorted(column.name for column in table.columns) == sorted(made[name]), name


def test_every_text_that_is_compared_has_the_order_of_its_bytes(postgres_address: str) -> None:
    with psycopg.connect(postgres_address) as connection:
        keys = connection.execute(
            "SELECT pg_get_indexdef(i.indexrelid) FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid "
            "JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = ANY(i.indkey) "
            "JOIN pg_collation AS l ON l.oid = a.attcollation "
            "WHERE c.relnamespace = 'public'::regnamespace AND l.collname <> 'C' AND c.relname <> 'alembic_version'"
        ).fetchall()
    # Hashes are compared for being the same only.
    assert [key for (key,) in keys if not re.search("rejections_same", key)] == []
