"""The plain library on PostgreSQL, used as its documentation shows: what the scaled figures are held against.

The same aggregate and the same projection as on SQLite, with the library's own PostgreSQL recorders and defaults: a
table lock and a transaction for each saved event, and one transaction for each projected one.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresDatastore, PostgresTrackingRecorder
from psycopg.sql import SQL

from ops.bench.library import Cases


def _parts(address: str) -> dict[str, Any]:
    found = urlsplit(address)
    return {
        "dbname": found.path.lstrip("/"),
        "host": found.hostname or "127.0.0.1",
        "port": str(found.port or 5432),
        "user": unquote(found.username or "postgres"),
        "password": unquote(found.password or ""),
    }


def open_cases(address: str) -> Cases:
    """A plain library application in a PostgreSQL database that is its own."""
    env = {f"POSTGRES_{name.upper()}": value for name, value in _parts(address).items()}
    return Cases(env={"PERSISTENCE_MODULE": "eventsourcing.postgres", **env})


class CountView(PostgresTrackingRecorder):
    """A view of one row a case, written with its tracking position in a transaction of its own."""

    def __init__(self, datastore: PostgresDatastore) -> None:
        """The library's tracking table and the view's."""
        super().__init__(datastore)
        table = SQL("CREATE TABLE IF NOT EXISTS cases (id text PRIMARY KEY, n int, last text)").format()
        self.sql_create_statements.append(table)

    def apply(self, case: str, subject: str, tracking: Tracking) -> None:
        """Fold one event and its position."""
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(
                "INSERT INTO cases VALUES (%s, 1, %s) "
                "ON CONFLICT (id) DO UPDATE SET n = cases.n + 1, last = excluded.last",
                (case, subject),
            )


def project_one_at_a_time(app: Cases, view_address: str, limit: int) -> int:
    """Follow the application's notifications into a CountView, a transaction an event; returns how many."""
    with PostgresDatastore(**_parts(view_address)) as datastore:
        view = CountView(datastore)
        view.create_table()
        done, start = 0, 1
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
