"""The library's own suite for recorders, run on the recorders the ledger really uses."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, Literal
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import NotSupportedError

from domain.postgres.limits import Limits
from domain.postgres.recorder import PostgresBackEnd, PostgresLedgerRecorder
from domain.postgres.sessions import Sessions
from domain.sqlite.file import SqliteFile
from domain.sqlite.recorder import SqliteBackEnd, SqliteLedgerRecorder
from ops.migrations import migrate
from tests.domain.given import Stopped
from tests.servers.postgres import PostgresServer


def shipped_cases() -> ModuleType:
    """The suite, with a stand-in for the cipher it imports, whose package the ledger does not need."""
    name = "eventsourcing.cipher"
    absent = name not in sys.modules
    if absent:
        cipher: Any = ModuleType(name)
        cipher.AESCipher = object
        sys.modules[name] = cipher
    try:
        from eventsourcing.tests import persistence

        return persistence
    finally:
        if absent:
            del sys.modules[name]


shipped = shipped_cases()


class OnAHome:
    """A recorder on a file of its own, closed after each test."""

    id_type: Literal["uuid", "text"] = "uuid"

    def setUp(self) -> None:
        self.directory = tempfile.TemporaryDirectory()
        self.file = SqliteFile.open(Path(self.directory.name))

    def tearDown(self) -> None:
        self.file.close()
        self.directory.cleanup()

    def create_recorder(self) -> SqliteLedgerRecorder:
        return SqliteLedgerRecorder(SqliteBackEnd(self.file), clock=Stopped(), originator_id_type=self.id_type)

    def new_originator_id(self) -> UUID | str:
        return uuid4() if self.id_type == "uuid" else f"plan/{uuid4()}"


class OnADatabase:
    """A recorder on a database of its own, dropped after each test."""

    id_type: Literal["uuid", "text"] = "uuid"
    server: ClassVar[PostgresServer]

    @pytest.fixture(autouse=True)
    def _on(self, postgres_server: PostgresServer) -> None:
        type(self).server = postgres_server

    def setUp(self) -> None:
        self.address = self.server.migrated(migrate)
        sessions = Sessions(self.address, Limits(), writable=True, must_be_durable=True)
        self.back_end = PostgresBackEnd(sessions, writable=True)

    def tearDown(self) -> None:
        self.back_end.close()
        self.server.drop(self.address)

    def create_recorder(self) -> PostgresLedgerRecorder:
        return PostgresLedgerRecorder(self.back_end, clock=Stopped(), originator_id_type=self.id_type)

    def new_originator_id(self) -> UUID | str:
        return uuid4() if self.id_type == "uuid" else f"plan/{uuid4()}"


class TestWithUuids(OnAHome, shipped.ApplicationRecorderTestCase):
    """Originators are UUIDs."""


class TestWithTexts(OnAHome, shipped.ApplicationRecorderTestCase):
    """Originators are texts, as the ledger's are."""

    id_type = "text"


class TestNonInterleaving(OnAHome, shipped.NonInterleavingNotificationIDsBaseCase):
    """Two batches inserted at once do not mix their notification ids."""


class TestWithUuidsOnPostgres(OnADatabase, shipped.ApplicationRecorderTestCase):
    """Originators are UUIDs."""


class TestWithTextsOnPostgres(OnADatabase, shipped.ApplicationRecorderTestCase):
    """Originators are texts, as the ledger's are."""

    id_type = "text"


class TestNonInterleavingOnPostgres(OnADatabase, shipped.NonInterleavingNotificationIDsBaseCase):
    """Two batches inserted at once do not mix their notification ids."""


@pytest.mark.parametrize("case", [OnAHome, OnADatabase])
def test_nobody_subscribes_through_the_library(case: Any, postgres_server: PostgresServer) -> None:
    OnADatabase.server = postgres_server
    given = case()
    given.setUp()
    with pytest.raises(NotSupportedError):
        given.create_recorder().subscribe(gt=None)
    given.tearDown()
