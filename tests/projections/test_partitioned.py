"""Law 4 beside each other: partitions applied by several workers at once give the rows that one line gives."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from sqlalchemy.engine import Connection

from contracts.partitioning import partition_of
from contracts.ports import Reach
from contracts.recorded import Recorded
from projections import partitioned
from projections.generations.postgres import PostgresGenerations
from projections.partitioned import PartitionedViews
from streams.partition_line import Live, PartitionLine, _stored
from tests.projections.fake_log import recorded
from tests.projections.partition_world import (
    DEADLINE_S,
    NOW_US,
    PARTITION_COUNT,
    GrowingLog,
    Halting,
    forget,
    generation,
    in_process,
    line,
    messages,
    tables,
    unmarked,
    waits_for_a_lock,
    work,
)
from tests.projections.random_events import TIMES, ZONE, drafts, log_of


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


# Schedules in which each rule is needed: what the first worker has done is not committed yet when the second comes.


def subject_of(partition: int, prefix: str) -> str:
    return next(f"{prefix}{n}" for n in range(1_000) if partition_of(f"{prefix}{n}", PARTITION_COUNT) == partition)


def call(log_index: int, id: str, partition: int) -> Recorded:
    subject = subject_of(partition, "call/")
    data = {"call": subject.removeprefix("call/"), "channel": "911"}
    return recorded(log_index, "call.received", data, id=id, time_us=TIMES[0])


def taking_back(log_index: int, target: str, partition: int) -> Recorded:
    data = {"supersedes": target, "reason": "wrong"}
    return recorded(log_index, "record.voided", data, id=f"v-{target}", subject=subject_of(partition, "record/"))


def again(log_index: int, target: str, partition: int) -> Recorded:
    """Taking the same back a second time."""
    return replace(taking_back(log_index, target, partition), id=f"w-{target}")


def disputed(log_index: int, id: str, partition: int) -> Recorded:
    data = {"kpi": "K06", "version": 1, "by": "housing", "reason": id}
    return recorded(log_index, "definition.disputed", data, id=id, subject=subject_of(partition, "plan/"))


SCHEDULES: dict[str, tuple[list[Recorded], int]] = {
    "a target is applied and not committed when it is taken back": ([call(1, "e1", 0), taking_back(2, "e1", 1)], 2),
    "a target is recorded when what takes it back is not committed": ([taking_back(1, "e2", 1), call(2, "e2", 0)], 1),
    "two plans speak of one KPI": ([disputed(1, "d1", 0), disputed(2, "d2", 1)], 2),
    "two partitions report the same day": ([call(1, "e1", 0), call(2, "e2", 1)], 2),
}
"""The events of a schedule, one a partition, and how many of them are recorded when the first worker begins."""


TOGETHER: dict[str, list[Recorded]] = {
    "a target and what takes it back": [call(1, "e1", 0), taking_back(2, "e1", 1), call(3, "e3", 0)],
    "what takes back a target that comes after it": [taking_back(1, "e2", 1), call(2, "e2", 0), call(3, "e3", 2)],
    "a target of a partition that is not among them": [call(1, "e1", 3), taking_back(2, "e1", 1), call(3, "e3", 0)],
    "two plans that speak of one KPI": [disputed(1, "d1", 0), disputed(2, "d2", 1)],
    "a day that two partitions report": [call(1, "e1", 0), call(2, "e2", 1)],
    "one target that two take back": [call(1, "e1", 0), taking_back(2, "e1", 1), again(3, "e1", 2)],
}
"""Events that one transaction brings of several partitions; those of partition 3 are brought by another before."""


@pytest.mark.parametrize("limit", [1, 2, 50])
@pytest.mark.parametrize("events", TOGETHER.values(), ids=TOGETHER)
def test_one_transaction_of_several_partitions_gives_the_rows_of_one_line(
    generations: PostgresGenerations, events: list[Recorded], limit: int
) -> None:
    lanes = messages(events)
    with generation(generations) as number:
        own = line(generations, GrowingLog(events), PartitionedViews(ZONE), batch_limit=limit)
        own._reader.record(len(events))  # type: ignore[attr-defined]
        own.take(3, lanes[3])
        assert {} == own.take_many(dict(enumerate(lanes[:3])))
        assert in_process(events) == tables(generations, number)
        assert set() == unmarked(generations, number)
    forget(generations)


def test_workers_whose_partitions_overlap_wait_in_one_order(generations: PostgresGenerations) -> None:
    # Each has all partitions, and takes events of the others' away all the time. A circle would end as an error of the
    # database, which is tried again: none may be.
    events: list[Recorded] = []
    for n in range(1, 121, 2):
        events += [call(n, f"e{n}", n % 4), taking_back(n + 1, f"e{n}", (n + 1 + n // 8) % 4)]
    lanes, pauses, failures = messages(events), list[float](), list[BaseException]()
    with generation(generations) as number:
        log = GrowingLog(events)
        log.record(len(events))
        together = threading.Barrier(3)

        def work_all(own: PartitionLine) -> None:
            together.wait(DEADLINE_S)
            try:
                for at in range(0, 40, 2):
                    own.take_many({n: lane[at : at + 2] for n, lane in enumerate(lanes)})
                own.take_many(dict(enumerate(lanes)))
            except BaseException as error:  # noqa: BLE001 - told to the one who waits
                failures.append(error)

        workers = [
            threading.Thread(
                target=work_all,
                args=(line(generations, log, PartitionedViews(ZONE), batch_limit=5, sleep=pauses.append),),
            )
            for _ in range(3)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(DEADLINE_S)
            assert not worker.is_alive()
        assert ([], []) == (failures, pauses)
        assert in_process(events) == tables(generations, number)
    forget(generations)


def one_after_the_other(generations: PostgresGenerations, schedule: str) -> bool:
    """Whether the rows are those of one line when the second worker comes while the first has not committed."""
    events, recorded_first = SCHEDULES[schedule]
    lanes = messages(events)
    log = GrowingLog(events)
    with generation(generations) as number:
        first = Halting(PartitionedViews(ZONE))
        other = line(generations, log, PartitionedViews(ZONE))
        # What this worker has seen before must not be what it goes by.
        other.take(3, [])
        log.record(recorded_first)
        failures: list[BaseException] = []

        def take(worker: PartitionLine, event: Recorded) -> None:
            try:
                partition = partition_of(event.subject, PARTITION_COUNT)
                worker.take(partition, lanes[partition])
            except BaseException as error:  # noqa: BLE001 - told to the one who waits
                failures.append(error)

        early = threading.Thread(target=take, args=(line(generations, log, first.views), events[0]))
        late = threading.Thread(target=take, args=(other, events[1]))
        early.start()
        assert first.halted.wait(DEADLINE_S)
        log.record(len(events))
        late.start()
        until_s = time.monotonic() + DEADLINE_S
        while late.is_alive() and not waits_for_a_lock(generations):
            assert time.monotonic() < until_s, "the second worker neither waits nor ends"
        first.go_on.set()
        early.join(DEADLINE_S)
        late.join(DEADLINE_S)
        assert not failures
        alike = in_process(events) == tables(generations, number)
    forget(generations)
    return alike


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_whoever_comes_while_another_has_not_committed_gives_the_same_rows(
    generations: PostgresGenerations, schedule: str
) -> None:
    assert one_after_the_other(generations, schedule)


def no_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(self: PartitionLine, connection: Connection, live: Live, wanted: set[int]) -> dict[int, int]:
        held = dict.fromkeys(range(PARTITION_COUNT), 0)
        return held | _stored(connection, live.projector.name)

    monkeypatch.setattr(PartitionLine, "_lock", read)


def beside_others(monkeypatch: pytest.MonkeyPatch) -> None:
    reach = PartitionedViews.reach
    beside = lambda *given: Reach(reach(*given).subjects, reach(*given).shared, alone=False)  # noqa: E731
    monkeypatch.setattr(PartitionedViews, "reach", beside)


def nothing_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PartitionedViews, "_shared_types", frozenset())


def remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    # As one line may: what is superseded is what this worker itself has learned.
    known = threading.local()
    learn = partitioned._learn

    def learning(connection: Connection, batch: Any) -> Any:
        new = learn(connection, batch)
        known.targets = getattr(known, "targets", set()) | new
        return new

    monkeypatch.setattr(partitioned, "_learn", learning)
    monkeypatch.setattr(partitioned, "_superseded", lambda *_: getattr(known, "targets", set()))


CONTROLS = {
    "a target is applied and not committed when it is taken back": no_locks,
    "a target is recorded when what takes it back is not committed": beside_others,
    "two plans speak of one KPI": nothing_shared,
}


@pytest.mark.parametrize("schedule", CONTROLS)
def test_without_its_rule_a_schedule_gives_other_rows(
    generations: PostgresGenerations, monkeypatch: pytest.MonkeyPatch, schedule: str
) -> None:
    # Negative control.
    CONTROLS[schedule](monkeypatch)
    assert not one_after_the_other(generations, schedule)


def test_with_a_memory_across_transactions_a_schedule_gives_other_rows(
    generations: PostgresGenerations, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Negative control: the other worker has learned of the correction, this one remembers that there is none.
    remembered(monkeypatch)
    assert not one_after_the_other(generations, "a target is recorded when what takes it back is not committed")
