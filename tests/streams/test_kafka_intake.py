"""The line of intake: every message ends as one of four outcomes, durably and answered, before it may be
acknowledged."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from contracts.faults import fault, problem
from contracts.intake import validate
from contracts.kafka_binding import Headers, Message
from contracts.ports import Store
from contracts.recorded import Outcome, Rejected
from domain.ledger import Ledger
from ops.http.problem import problem_body
from streams.kafka.answers import answer_of
from streams.kafka.intake import IntakeLine
from streams.kafka.intake_broker import IntakeBroker
from streams.kafka.tables import INTAKE_POSITIONS
from streams.kafka.topics import intake_topic, receipts_topic, rejections_topic
from tests.projections.fake_log import MemoryStore
from tests.servers.broker import Broker
from tests.streams.durable import durable_store, with_durable_tables
from tests.streams.kafka_world import brokers, event_json, read_all, send_all
from tests.streams.told_clock import ToldClock

__all__ = ["durable_store"]

STRUCTURED: Headers = (("content-type", b"application/cloudevents+json"),)


class Crash(Exception):
    """The process ends here."""


def structured(number: int) -> tuple[bytes, bytes, Headers]:
    event = event_json(number)
    return event["subject"].encode(), json.dumps(event).encode(), STRUCTURED


def binary(number: int) -> tuple[bytes, bytes, Headers]:
    event = event_json(number)
    headers = [("content-type", b"application/json")]
    headers += [
        (f"ce_{name}", value.encode()) for name, value in event.items() if name not in ("data", "datacontenttype")
    ]
    return event["subject"].encode(), json.dumps(event["data"]).encode(), headers


class World:
    """A ledger, a broker with the topics, and lines that take in."""

    def __init__(self, address: str, prefix: str, ledger: Ledger, store: Store) -> None:
        self.address = address
        self.intake, self.receipts, self.rejections = (
            name(prefix) for name in (intake_topic, receipts_topic, rejections_topic)
        )
        self.ledger = ledger
        self.store = store
        self.clock = ToldClock()
        self.broker = IntakeBroker(brokers(address))
        self.broker.places([self.intake, self.receipts, self.rejections])

    def record(self, items: Sequence[tuple[bytes | Rejected, str]]) -> list[Outcome]:
        return self.ledger.record([raw if isinstance(raw, Rejected) else validate(raw) for raw, _ in items])

    def line(self, **options: Any) -> IntakeLine:
        record = options.pop("record", self.record)
        return IntakeLine(
            self.broker,
            self.store,
            record,
            receipts=self.receipts,
            rejections=self.rejections,
            clock=self.clock,
            **options,
        )

    def send(self, messages: Sequence[tuple[bytes | None, bytes | None, Headers]], partition: int | None = 0) -> None:
        send_all(self.address, self.intake, messages, **({} if partition is None else {"partition": partition}))

    def delivered(self) -> list[Message]:
        """What a consumer would be handed."""
        return [
            Message(self.intake, one.partition, one.offset, one.key, one.value, one.headers)
            for one in read_all(self.address, self.intake)
        ]

    def ids(self) -> list[str]:
        return sorted((event.id for event in self.ledger.reader().after(0, 1_000)), key=lambda told: int(told[2:]))

    def positions(self) -> dict[int, int]:
        with self.store.read() as connection:
            rows = connection.execute(INTAKE_POSITIONS.select().where(INTAKE_POSITIONS.c.topic == self.intake))
            return {row.partition: row.next_offset for row in rows}

    def answers(self, topic: str) -> list[tuple[str, dict[str, Any], dict[str, bytes]]]:
        found = [(one.key, one.value, dict(one.headers)) for one in read_all(self.address, topic)]
        return [((key or b"").decode(), json.loads(value or b""), headers) for key, value, headers in found]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger.open(tmp_path / "home", clock=ToldClock(), synchronous="NORMAL")
    yield opened
    opened.close()


@pytest.fixture
def world(broker: str, topic_prefix: str, durable_store: Store, ledger: Ledger) -> Iterator[World]:
    made = World(broker, topic_prefix, ledger, durable_store)
    yield made
    made.broker.close()


@pytest.fixture
def small(broker: str, topic_prefix: str, ledger: Ledger) -> Iterator[World]:
    """As ``world``, its positions on SQLite alone."""
    made = World(broker, topic_prefix, ledger, with_durable_tables(MemoryStore()))
    yield made
    made.broker.close()


def numbered(first: int, last: int) -> list[str]:
    return [f"e-{number}" for number in range(first, last + 1)]


def test_every_message_is_recorded_once_answered_and_its_position_saved(world: World) -> None:
    world.send([structured(n) if n % 2 else binary(n) for n in range(1, 41)], partition=None)
    line = world.line()
    messages = world.delivered()
    line.handle(messages)
    assert numbered(1, 40) == world.ids()
    ends = Counter(message.partition for message in messages)
    assert dict(ends) == world.positions()
    receipts = world.answers(world.receipts)
    assert {f"//lakeside-health/records/e-{n}" for n in range(1, 41)} == {key for key, _, _ in receipts}
    assert {"recorded"} == {told["status"] for _, told, _ in receipts}
    assert {(m.partition, m.offset) for m in messages} == {
        (int(headers["partition"]), int(headers["offset"])) for _, _, headers in receipts
    }
    assert [] == world.answers(world.rejections)
    assert (40, 0) == (line.counts.recorded, line.counts.read_again)


def test_what_is_delivered_again_is_recorded_once(small: World) -> None:
    small.send([structured(n) for n in range(1, 11)])
    messages = small.delivered()
    line = small.line()
    line.handle(messages)
    line.handle(messages[3:])
    small.line().handle(messages)
    assert numbered(1, 10) == small.ids()
    assert (10, 7) == (line.counts.recorded, line.counts.duplicate)
    assert {0: 10} == small.positions()


def test_messages_that_nobody_delivered_are_read_from_the_broker(small: World) -> None:
    small.send([structured(n) for n in range(1, 21)])
    messages = small.delivered()
    line = small.line()
    line.handle([*messages[2:5], *messages[9:11], messages[19]])
    assert numbered(1, 20) == small.ids()
    assert [event.id for event in small.ledger.reader().after(0, 100)] == numbered(1, 20), "and in their order"
    assert 14 == line.counts.read_again


def test_after_a_start_the_position_is_the_truth_and_not_what_was_acknowledged(small: World) -> None:
    small.send([structured(n) for n in range(1, 11)])
    messages = small.delivered()
    small.line().handle(messages[:4])
    # The group's committed offset passed a hole: the new worker is handed what stands behind it.
    line = small.line()
    line.handle(messages[8:])
    assert numbered(1, 10) == small.ids()
    assert 4 == line.counts.read_again


def test_what_another_worker_took_in_meanwhile_is_not_read_again(small: World) -> None:
    small.send([structured(n) for n in range(1, 11)])
    messages = small.delivered()
    line = small.line()
    line.handle(messages[:3])
    small.line().handle(messages[3:8])
    line.handle(messages[9:])
    assert numbered(1, 10) == small.ids()
    assert (1, 0) == (line.counts.read_again, line.counts.duplicate)


def test_without_the_position_the_hole_would_stay(small: World) -> None:
    small.send([structured(n) for n in range(1, 11)])
    messages = small.delivered()
    small.line().handle(messages[:4])
    line = small.line()
    line._first_met = lambda place, offset: offset  # type: ignore[method-assign]
    line.handle(messages[8:])
    assert [*numbered(1, 4), *numbered(9, 10)] == small.ids()


def test_what_stands_at_the_end_and_is_never_delivered_is_found_by_looking(small: World) -> None:
    small.send([structured(n) for n in range(1, 11)])
    line = small.line()
    line.handle(small.delivered()[:7])
    assert [0, 0] == [line.look([small.intake]) for _ in range(2)], "it may still be on its way"
    assert 3 == line.look([small.intake])
    assert [0, 0, 0] == [line.look([small.intake]) for _ in range(3)]
    assert numbered(1, 10) == small.ids()
    assert {0: 10} == small.positions()


def test_looking_leaves_to_the_agent_what_is_on_its_way(small: World) -> None:
    line = small.line()
    assert 0 == line.look([small.intake])
    for number in range(1, 4):
        small.send([structured(number)])
        assert 0 == line.look([small.intake])
        line.handle(small.delivered()[number - 1 :])
    assert (3, 0, 0) == (line.counts.recorded, line.counts.duplicate, line.counts.read_again)
    small.send([structured(4)])
    assert [0, 0, 1] == [line.look([small.intake]) for _ in range(3)]
    small.send([structured(5)])
    line.handle(small.delivered()[4:])
    assert (5, 0, 0) == (line.counts.recorded, line.counts.duplicate, line.counts.read_again)


def test_a_malformed_message_ends_in_the_table_and_on_the_topic_of_rejections(small: World) -> None:
    wrong = {**event_json(2), "data": {"call": "another"}}
    small.send(
        [
            structured(1),
            (b"k", json.dumps(wrong).encode(), STRUCTURED),
            (None, b"\x00not json", ()),
            (b"k", None, ()),
            (b"k", b"{}", (("content-type", b"application/cloudevents+avro"),)),
            (b"k", b"{}", (*STRUCTURED, ("ce_id", b"\xff"))),
            structured(3),
        ]
    )
    line = small.line()
    line.handle(small.delivered())
    assert ["e-1", "e-3"] == small.ids()
    kept = small.ledger.rejections()
    told = small.answers(small.rejections)
    codes = ["subject_mismatch", "not_json", "not_json", "content_type_unsupported", "attribute_invalid"]
    assert codes == [rejection.problem.code for rejection in kept]
    assert sorted(codes) == sorted(answer["code"] for _, answer, _ in told)
    assert all(answer["hint"] and answer["status"] == "rejected" for _, answer, _ in told)
    assert {1, 2, 3, 4, 5} == {int(headers["offset"]) for _, _, headers in told}
    assert "//lakeside-health/records/e-2" in {key for key, _, _ in told}
    assert f"{small.intake}/0/2" in {key for key, _, _ in told}
    assert (2, 5) == (line.counts.recorded, line.counts.rejected)
    assert {"recorded": 2, "duplicate": 0, "conflict": 0, "rejected": 5} == small.ledger.totals()


def test_other_content_under_the_same_identity_is_told_as_a_conflict(small: World) -> None:
    changed = {**event_json(1), "data": {"call": "c-1", "channel": "911"}}
    small.send([structured(1), (b"k", json.dumps(changed).encode(), STRUCTURED)])
    small.line().handle(small.delivered())
    ((_, told, headers),) = small.answers(small.rejections)
    assert ("identity_conflict", b"conflict") == (told["code"], headers["status"])


def test_a_line_that_ends_at_any_step_loses_nothing_and_counts_nothing_twice(world: World) -> None:
    world.send([structured(n) for n in range(1, 11)])
    messages = world.delivered()
    for step in ("read", "recorded", "answered", "saved"):

        def crash(name: str, at: str = step) -> None:
            if name == at:
                raise Crash(at)

        with pytest.raises(Crash):
            world.line(step=crash).handle(messages)
        assert {0: 10} == world.positions() if step == "saved" else {} == world.positions()
    world.line().handle(messages)
    assert numbered(1, 10) == world.ids()
    assert {f"//lakeside-health/records/e-{n}" for n in range(1, 11)} == {
        key for key, _, _ in world.answers(world.receipts)
    }


def test_while_the_database_is_away_nothing_is_acknowledged_and_then_all_is_taken(small: World) -> None:
    small.send([structured(1)])
    waiting, back = threading.Event(), threading.Event()

    def record(items: Sequence[tuple[bytes | Rejected, str]]) -> list[Outcome]:
        if not back.is_set():
            raise fault("database_unavailable", "it restarts")
        return small.record(items)

    line = small.line(record=record, on_counts=lambda counts: waiting.set() if counts.waiting_for else None)
    messages = small.delivered()
    worker = threading.Thread(target=line.handle, args=(messages,))
    worker.start()
    assert waiting.wait(10)
    assert "it restarts" == line.counts.waiting_for
    assert ({}, []) == (small.positions(), small.ids())
    back.set()
    worker.join(20)
    assert ({0: 1}, ["e-1"], None) == (small.positions(), small.ids(), line.counts.waiting_for)


@pytest.mark.parametrize("own_broker", ["apache"], indirect=True)  # tansu forgets with its process
def test_while_the_broker_is_away_answers_wait_and_none_is_missing(
    own_broker: Broker, topic_prefix: str, ledger: Ledger
) -> None:
    made = World(own_broker.address, topic_prefix, ledger, with_durable_tables(MemoryStore()))
    made.send([structured(n) for n in range(1, 6)])
    waiting = threading.Event()

    def killing(name: str) -> None:
        if name == "recorded":
            own_broker.kill()

    line = made.line(step=killing, on_counts=lambda counts: waiting.set() if counts.waiting_for else None)
    messages = made.delivered()
    worker = threading.Thread(target=line.handle, args=(messages,))
    worker.start()
    try:
        assert waiting.wait(30)
        assert ({}, numbered(1, 5)) == (made.positions(), made.ids())
        own_broker.start()
        worker.join(60)
        assert {0: 5} == made.positions()
        assert {f"//lakeside-health/records/e-{n}" for n in range(1, 6)} == {
            key for key, _, _ in made.answers(made.receipts)
        }
    finally:
        line.stop()
        worker.join(20)
        made.broker.close()


def test_a_line_that_is_stopped_gives_up_waiting_and_acknowledges_nothing(small: World) -> None:
    small.send([structured(1)])

    def record(items: Sequence[tuple[bytes | Rejected, str]]) -> list[Outcome]:
        line.stop()
        raise fault("database_unavailable", "it restarts")

    line = small.line(record=record)
    with pytest.raises(Exception, match="it restarts"):
        line.handle(small.delivered())
    assert {} == small.positions()


def test_what_is_no_passing_trouble_is_raised(small: World) -> None:
    small.send([structured(1)])

    def broken(items: Sequence[tuple[bytes | Rejected, str]]) -> list[Outcome]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        small.line(record=broken).handle(small.delivered())
    with pytest.raises(RuntimeError, match="0 outcomes"):
        small.line(record=lambda items: []).handle(small.delivered())


def test_a_topic_that_was_made_anew_is_read_from_its_start(small: World) -> None:
    small.send([structured(n) for n in range(1, 4)])
    with small.store.write() as connection:
        connection.execute(INTAKE_POSITIONS.insert().values(topic=small.intake, partition=0, next_offset=900))
    small.line().handle(small.delivered()[2:])
    assert numbered(1, 3) == small.ids()
    assert {0: 3} == small.positions()


@pytest.mark.parametrize("broker", ["apache"], indirect=True)  # Behind its end, tansu tells nothing apart.
def test_a_topic_that_was_made_anew_is_noticed_by_looking(small: World) -> None:
    small.send([structured(n) for n in range(1, 4)])
    with small.store.write() as connection:
        connection.execute(INTAKE_POSITIONS.insert().values(topic=small.intake, partition=0, next_offset=900))
    line = small.line()
    assert [0, 0, 3] == [line.look([small.intake]) for _ in range(3)]
    assert {0: 3} == small.positions()


def test_a_topic_that_ends_before_what_is_missing_holds_nobody_up(
    small: World, caplog: pytest.LogCaptureFixture
) -> None:
    small.send([structured(n) for n in range(1, 6)])
    *_, last = small.delivered()
    # It was at 900 when the topic was made anew, with less in it.
    late = Message(last.topic, last.partition, 900, last.key, last.value, last.headers)
    line, waited = small.line(), []
    line._on_counts = lambda counts: waited.append(counts.waiting_for) if counts.waiting_for else None
    worker = threading.Thread(target=line.handle, args=([late],))
    worker.start()
    worker.join(30)
    line.stop()
    assert ([], numbered(1, 5)) == (waited, small.ids())
    assert (900 - 5, 5) == (line.counts.expired, line.counts.read_again)
    assert "ends at 5" in caplog.text
    small.send([structured(6)])
    line.handle(small.delivered()[5:])
    assert numbered(1, 6) == small.ids()


def test_silence_alone_gives_nothing_up(small: World, monkeypatch: pytest.MonkeyPatch) -> None:
    small.send([structured(n) for n in range(1, 4)])
    messages, real, silent = small.delivered(), small.broker._read_on, [True]

    async def read(*asked: Any) -> Any:
        if silent:
            silent.pop()
            raise TimeoutError
        return await real(*asked)

    monkeypatch.setattr(small.broker, "_read_on", read)
    line = small.line()
    line.handle(messages[2:])
    assert (numbered(1, 3), 0, 2) == (small.ids(), line.counts.expired, line.counts.read_again)


def test_whom_a_topic_speaks_for_is_known_to_whoever_records(small: World) -> None:
    small.send([structured(1)])
    seen: list[str] = []

    def record(items: Sequence[tuple[bytes | Rejected, str]]) -> list[Outcome]:
        seen.extend(topic for _, topic in items)
        return small.record(items)

    small.line(record=record).handle(small.delivered())
    assert [small.intake] == seen


def test_an_answer_reads_as_over_http() -> None:
    found = problem("too_deep", "33 levels", "/data", limit=32)
    told = answer_of(Outcome("rejected", "//a/b", "1", None, found))
    beside = {"source": "//a/b", "id": "1", "http_status": 400, "status": "rejected"}
    assert {**problem_body(found), **beside} == told
