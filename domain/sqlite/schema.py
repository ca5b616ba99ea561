"""The tables of the ledger's file, their version, and the step that makes them.

It is apart from the recorder so that the form on disk can be read in one place: what is kept for good, what
is counted, and what no statement may change.
"""

from __future__ import annotations

import sqlite3

from domain.tree import EMPTY_ROOT

APPLICATION_ID = 0x5453544B
"""``TSTK`` in the SQLite header: the file says what it is."""

SCHEMA_VERSION = 2

OUTCOMES = ("recorded", "duplicate", "conflict", "rejected")

_STATEMENTS = (
    # Texts that many events share, as small integers: the indexes stay narrow and in order of first mention.
    "CREATE TABLE names (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT",
    # Typed columns first, the body last: a scan of the columns does not walk through the bodies' overflow
    # pages. originator_id is '<source_id>/<event id>' for a statement (so the key keeps the order of the
    # sender's ids), and the aggregate's id for a decision, whose own event id is then in event_id.
    """
    CREATE TABLE log (
        log_index INTEGER PRIMARY KEY,
        time_us INTEGER,
        recorded_at_us INTEGER NOT NULL,
        topic_id INTEGER NOT NULL,
        subject_id INTEGER,
        source_id INTEGER,
        agency_id INTEGER,
        originator_version INTEGER NOT NULL,
        originator_id TEXT NOT NULL,
        event_id TEXT,
        digest BLOB NOT NULL,
        state BLOB NOT NULL,
        UNIQUE (originator_id, originator_version)
    ) STRICT
    """,
    # The rowid (log_index) is the last part of every index: the events of a subject come out in order.
    "CREATE INDEX log_subject ON log (subject_id)",
    "CREATE TRIGGER log_keeps_rows BEFORE DELETE ON log "
    "BEGIN SELECT RAISE(ABORT, 'the log is append-only: a row cannot be deleted'); END",
    "CREATE TRIGGER log_keeps_values BEFORE UPDATE ON log "
    "BEGIN SELECT RAISE(ABORT, 'the log is append-only: a row cannot be changed'); END",
    # What a rebuild reads of every event, a transaction in a row: see packed. ids are joined by line feeds.
    """
    CREATE TABLE log_columns (
        first_index INTEGER PRIMARY KEY,
        recorded_at_us INTEGER NOT NULL,
        packed BLOB NOT NULL,
        ids TEXT NOT NULL
    ) STRICT
    """,
    "CREATE TRIGGER log_columns_keeps_rows BEFORE DELETE ON log_columns "
    "BEGIN SELECT RAISE(ABORT, 'the log is append-only: its columns cannot be deleted'); END",
    "CREATE TRIGGER log_columns_keeps_values BEFORE UPDATE ON log_columns "
    "BEGIN SELECT RAISE(ABORT, 'the log is append-only: its columns cannot be changed'); END",
    # '<source_id>/<event id>' of every decision: a decision is recorded once as well, whatever its aggregate.
    "CREATE TABLE decision_identity (identity TEXT PRIMARY KEY, log_index INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    # What belongs to one aggregate among all, and the decision that took it: see claims.
    "CREATE TABLE claims (claim TEXT PRIMARY KEY, log_index INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TRIGGER claims_keeps_rows BEFORE DELETE ON claims "
    "BEGIN SELECT RAISE(ABORT, 'the log is append-only: a claim cannot be deleted'); END",
    "CREATE TRIGGER claims_keeps_values BEFORE UPDATE ON claims "
    "BEGIN SELECT RAISE(ABORT, 'the log is append-only: a claim cannot be changed'); END",
    """
    CREATE TABLE head (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        log_index INTEGER NOT NULL,
        recorded_at_us INTEGER NOT NULL,
        frontier BLOB NOT NULL,
        root BLOB NOT NULL
    ) STRICT
    """,
    "CREATE TABLE totals (outcome TEXT PRIMARY KEY, n INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    """
    CREATE TABLE rejections (
        number INTEGER PRIMARY KEY,
        status TEXT NOT NULL,
        code TEXT NOT NULL,
        title TEXT NOT NULL,
        detail TEXT NOT NULL,
        pointer TEXT NOT NULL,
        hint TEXT NOT NULL,
        extra TEXT NOT NULL,
        source TEXT,
        event_id TEXT,
        agency TEXT,
        first_received_at_us INTEGER NOT NULL,
        last_received_at_us INTEGER NOT NULL,
        times INTEGER NOT NULL,
        raw_bytes INTEGER NOT NULL,
        raw_sha256 BLOB NOT NULL,
        raw BLOB NOT NULL
    ) STRICT
    """,
    "CREATE UNIQUE INDEX rejections_same ON rejections (raw_sha256, code, pointer, coalesce(agency, ''))",
)


def is_empty(connection: sqlite3.Connection) -> bool:
    """Whether the file holds no table at all, so that the ledger's may be made in it."""
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    return bool(tables == 0)


def stamp(connection: sqlite3.Connection) -> tuple[int, int]:
    """The (application id, schema version) in the file's header."""
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return application_id, version


def create(cursor: sqlite3.Cursor) -> None:
    """Make every table inside the caller's transaction, so that a half-made file is no ledger."""
    for statement in _STATEMENTS:
        cursor.execute(statement)
    cursor.execute("INSERT INTO head VALUES (1, 0, 0, x'', ?)", (EMPTY_ROOT,))
    cursor.executemany("INSERT INTO totals VALUES (?, 0)", [(outcome,) for outcome in OUTCOMES])
    cursor.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    cursor.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
