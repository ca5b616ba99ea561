"""Revision 0001: every durable table, as explicit statements that no later change of the code can alter.

Text that is compared or ordered has the collation "C", which is SQLite's BINARY: the order of the bytes, the same on
every machine. What may never change is guarded by triggers that fire whatever role a session replicates as.
"""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = (
    # Texts that many events share, as integers in order of first mention. Ids are given out under the head's lock.
    'CREATE TABLE names (id bigint PRIMARY KEY, text text COLLATE "C" NOT NULL UNIQUE)',
    # originator_id is '<source_id>/<event id>' for a statement (so the key keeps the order of the sender's ids), and
    # the aggregate's id for a decision, whose own event id is then in event_id.
    """
    CREATE TABLE log (
        log_index bigint PRIMARY KEY,
        time_us bigint,
        recorded_at_us bigint NOT NULL,
        topic_id bigint NOT NULL,
        subject_id bigint,
        source_id bigint,
        agency_id bigint,
        originator_version bigint NOT NULL DEFAULT 1,
        originator_id text COLLATE "C" NOT NULL,
        event_id text COLLATE "C",
        digest bytea NOT NULL,
        state bytea NOT NULL,
        CONSTRAINT log_originator UNIQUE (originator_id, originator_version)
    )
    """,
    "CREATE INDEX log_subject ON log (subject_id, log_index)",
    # What a rebuild reads of every event, a transaction in a row. ids are joined by line feeds.
    """
    CREATE TABLE log_columns (
        first_index bigint PRIMARY KEY,
        recorded_at_us bigint NOT NULL,
        packed bytea NOT NULL,
        ids text NOT NULL
    )
    """,
    # Packed numbers do not shrink; trying costs more than it saves.
    "ALTER TABLE log_columns ALTER COLUMN packed SET STORAGE EXTERNAL",
    'CREATE TABLE decision_identity (identity text COLLATE "C" PRIMARY KEY, log_index bigint NOT NULL)',
    'CREATE TABLE claims (claim text COLLATE "C" PRIMARY KEY, log_index bigint NOT NULL)',
    # One row, locked for as long as a batch takes: whoever holds it writes.
    """
    CREATE TABLE head (
        one integer PRIMARY KEY CHECK (one = 1),
        log_index bigint NOT NULL,
        recorded_at_us bigint NOT NULL,
        frontier bytea NOT NULL,
        root bytea NOT NULL
    ) WITH (fillfactor = 10)
    """,
    # The last batch of each process that writes: whether a commit was made, when its connection was lost at it.
    'CREATE TABLE writers (name text COLLATE "C" PRIMARY KEY, batch bigint NOT NULL) WITH (fillfactor = 10)',
    'CREATE TABLE totals (outcome text COLLATE "C" PRIMARY KEY, n bigint NOT NULL) WITH (fillfactor = 10)',
    """
    CREATE TABLE rejections (
        number bigint PRIMARY KEY,
        status text NOT NULL,
        code text NOT NULL,
        title text NOT NULL,
        detail text NOT NULL,
        pointer text NOT NULL,
        hint text NOT NULL,
        extra text NOT NULL,
        source text COLLATE "C",
        event_id text COLLATE "C",
        agency text COLLATE "C",
        first_received_at_us bigint NOT NULL,
        last_received_at_us bigint NOT NULL,
        times bigint NOT NULL,
        raw_bytes bigint NOT NULL,
        raw_sha256 bytea NOT NULL,
        raw bytea NOT NULL
    )
    """,
    # Hashes of the texts: an entry of an index has a greatest length, what a sender writes has none.
    "CREATE UNIQUE INDEX rejections_same ON rejections (raw_sha256, code, md5(pointer), md5(coalesce(agency, '')))",
    # Where each projector stands, and on which event: views left over from another log are noticed by its digest.
    """
    CREATE TABLE positions (
        name text COLLATE "C" PRIMARY KEY,
        version text NOT NULL,
        log_index bigint NOT NULL,
        digest text NOT NULL DEFAULT ''
    )
    """,
    """
    CREATE TABLE quarantine (
        name text COLLATE "C" NOT NULL,
        log_index bigint NOT NULL,
        key text COLLATE "C" NOT NULL,
        source text COLLATE "C" NOT NULL,
        event_id text COLLATE "C" NOT NULL,
        type text COLLATE "C" NOT NULL,
        error text,
        parked_at_us bigint NOT NULL,
        attempts bigint NOT NULL,
        PRIMARY KEY (name, log_index)
    )
    """,
    "CREATE INDEX ix_quarantine_key ON quarantine (name, key, log_index)",
    """
    CREATE TABLE brakes (
        name text COLLATE "C" PRIMARY KEY,
        log_index bigint NOT NULL,
        reason text NOT NULL,
        stopped_at_us bigint NOT NULL
    )
    """,
    # The last log_index that a projector applied of each partition of the topic of events.
    """
    CREATE TABLE partitions (
        name text COLLATE "C" NOT NULL,
        partition integer NOT NULL,
        log_index bigint NOT NULL,
        PRIMARY KEY (name, partition)
    )
    """,
    # Who may do what only one process may do. The token rises at every change of holder: it fences out the former.
    """
    CREATE TABLE leases (
        name text COLLATE "C" PRIMARY KEY,
        holder text COLLATE "C" NOT NULL,
        token bigint NOT NULL,
        until_us bigint NOT NULL
    )
    """,
    """
    CREATE TABLE relays (
        topic text COLLATE "C" PRIMARY KEY,
        partitions integer NOT NULL,
        log_index bigint NOT NULL,
        token bigint NOT NULL
    )
    """,
    """
    CREATE TABLE relay_partitions (
        topic text COLLATE "C" NOT NULL,
        partition integer NOT NULL,
        log_index bigint NOT NULL,
        PRIMARY KEY (topic, partition)
    )
    """,
    """
    CREATE TABLE intake_positions (
        topic text COLLATE "C" NOT NULL,
        partition integer NOT NULL,
        next_offset bigint NOT NULL,
        PRIMARY KEY (topic, partition)
    )
    """,
    # The views: each generation is a schema views_<number>, and one of them is live.
    """
    CREATE TABLE generations (
        number bigint PRIMARY KEY,
        version text NOT NULL,
        state text COLLATE "C" NOT NULL CHECK (state IN ('building', 'live', 'kept')),
        began_at_us bigint NOT NULL,
        log_index bigint NOT NULL
    )
    """,
    "CREATE UNIQUE INDEX generations_one_live ON generations ((true)) WHERE state = 'live'",
    'CREATE TABLE kept (name text COLLATE "C" PRIMARY KEY, value text NOT NULL)',
)

_KEPT_FOR_GOOD = ("log", "log_columns", "claims")

_FIRST_ROWS = (
    # SHA-256 of nothing: the root of the tree without leaves.
    "INSERT INTO head VALUES (1, 0, 0, '', sha256(''))",
    "INSERT INTO totals VALUES ('recorded', 0), ('duplicate', 0), ('conflict', 0), ('rejected', 0)",
)


def upgrade() -> None:
    """Make every table."""
    for statement in _TABLES:
        op.execute(statement)
    op.execute(
        """
        CREATE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'the log is append-only: % of % is refused', tg_op, tg_table_name;
        END
        $$
        """
    )
    for table in _KEPT_FOR_GOOD:
        op.execute(
            f"CREATE TRIGGER {table}_keeps_rows BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION append_only()"
        )
        op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_keeps_rows")
    for statement in _FIRST_ROWS:
        op.execute(statement)


def downgrade() -> None:
    """Refuses: it would drop the log."""
    raise RuntimeError("the log is append-only: no migration takes it away")
