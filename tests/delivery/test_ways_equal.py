"""The same events by a file, a database, a broker with one worker, and with workers that join and are killed."""

from __future__ import annotations

import pytest

from ops.torture import equality
from ops.torture.equality import Moment, campaign
from tests.servers.postgres import PostgresServer


@pytest.mark.slow
def test_whatever_way_events_come_the_numbers_are_the_same_to_the_byte(
    broker: str, postgres_server: PostgresServer
) -> None:
    told: list[str] = []
    found = campaign(5_000, 7, broker, postgres_server.fresh, deadline_s=120, say=told.append)
    assert ([], True) == (found["differences"], found["equal"])
    assert 4 == len(found["seconds"])
    assert "3 workers of whom 2 were killed" in told[-1]


def test_a_way_that_differs_is_named(postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    # Negative control: the database learns of everything at another moment.
    on_postgres = equality.on_postgres

    def late(given: equality.Given, address: str) -> equality.Came:
        with monkeypatch.context() as patched:
            patched.setattr(Moment, "__call__", lambda clock: clock.us + 40 * 86_400_000_000)
            return on_postgres(given, address)

    monkeypatch.setattr(equality, "on_postgres", late)
    found = campaign(600, 7, None, postgres_server.fresh)
    assert not found["equal"]
    assert {"a database: entries", "a database: reports"} <= set(found["differences"])
    assert "a database: root" not in found["differences"]
