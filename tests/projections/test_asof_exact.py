"""Law 6: what was known at an earlier log_index is read again exactly, byte for byte."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Connection

from contracts.recorded import Recorded
from projections.kpi import AsOf, as_of_store, cells, refresh, scorecard
from projections.kpi.asof import known_at
from projections.reviews import freeze
from projections.tables import DIRTY_PERIODS, METADATA, VIEW_STATE
from projections.views import Views
from tests.projections.fake_log import FakeLog, MemoryStore
from tests.projections.kpi_world import ZONE, World, us
from tests.projections.related_facts import related_facts
from tests.projections.test_cell_refresh import facts
from tests.projections.test_restatements import history, steps_of

MOMENT = us("2025-03-05")
KPIS = ("K06", "K12", "K18", "K36", "K37", "K38", "K39", "P01")
TABLES = [table for table in METADATA.sorted_tables if table.name not in (DIRTY_PERIODS.name, VIEW_STATE.name)]


def everything(connection: Connection, as_of: AsOf) -> bytes:
    """Every row, cell and line of the scorecard, and a snapshot, as text that is the same for the same reading."""
    rows = {
        str(table.name): sorted((list(row) for row in connection.execute(table.select())), key=repr) for table in TABLES
    }
    told: dict[str, Any] = {
        "rows": rows,
        "cells": [cell.to_json() for cell in cells(connection, as_of=as_of, zone=ZONE)],
        "scorecard": scorecard(connection, as_of, ZONE).to_json(),
        "snapshot": freeze(connection, "p1", as_of, ZONE).to_json(),
    }
    return orjson.dumps(told, option=orjson.OPT_SORT_KEYS)


def read_again(log: FakeLog, as_of: AsOf) -> bytes:
    """What a full ledger says was known."""
    with as_of_store(log, ZONE, as_of) as store, store.read() as connection:
        return everything(connection, as_of)


def known_then(events: Sequence[Recorded], as_of: AsOf) -> bytes:
    """What a ledger that never had more than these events says, followed as they came and refreshed on the way."""
    log, store, views = FakeLog(events), MemoryStore(), Views(ZONE)
    with store.write() as connection:
        views.prepare(connection)
    for start in range(0, len(events), 9):
        with store.write() as connection:
            views.apply(connection, events[start : start + 9], log)
        if start % 2:
            refresh(store, log, events[start].recorded_at_us, ZONE)
    refresh(store, log, as_of.moment_us, ZONE)
    with store.read() as connection:
        told = everything(connection, as_of)
    store.close()
    return told


@settings(
    max_examples=5,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
@given(steps=st.lists(steps_of(st.one_of(facts, related_facts)), min_size=3, max_size=20), data=st.data())
def test_what_was_known_is_what_a_ledger_of_those_events_alone_says(
    steps: list[tuple[str, Any]], data: st.DataObject
) -> None:
    log = history(steps, KPIS)
    cut = data.draw(st.integers(4 + len(KPIS), len(log.events)))
    as_of = AsOf(MOMENT, cut)
    assert known_then(log.events[:cut], as_of) == read_again(log, as_of)


@pytest.fixture
def log() -> FakeLog:
    world = World()
    world.plan("K06")
    world.call("a", "2025-01-05", disposition="arrest")
    world.call("b", "2025-01-06", disposition="remained_in_community")
    world.store.close()
    return world.log


def test_control_one_event_too_many_is_noticed(log: FakeLog) -> None:
    last = len(log.events)
    as_of = AsOf(MOMENT, last - 1)
    assert known_then(log.events[:-1], as_of) == read_again(log, as_of)
    assert known_then(log.events, AsOf(MOMENT, last)) != read_again(log, as_of)


def test_a_moment_reads_what_was_recorded_until_then(log: FakeLog) -> None:
    at = log.events[-1].recorded_at_us
    assert len(log.events) == known_at(log, AsOf(at))
    assert 0 == known_at(log, AsOf(log.events[0].recorded_at_us - 1))
    assert len(log.events) == known_at(log, AsOf(at, 10**9))
