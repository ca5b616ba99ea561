"""The durable tables on PostgreSQL, made and changed in one step: ``tallystick migrate``.

They are made here and nowhere else, so that no worker's start ever changes a table: workers started together would
run into each other. Several of these steps at once take turns, and the later ones find everything done.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from contracts.faults import fault

CONNECT_TIMEOUT_S = 10

_TURN = 0x54535449434B
"""The key of the advisory lock under which one step at a time runs in a database."""


def migrate(address: str) -> list[str]:
    """Bring the database at a URL (``postgresql://…``) to the newest revision; returns the revisions applied, in
    order: none where nothing was to be done.

    All of them are applied in one transaction, or none. Waits while another process does the same. Raises
    UnavailableFault ``database_unavailable`` where the database cannot be reached or refuses,
    ``database_unsuitable`` where it does not keep text in UTF-8, and ``not_migrated`` where its tables come from a
    newer version of this program.
    """
    with _opened(address) as connection:
        # The lock is the session's, so that it outlives the transaction that the work is done in.
        connection.exec_driver_sql(f"SELECT pg_advisory_lock({_TURN})")
        to_do = _to_do(connection)
        connection.commit()
        if to_do:
            with connection.begin():
                config = _config()
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
        return to_do


def pending(address: str) -> list[str]:
    """The revisions that ``migrate`` would apply, in order; raises as it does, and changes nothing."""
    with _opened(address) as connection:
        return _to_do(connection)


def head() -> str:
    """The newest revision that this program knows."""
    newest = ScriptDirectory.from_config(_config()).get_current_head()
    assert newest is not None
    return newest


@contextmanager
def _opened(address: str) -> Iterator[Connection]:
    engine = create_engine(
        "postgresql+psycopg://",
        creator=lambda: psycopg.connect(
            address, connect_timeout=CONNECT_TIMEOUT_S, application_name="tallystick migrate"
        ),
        poolclass=NullPool,
    )
    try:
        with engine.connect() as connection:
            encoding = connection.exec_driver_sql("SHOW server_encoding").scalar()
            if encoding != "UTF8":
                raise fault("database_unsuitable", f"The database keeps text as {encoding}, not as UTF8.")
            yield connection
    except (DBAPIError, psycopg.Error) as error:
        told = error.orig if isinstance(error, DBAPIError) else error
        raise fault("database_unavailable", f"PostgreSQL says: {str(told).strip()}") from error


def _to_do(connection: Connection) -> list[str]:
    known = [script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()][::-1]
    if connection.exec_driver_sql("SELECT to_regclass('alembic_version')").scalar() is None:
        return known
    found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    if found is None:
        return known
    if found not in known:
        raise fault(
            "not_migrated",
            f"The database is at revision {found}, which this program does not know.",
            hint="Use a program at least as new as the database.",
        )
    return known[known.index(found) + 1 :]


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
