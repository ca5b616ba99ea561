"""The short way answers as the ordinary way does, in order, whatever the bytes on the wire are cut into."""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn

from ops.composition import House
from ops.http.app import create_app
from ops.http.fast_lane import FastLane, lane_of
from ops.http.server import bind

Raw = Callable[..., bytes]
ANSWER = re.compile(rb"HTTP/1\.1 (\d+) [^\r]*\r\n(.*?)\r\n\r\n", re.DOTALL)


def _request(
    body: bytes, *, path: str = "/v1/events", media: str = "application/cloudevents+json", more: str = ""
) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {media}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n{more}\r\n".encode() + body


@asynccontextmanager
async def _served(house: House, *, short: bool = True, body_timeout_s: float = 5.0) -> AsyncIterator[int]:
    app = create_app(house)
    http: Any = lane_of(app, body_timeout_s=body_timeout_s) if short else "httptools"
    config = uvicorn.Config(app, http=http, lifespan="off", ws="none", log_level="critical", access_log=False)
    server = uvicorn.Server(config)
    listening = bind("127.0.0.1", 0)
    task = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        await task
        listening.close()


async def _exchange(port: int, pieces: list[bytes], answers: int) -> list[tuple[int, dict[bytes, bytes], Any]]:
    """Send the pieces one after the other and read so many answers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0)
    got = []
    for _ in range(answers):
        head = await reader.readuntil(b"\r\n\r\n")
        match = ANSWER.match(head)
        assert match is not None, head
        headers = dict(line.lower().split(b": ", 1) for line in match[2].split(b"\r\n"))
        body = await reader.readexactly(int(headers[b"content-length"]))
        got.append((int(match[1]), headers, json.loads(body)))
    writer.close()
    await writer.wait_closed()
    return got


def _told(house: House, pieces: list[bytes], answers: int, **how: Any) -> list[tuple[int, dict[bytes, bytes], Any]]:
    async def go() -> list[tuple[int, dict[bytes, bytes], Any]]:
        async with _served(house, **how) as port:
            return await asyncio.wait_for(_exchange(port, pieces, answers), 20)

    return asyncio.run(go())


@pytest.fixture
def lane_used(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for each request that took the short way."""
    used: list[int] = []
    take = FastLane._take

    def counted(self: FastLane, turn: Any) -> None:
        used.append(1)
        take(self, turn)

    monkeypatch.setattr(FastLane, "_take", counted)
    return used


def test_both_ways_give_the_same_answers(house: House, raw: Raw, lane_used: list[int]) -> None:
    bodies = [raw(1), raw(1), raw(1, agency="housing"), b"{", b"", raw(2, data={}), raw(3, subject="call/x")]
    short = _told(house, [_request(body) for body in bodies], len(bodies))
    assert len(lane_used) >= 1
    ordinary = _told(house, [_request(body) for body in bodies], len(bodies), short=False)
    assert [status for status, _, _ in short] == [201, 200, 409, 400, 400, 422, 422]
    assert [status for status, _, _ in ordinary] == [200, 200, 409, 400, 400, 422, 422]
    for (_, mine, told), (_, theirs, also) in list(zip(short, ordinary, strict=True))[1:]:
        assert told == also
        assert set(mine) - {b"date"} == set(theirs) - {b"date"}
        assert mine[b"content-type"] == theirs[b"content-type"]


def test_requests_one_after_the_other_on_one_connection_all_take_the_short_way(
    house: House, raw: Raw, lane_used: list[int]
) -> None:
    async def go() -> list[int]:
        async with _served(house) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            seen = []
            for n in range(5):
                writer.write(_request(raw(n)))
                head = await reader.readuntil(b"\r\n\r\n")
                found = re.search(rb"content-length: (\d+)", head)
                assert found is not None
                seen.append(json.loads(await reader.readexactly(int(found[1])))["log_index"])
            writer.close()
            await writer.wait_closed()
            return seen

    assert asyncio.run(go()) == [1, 2, 3, 4, 5]
    assert len(lane_used) == 5


@pytest.mark.parametrize("size", [1, 7, 64, 400])
def test_pipelined_requests_are_answered_in_order_wherever_the_bytes_are_cut(house: House, raw: Raw, size: int) -> None:
    wire = b"".join(
        [
            _request(raw(1)),
            _request(b"[" + raw(2) + b"]", media="application/cloudevents-batch+json"),
            _request(raw(3)),
            b"GET /v1/head HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
            _request(raw(4)),
        ]
    )
    got = _told(house, [wire[at : at + size] for at in range(0, len(wire), size)], 5)
    assert [status for status, _, _ in got] == [201, 200, 201, 200, 201]
    assert [told["results"][0]["log_index"] if "results" in told else told["log_index"] for _, _, told in got] == [
        1,
        2,
        3,
        3,
        4,
    ]


