"""Feeds a projector inside the runner's transaction and finds the events that it cannot apply.

Here apart from the line itself because this is where nothing may be dropped: every event handed in is
applied or parked when ``take_in`` returns, and what is parked under one key stays in order.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from sqlalchemy.engine import Connection
from sqlalchemy.exc import OperationalError

from contracts.ports import Applier, Clock, LogReader
from contracts.recorded import Recorded
from streams.quarantine import Brake, Shelf

TRANSIENT = (OperationalError, sqlite3.OperationalError)
"""The database is busy, locked or full: nothing about the event, so it is tried again and never parked."""


class NotTogether(Exception):
    """Something of a batch cannot be applied; the transaction must be taken back."""


class Feeder:
    """Applies events through savepoints, so that one that fails leaves nothing behind."""

    def __init__(self, projector: Applier, reader: LogReader, shelf: Shelf, clock: Clock) -> None:
        self._projector = projector
        self._reader = reader
        self._shelf = shelf
        self._clock = clock

    def take_in(self, connection: Connection, batch: Sequence[Recorded], brake: Brake) -> None:
        """Applies a batch; where that fails, halves it, so that only what cannot be applied is parked.

        Left before right: a key parked in the left half is known when the right half comes to it.
        """
        held = self._shelf.keys(connection)
        pending = [list(batch)]
        while pending:
            part = pending.pop()
            if held:
                part = self._hold_back(connection, part, held)
            if not part:
                continue
            error = self._applies(connection, part)
            if error is None:
                brake.applied(len(part))
            elif len(part) > 1:
                middle = len(part) // 2
                pending += [part[middle:], part[:middle]]
            else:
                key = self._projector.key(part[0])
                self._shelf.park(connection, part[0], key, error, self._clock())
                held.add(key)
                brake.failed(held)

    def take_in_together(self, connection: Connection, batch: Sequence[Recorded]) -> list[Recorded]:
        """Applies a batch of which nothing new need be parked; returns what was not held back with its key.

        Without a savepoint: raises ``NotTogether`` where something cannot be applied, and the caller takes everything
        back.
        """
        held = self._shelf.keys(connection)
        free = self._hold_back(connection, list(batch), held) if held else list(batch)
        try:
            if free:
                self._projector.apply(connection, free, self._reader)
        except TRANSIENT:
            raise
        except Exception as error:
            raise NotTogether from error
        return free

    def _hold_back(self, connection: Connection, part: list[Recorded], held: set[str]) -> list[Recorded]:
        """Parks the events whose key is in quarantine behind those that are there; returns the others."""
        free = []
        for event in part:
            key = self._projector.key(event)
            if key in held:
                self._shelf.park(connection, event, key, None, self._clock())
            else:
                free.append(event)
        return free

    def replay(self, connection: Connection, key: str) -> tuple[int, int]:
        """Applies what is parked under a key, in order, up to the first that still cannot be: (applied,
        left)."""
        events = list(self._reader.at(self._shelf.in_order(connection, key)))
        # Together first: an event that cannot be applied may be withdrawn by one that waits behind it.
        if self._applies(connection, events) is None:
            self._shelf.remove(connection, [event.log_index for event in events])
            return len(events), 0
        for number, event in enumerate(events):
            error = self._applies(connection, [event])
            if error is not None:
                self._shelf.failed_again(connection, event.log_index, error)
                return number, len(events) - number
            self._shelf.remove(connection, [event.log_index])
        return len(events), 0

    def _applies(self, connection: Connection, events: Sequence[Recorded]) -> Exception | None:
        """Applies events inside a savepoint; the error, after taking everything back, where it fails."""
        try:
            with connection.begin_nested():
                self._projector.apply(connection, events, self._reader)
        except TRANSIENT:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a projector raises is what the quarantine keeps
            return error
        return None
