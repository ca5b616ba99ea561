"""A home for a ledger, once for each database that may keep one: what holds must hold on both."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.domain.homes import Database, Home

BACK_ENDS = ("sqlite", "postgres")


@pytest.fixture(params=BACK_ENDS)
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Home]:
    """A directory, then a migrated database; ``home / "name"`` is another one."""
    if request.param == "sqlite":
        yield tmp_path
        return
    yield from databases(request)


@pytest.fixture(scope="module", params=BACK_ENDS)
def shared_home(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """As ``home``, for the tests of a module together."""
    if request.param == "sqlite":
        yield tmp_path_factory.mktemp("shared")
        return
    yield from databases(request)


def databases(request: pytest.FixtureRequest) -> Iterator[Database]:
    """Databases made as they are named, and dropped together at the end."""
    from ops.migrations import migrate

    server = request.getfixturevalue("postgres_server")
    made: list[str] = []

    def fresh() -> str:
        made.append(server.migrated(migrate))
        return made[-1]

    yield Database(fresh)
    for address in made:
        server.drop(address)
