"""The plain library, used as its documentation shows: what the product's figures are held against.

One aggregate event saved at a time, and one projection that commits its row and its tracking position for
each event. Both on SQLite files with the library's own recorders and defaults.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import Tracking
from eventsourcing.sqlite import SQLiteDatastore, SQLiteTrackingRecorder


class Case(Aggregate):
    """A case that takes notes: the library's aggregate with one event of about 500 bytes."""

    @event("Opened")
    def __init__(self, first: dict[str, Any]) -> None:
        self.last = first

    @event("Noted")
    def note(self, data: dict[str, Any]) -> None:
        """Record one statement."""
        self.last = data


class Cases(Application[Any]):
    """The application that stores them."""


def open_cases(file: Path) -> Cases:
    """A plain library application on a SQLite file."""
    return Cases(env={"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(file)})


def save_one_at_a_time(app: Cases, payloads: list[dict[str, Any]]) -> None:
    """``Application.save`` for each payload: one new aggregate, one event, one transaction."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        for payload in payloads:
            app.save(Case(payload))


class CountView(SQLiteTrackingRecorder):
    """A view of one row a case, written with its tracking position in a transaction of its own."""

    def construct_create_table_statements(self) -> list[str]:
        """The library's tracking table and the view's."""
        return [
            *super().construct_create_table_statements(),
            "CREATE TABLE IF NOT EXISTS cases (id TEXT PRIMARY KEY, n INTEGER, last TEXT)",
        ]

    def apply(self, case: str, subject: str, tracking: Tracking) -> None:
        """Fold one event and its position."""
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(
                "INSERT INTO cases VALUES (?, 1, ?) ON CONFLICT (id) DO UPDATE SET n = n + 1, last = excluded.last",
                (case, subject),
            )


def project_one_at_a_time(app: Cases, view_file: Path, limit: int) -> int:
    """Follow the application's notifications into a CountView, a transaction an event; returns how many."""
    view = CountView(SQLiteDatastore(str(view_file)))
    view.create_table()
    done = 0
    start = 1
    while done < limit:
        section = app.recorder.select_notifications(start, min(500, limit - done))
        if not section:
            break
        for notification in section:
            case_event: Any = app.mapper.to_domain_event(notification)
            state = vars(case_event)
            subject = str(state.get("first", state.get("data", {})).get("subject", ""))
            view.apply(str(notification.originator_id), subject, Tracking(app.name, notification.id))
            done += 1
        start = section[-1].id + 1
    return done
