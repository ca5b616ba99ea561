"""The library's own suite for recorders, run on the recorder the ledger really uses."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any, Literal
from uuid import UUID, uuid4

from domain.recorder import LedgerRecorder
from domain.sqlite.file import SqliteFile
from domain.sqlite.recorder import SqliteBackEnd, SqliteLedgerRecorder
from tests.domain.given import Stopped


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

    def create_recorder(self) -> LedgerRecorder:
        return SqliteLedgerRecorder(SqliteBackEnd(self.file), clock=Stopped(), originator_id_type=self.id_type)

    def new_originator_id(self) -> UUID | str:
        return uuid4() if self.id_type == "uuid" else f"plan/{uuid4()}"


class TestWithUuids(OnAHome, shipped.ApplicationRecorderTestCase):
    """Originators are UUIDs."""


class TestWithTexts(OnAHome, shipped.ApplicationRecorderTestCase):
    """Originators are texts, as the ledger's are."""

    id_type = "text"


class TestNonInterleaving(OnAHome, shipped.NonInterleavingNotificationIDsBaseCase):
    """Two batches inserted at once do not mix their notification ids."""
