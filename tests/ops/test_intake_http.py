"""The intake over HTTP: what each kind of request is answered, and that no body whatever makes it fall over."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from contracts.faults import fault
from contracts.limits import BATCH_EVENTS_MAX, EVENT_BYTES_MAX
from contracts.recorded import Outcome, Submission
from ops.composition import House
from ops.http.app import create_app
from ops.http.intake import Intake
from ops.metrics import Metrics
from tests.ops.asgi_client import BATCH, EVENT, Answer, call

Raw = Callable[..., bytes]


def _post(house: House, body: bytes, *headers: tuple[bytes, bytes], **more: Any) -> Answer:
    return asyncio.run(call(create_app(house), "POST", "/v1/events", body, headers, **more))


def test_an_event_is_recorded_once_and_its_repeat_gets_the_first_receipt(house: House, raw: Raw, clock: Any) -> None:
    first = _post(house, raw(1), EVENT)
    clock.now_us += 5_000_000
    again = _post(house, raw(1), EVENT)
    assert (first.status, again.status) == (201, 200)
    assert {name: value for name, value in first.json().items() if name != "digest"} == {
        "status": "recorded",
        "log_index": 1,
        "recorded_at": "2025-06-15T15:06:40Z",
    }
    assert {**first.json(), "status": "duplicate"} == again.json()
    assert house.reader.head().log_index == 1


def test_other_content_under_the_same_identity_is_a_conflict_with_both_digests(house: House, raw: Raw) -> None:
    digest = _post(house, raw(1), EVENT).json()["digest"]
    answer = _post(house, raw(1, time="2025-03-01T11:00:00-08:00"), EVENT)
    told = answer.json()
    assert (answer.status, answer.headers["content-type"]) == (409, "application/problem+json")
    assert ("identity_conflict", digest) == (told["code"], told["recorded_digest"])
    assert told["submitted_digest"] != digest


def test_a_rejection_names_code_pointer_hint_and_docs_and_is_kept(house: House, raw: Raw) -> None:
    answer = _post(house, raw(1, data={"call": "c-1", "channel": "pigeon"}), EVENT)
    told = answer.json()
    assert 422 == answer.status == told["status"]
    assert (
        told["code"],
        told["pointer"],
        told["type"],
    ) == ("data_invalid", "/data/channel", "/docs/errors#data_invalid")
    assert all(told[name] for name in ("title", "detail", "hint"))
    assert [kept.problem.code for kept in house.rejections()] == ["data_invalid"]


def test_a_batch_is_answered_one_by_one_in_order(house: House, raw: Raw) -> None:
    _post(house, raw(1), EVENT)
    body = b"[" + b",".join([raw(2), raw(1), b'{"id":', raw(1, subject="call/x"), raw(3)]) + b"]"
    assert _post(house, body, BATCH).status == 400  # the array itself is broken
    parts = [raw(2), raw(1), b'{"id": "x"}', raw(1, agency="housing"), raw(3)]
    answer = _post(house, b"[" + b",".join(parts) + b"]", BATCH)
    told = answer.json()
    assert answer.status == 200
    assert [r["status"] for r in told["results"]] == ["recorded", "duplicate", "rejected", "conflict", "recorded"]
    assert tuple(told[name] for name in ("recorded", "duplicate", "conflict", "rejected")) == (2, 1, 1, 1)
    assert told["results"][3]["code"] == "identity_conflict"
    assert told["results"][0]["id"] == "e-2"


def test_plain_json_arrays_and_empty_batches_are_batches(house: House, raw: Raw) -> None:
    assert _post(house, b"[" + raw(1) + b"]", (b"content-type", b"application/json")).json()["recorded"] == 1
    assert _post(house, b"[]", BATCH).json()["results"] == []
    assert _post(house, b"[" + raw(2) + b"]", BATCH).json()["recorded"] == 1


def test_binary_mode_says_the_same_as_structured_mode(house: House, event: Callable[..., dict[str, Any]]) -> None:
    sent = event(1)
    data = json.dumps(sent.pop("data")).encode()
    sent.pop("datacontenttype")
    headers = [(f"ce-{name}".encode(), value.encode()) for name, value in sent.items()]
    answer = _post(house, data, (b"content-type", b"application/json"), *headers)
    assert answer.status == 201
    assert _post(house, json.dumps(event(1)).encode(), EVENT).json()["status"] == "duplicate"


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large_is_answered_without_reading_it_all(house: House, chunked: bool) -> None:
    intake = _intake(house.writer(), max_body_bytes=1_000)
    read = 0

    def chunks() -> Any:
        nonlocal read
        for _ in range(1_000):
            read += 1
            yield b"x" * 100

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": next(pieces), "more_body": True}

    async def send(message: Any) -> None:
        sent.append(message)

    pieces, sent = chunks(), []
    headers = [EVENT] if chunked else [EVENT, (b"content-length", b"100000")]
    asyncio.run(intake({"headers": headers}, receive, send, _anyone()))
    assert sent[0]["status"] == 413
    assert read <= 11 if chunked else read == 0
    assert (b"connection", b"close") in sent[0]["headers"]


def test_an_event_of_the_greatest_size_is_judged_and_one_byte_more_is_too_large(house: House, raw: Raw) -> None:
    padding = EVENT_BYTES_MAX - len(raw(1))
    assert _post(house, raw(1) + b" " * padding, EVENT).status == 201
    assert _post(house, raw(2) + b" " * (padding + 1), EVENT).status == 413


def test_a_batch_of_too_many_events_is_too_long(house: House) -> None:
    answer = _post(house, b"[" + b",".join([b"{}"] * (BATCH_EVENTS_MAX + 1)) + b"]", BATCH)
    assert (answer.status, answer.json()["code"]) == (413, "batch_too_long")


def test_an_unknown_content_type_is_415(house: House, raw: Raw) -> None:
    answer = _post(house, raw(1), (b"content-type", b"text/plain"))
    assert (answer.status, answer.json()["code"]) == (415, "content_type_unsupported")


def _anyone() -> Any:
    from ops.http.auth import TRUSTED_MACHINE

    return TRUSTED_MACHINE


def _intake(sequencer: Any, *, max_body_bytes: int = 1 << 20, body_timeout_s: float = 5.0) -> Intake:
    return Intake(sequencer, Metrics(), max_body_bytes=max_body_bytes, body_timeout_s=body_timeout_s, retry_after_s=3)


class _Refusing:
    """A sequencer that refuses or fails as it is told."""

    def __init__(self, code: str, *, later: bool = False) -> None:
        self._error = fault(code)
        self._later = later

    def record_now(self, submissions: Sequence[Submission]) -> None:
        """Never at once."""

    def submit(
        self,
        submissions: Sequence[Submission],
        done: Callable[[list[Outcome] | BaseException], None],
        *,
        sender: str | None = None,
    ) -> None:
        if not self._later:
            raise self._error
        done(self._error)


async def _send_to(intake: Intake, body: bytes, *, hangs: bool = False) -> tuple[int, dict[bytes, bytes]]:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        if hangs:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await intake({"headers": [EVENT]}, receive, send, _anyone())
    return sent[0]["status"], dict(sent[0]["headers"])


def test_a_full_queue_is_429_with_retry_after(raw: Raw) -> None:
    status, headers = asyncio.run(_send_to(_intake(_Refusing("busy")), raw(1)))
    assert (status, headers[b"retry-after"]) == (429, b"3")


def test_a_full_disk_is_507_with_retry_after(raw: Raw) -> None:
    status, headers = asyncio.run(_send_to(_intake(_Refusing("storage_full", later=True)), raw(1)))
    assert (status, headers[b"retry-after"]) == (507, b"3")


def test_a_sender_that_falls_silent_is_let_go(raw: Raw) -> None:
    class Kept:
        def record_now(self, submissions: Sequence[Submission]) -> None:
            """Never at once."""

        def submit(
            self, submissions: Sequence[Submission], done: Callable[[Any], None], *, sender: str | None = None
        ) -> None:
            done([Outcome("rejected", problem=s.problem) for s in submissions])  # type: ignore[union-attr]

    status, _ = asyncio.run(_send_to(_intake(Kept(), body_timeout_s=0.01), b"", hangs=True))
    assert status == 400


def test_one_sender_too_many_does_not_turn_the_others_away(raw: Raw) -> None:
    """What arrives in one turn of the loop is handed in together; only what does not fit is refused."""

    class Narrow:
        room = 2

        def record_now(self, submissions: Sequence[Submission]) -> None:
            """Never at once."""

        def submit(
            self, submissions: Sequence[Submission], done: Callable[[Any], None], *, sender: str | None = None
        ) -> None:
            if len(submissions) > self.room:
                raise fault("busy")
            self.room -= len(submissions)
            done([Outcome("rejected", problem=fault("not_json").problem) for _ in submissions])

    async def three() -> list[int]:
        intake = _intake(Narrow())
        return [status for status, _ in await asyncio.gather(*(_send_to(intake, raw(n)) for n in range(3)))]

    assert asyncio.run(three()) == [400, 400, 429]


# Fuzzing

_HEADERS = [
    (b"content-type", b"application/cloudevents+json"),
    (b"content-type", b"application/cloudevents+json; charset=utf-8"),
    (b"content-type", b"application/cloudevents-batch+json"),
    (b"content-type", b"application/json"),
    (b"content-type", b"APPLICATION/JSON"),
    (b"content-type", b"text/plain"),
    (b"content-type", b"application/cloudevents+avro"),
    (b"content-type", b"application/json; charset=latin-1"),
    (b"content-type", b"\xff\xfe;;;="),
    (b"content-length", b"-1"),
    (b"content-length", b"99999999999999999999999999"),
    (b"content-length", b"\xb2"),
    (b"ce-id", b"x%00%ff%zz"),
    (b"ce-id", b""),
    (b"ce-specversion", b"1.0"),
    (b"ce-type", b"org.tallystick.call.received.v1"),
    (b"ce-source", "urn:ü".encode()),
    (b"ce-time", b"2025-02-30T00:00:00Z"),
    (b"ce-timeunknown", b"true"),
    (b"ce-expectedversion", b"99999999999999999999"),
    (b"ce-data", b"{}"),
    (b"ce-" + b"a" * 300, b"x"),
    (b"ce-subject", b"call/%F0%9F"),
]
_BITS = [
    b"{",
    b"}",
    b"[",
    b"]",
    b'"',
    b",",
    b":",
    b"\\",
    b"\x00",
    b"\xff",
    b"\xed\xa0\x80",
    b"\\ud800",
    b"NaN",
    b"1e999",
]
_BITS += [b"null", b"true", b"-0", b"9" * 40, b"[" * 200, b'{"a":' * 100, b'"\\u0000"', b"\xef\xbb\xbf", b"\n", b" "]


def _fuzzed(dice: random.Random, good: list[bytes]) -> bytes:
    body = bytearray(dice.choice(good))
    kind = dice.random()
    if kind < 0.05:
        return dice.randbytes(dice.randrange(200))
    if kind < 0.1:
        return b"".join(dice.choices(_BITS, k=dice.randrange(12)))
    for _ in range(dice.randrange(1, 4)):
        at = dice.randrange(len(body) + 1)
        what = dice.random()
        if what < 0.3:
            body[at : at + dice.randrange(1, 20)] = b""
        elif what < 0.7:
            body[at:at] = dice.choice(_BITS)
        elif what < 0.9 and body:
            body[at % len(body)] = dice.randrange(256)
        else:
            other = dice.choice(good)
            body[at:] = other[dice.randrange(len(other)) :]
        if not body:
            return b""
    if kind < 0.3:
        return b"[" + bytes(body) + b"," + dice.choice(good) + b"]"
    return bytes(body)


@pytest.mark.slow
def test_20000_fuzzed_bodies_make_no_5xx_and_the_counts_add_up(house: House, raw: Raw) -> None:
    seed = 20_251
    dice = random.Random(seed)
    good = [raw(n) for n in range(2_000)]
    app = create_app(house)
    statuses: Counter[int] = Counter()
    submitted: Counter[str] = Counter()

    async def one() -> None:
        headers = [dice.choice(_HEADERS) for _ in range(dice.randrange(3))]
        if dice.random() < 0.8:
            headers.insert(0, dice.choice(_HEADERS[:4]))
        answer = await call(app, "POST", "/v1/events", _fuzzed(dice, good), headers)
        statuses[answer.status] += 1
        told = answer.json()
        if "results" in told:
            assert len(told["results"]) == sum(told[s] for s in ("recorded", "duplicate", "conflict", "rejected"))
            submitted.update(result["status"] for result in told["results"])
        elif answer.status in (200, 201):
            submitted[told["status"]] += 1
        else:
            assert told["hint"]
            assert told["type"] == f"/docs/errors#{told['code']}"
            submitted["conflict" if answer.status == 409 else "rejected"] += 1

    async def all_of_them() -> None:
        for _ in range(0, 20_000, 200):
            await asyncio.gather(*(one() for _ in range(200)))

    asyncio.run(all_of_them())
    assert sum(statuses.values()) == 20_000
    assert [status for status in statuses if status >= 500] == [], (seed, statuses)
    assert statuses[201] > 100, "the fuzz must leave some bodies whole"
    totals = {name: n for name, n in house.ledger.totals().items() if n}
    assert dict(submitted) == totals, seed
    assert house.reader.head().log_index == submitted["recorded"]
    found = house.verify()
    assert (True, submitted["recorded"]) == (found.ok, found.events)


def test_the_control_of_the_fuzz_a_handler_that_raises_is_seen_as_5xx(
    house: House, raw: Raw, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("made for this test")

    monkeypatch.setattr("ops.http.intake.validate", broken)
    assert _post(house, raw(1), EVENT).status == 500
