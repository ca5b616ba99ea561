"""Law 4 beside each other: partitions applied by several workers at once give the rows that one line gives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from contracts.recorded import Recorded
from projections.generations.postgres import PostgresGenerations
from tests.projections.partition_world import (
    NOW_US,
    GrowingLog,
    forget,
    generation,
    in_process,
    tables,
    unmarked,
    work,
)
from tests.projections.random_events import drafts, log_of


@pytest.fixture(scope="module")
def generations(postgres_server: Any) -> Iterator[PostgresGenerations]:
    from ops.migrations import migrate

    address = postgres_server.migrated(migrate)
    opened = PostgresGenerations(address, clock=lambda: NOW_US, pool_max=12)
    yield opened
    opened.close()
    postgres_server.drop(address)


@st.composite
def logs(draw: st.DrawFn) -> list[Recorded]:
    """Logs whose plans are several subjects, so that rows keyed by what events say belong to several partitions."""
    events = log_of(draw(drafts(most=60)))
    plans = draw(st.lists(st.sampled_from(("p-1", "p-2", "p-3", "p-4")), min_size=len(events), max_size=len(events)))
    return [
        replace(event, subject=f"plan/{plan}") if event.subject.startswith("plan/") else event
        for event, plan in zip(events, plans, strict=True)
    ]


@given(events=logs(), seed=st.integers(0, 2**32), workers=st.sampled_from((3, 4)))
@settings(max_examples=15, phases=[Phase.generate], deadline=None, suppress_health_check=list(HealthCheck))
def test_partitions_applied_beside_each_other_give_the_rows_of_one_line(
    generations: PostgresGenerations, events: list[Recorded], seed: int, workers: int
) -> None:
    with generation(generations) as number:
        work(generations, GrowingLog(events), seed, workers)
        assert in_process(events) == tables(generations, number)
        assert set() == unmarked(generations, number)
    forget(generations)