@pytest.mark.parametrize(
    "request_of",
    [
        lambda body: _request(body, more="Connection: close\r\n"),
        lambda body: _request(body, more="Expect: 100-continue\r\n"),
        lambda body: _request(body, media="application/json"),
        lambda body: _request(body, more="Content-Type: text/plain\r\n"),
        lambda body: _request(body, path="/v1/events?x=1"),
        lambda body: (
            b"POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/cloudevents+json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
        ),
    ],
    ids=["close", "expect", "plain-json", "two-types", "query", "chunked"],
)
def test_what_is_out_of_the_ordinary_goes_the_ordinary_way(
    house: House, raw: Raw, lane_used: list[int], request_of: Callable[[bytes], bytes]
) -> None:
    async def go() -> bytes:
        async with _served(house) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request_of(raw(1)))
            got = await reader.readuntil(b"\r\n\r\n")
            if b" 100 " in got[:14]:
                got = await reader.readuntil(b"\r\n\r\n")
            writer.close()
            await writer.wait_closed()
            return got

    assert re.match(rb"HTTP/1.1 (201|415)", asyncio.run(asyncio.wait_for(go(), 20)))
    assert lane_used == []


def test_a_body_that_never_comes_is_let_go(house: House, raw: Raw) -> None:
    ((status, headers, told),) = _told(house, [_request(raw(1))[:-5]], 1, body_timeout_s=0.05)
    assert (status, told["code"], headers[b"connection"]) == (400, "request_invalid", b"close")


def test_a_sender_that_leaves_halfway_records_nothing_and_one_that_leaves_after_is_recorded(
    house: House, raw: Raw
) -> None:
    async def go() -> None:
        async with _served(house) as port:
            for wire in (_request(raw(1))[:-5], _request(raw(2))):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(wire)
                await writer.drain()
                writer.close()
                await writer.wait_closed()

    asyncio.run(go())
    house.writer().close()
    assert {event.id for event in house.reader.after(0, 10)} <= {"e-2"}


def test_the_guard_stands_before_the_short_way_too(house: House, raw: Raw) -> None:
    wire = _request(raw(1)).replace(b"Host: 127.0.0.1", b"Host: evil.example")
    ((status, headers, told),) = _told(house, [wire], 1)
    assert (status, told["code"]) == (403, "not_allowed")
    assert b"content-security-policy" in headers
    assert house.reader.head().log_index == 0


def test_a_fault_of_ours_is_a_500_with_a_reference(
    house: House, raw: Raw, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("ops.http.fast_lane.validate", lambda *_, **__: 1 / 0)
    ((status, _, told),) = _told(house, [_request(raw(1))], 1)
    assert (status, told["code"]) == (500, "internal_error")
    assert told["detail"].split()[-1] in caplog.text


def test_fuzzed_bodies_on_the_short_way_are_all_answered_and_the_counts_add_up(house: House, raw: Raw) -> None:
    seed = 4
    dice = random.Random(seed)
    bodies = []
    for n in range(1_000):
        body = bytearray(raw(n % 300))
        for _ in range(dice.randrange(3)):
            at = dice.randrange(len(body))
            body[at : at + dice.randrange(3)] = dice.randbytes(dice.randrange(3))
        bodies.append(bytes(body))
    got = _told(house, [_request(body) for body in bodies], len(bodies))
    statuses = Counter(status for status, _, _ in got)
    assert [status for status in statuses if status >= 500] == [], (seed, statuses)
    totals = house.ledger.totals()
    assert sum(totals.values()) == len(bodies), seed
    assert (totals["recorded"], totals["duplicate"]) == (statuses[201], statuses[200]), seed
    assert house.verify().ok


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"FOO / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 405, "method_not_allowed"),
        (b"GET / HTTP/1.1\r\nHost 127.0.0.1\r\n\r\n", 400, "request_invalid"),
        (b"\x16\x03\x01\x02\x00\x01", 405, "method_not_allowed"),
    ],
)
def test_what_the_parser_cannot_read_is_refused_in_the_one_shape(
    house: House, sent: bytes, status: int, code: str
) -> None:
    ((found, headers, body),) = _told(house, [sent], 1)
    assert (found, body["code"], body["status"]) == (status, code, status)
    assert headers[b"content-type"] == b"application/problem+json"
    assert headers[b"connection"] == b"close"
