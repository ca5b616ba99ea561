"""SQL on PostgreSQL and the plain evaluator count alike, for every measure and every KPI of the library."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import literal
from sqlalchemy.engine import Engine

from projections.generations.postgres import PostgresGenerations
from projections.kpi import sql
from projections.tables import METADATA
from tests.projections.test_kpi_evaluators import BODIES, NOW, TRIES, Kept, by_sql, every_body, plainly, worlds


@pytest.fixture(scope="module")
def engine(postgres_server: Any) -> Iterator[Engine]:
    address = postgres_server.fresh()
    generations = PostgresGenerations(address, clock=lambda: 0)
    METADATA.create_all(generations._engine)
    yield generations._engine
    generations.close()
    postgres_server.drop(address)


@every_body
@TRIES
@given(data=st.data(), now=NOW)
def test_sql_on_postgresql_equals_the_plain_evaluator(engine: Engine, name: str, data: st.DataObject, now: int) -> None:
    world = data.draw(worlds(name))
    with Kept(engine, world) as connection:
        found = by_sql(connection, BODIES[name], now)
        assert plainly(BODIES[name], world, now) == found.partials
        assert all(type(part.denominator) is int for part in found.partials.values())


@every_body
@TRIES
@given(data=st.data(), now=NOW)
def test_what_the_clock_changes_next_is_announced_alike(
    engine: Engine, name: str, data: st.DataObject, now: int
) -> None:
    world = data.draw(worlds(name))
    with Kept(engine, world) as connection:
        found = by_sql(connection, BODIES[name], now)
        horizon = found.earliest_change_us()
        assert horizon is None or horizon > now
        moment = now + 1 if horizon is None else horizon - 1
        assert found.partials == by_sql(connection, BODIES[name], moment).partials


def test_the_comparison_notices_a_condition_that_is_never_met(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    # Negative control: with every flag taken for 0 something is counted otherwise.
    monkeypatch.setattr(sql, "_flag", lambda *_: literal(0))

    def compare_all() -> None:
        for name in sorted(BODIES):
            test_sql_on_postgresql_equals_the_plain_evaluator(engine=engine, name=name)

    with pytest.raises(AssertionError):
        compare_all()
