"""Durable tables are made once, in one step, whoever asks; and a program and a database that differ do not meet."""

from __future__ import annotations

import re
import sqlite3
from threading import Barrier, Thread

import psycopg
import pytest
from sqlalchemy.dialects import postgresql

from contracts.faults import Fault
from domain.postgres.sessions import REVISION
from domain.sqlite import schema
from ops.migrations import head, migrate, pending
from streams import leases, tables
from streams.kafka import tables as kafka_tables


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


DECLARED = {
    table.name: table
    for metadata in {tables.METADATA, leases.LEASES.metadata, kafka_tables.RELAYS.metadata}
    for table in metadata.tables.values()
}


@pytest.mark.parametrize("name", sorted(DECLARED))
def test_a_table_that_a_room_declares_is_the_one_that_was_made(postgres_address: str, name: str) -> None:
    table = DECLARED[name]
    declared = {
        # Not every declaration names the order of its text: the migration's is what counts, and is held below.
        column.name: (
            column.type.compile(postgresql.dialect()).lower().partition(" collate")[0],
            bool(column.nullable),
            column.primary_key,
        )
        for column in table.columns
    }
    with psycopg.connect(postgres_address) as connection:
        made = connection.execute(
            "SELECT a.attname, format_type(a.atttypid, NULL), NOT a.attnotnull, "
            "coalesce(a.attnum = ANY(i.indkey), false) FROM pg_attribute AS a "
            "LEFT JOIN pg_index AS i ON i.indrelid = a.attrelid AND i.indisprimary "
            "WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped",
            (name,),
        ).fetchall()
    assert declared == {column: (kind, nullable, key) for column, kind, nullable, key in made}


def test_the_rooms_declare_what_is_kept_for_the_workers() -> None:
    assert {"positions", "quarantine", "brakes", "partitions", "leases", "relays", "relay_partitions"} <= set(DECLARED)


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
