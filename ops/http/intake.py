"""``POST /v1/events``: the endpoint that carries the load.

It is plain ASGI, without a framework's request and response objects, because those decide the rate at
which single events can be taken. Submissions of one turn of the event loop go to the writer in one call
and come back in one wake-up.
"""

from __future__ import annotations

import asyncio
import types
from collections import Counter
from collections.abc import Awaitable, Generator, Iterable, Sequence
from dataclasses import replace
from typing import Any

import orjson

from contracts.faults import Fault, Problem, problem
from contracts.http_binding import BATCHED, STRUCTURED, events_from_http, mode
from contracts.intake import validate
from contracts.moments import format_us
from contracts.recorded import Outcome, Rejected, Submission
from ops.http.auth import Principal, entitled
from ops.http.desk import Desk, SubmitPort
from ops.http.problem import (
    JSON_TYPE,
    PROBLEM_TYPE,
    Header,
    Message,
    Receive,
    Scope,
    Send,
    problem_body,
    problem_json,
)
from ops.metrics import Metrics

PATH = "/v1/events"
_BREATH_EVENTS = 200  # after so many validations a long batch lets other requests have their turn
_STRUCTURED = STRUCTURED.encode()
NOSNIFF: Header = (b"x-content-type-options", b"nosniff")
_CLOSE: tuple[Header, ...] = ((b"connection", b"close"),)
_STATUS = {"recorded": 201, "duplicate": 200}
READERS_DO_NOT_RECORD = "a reader's credential cannot record events"

Told = tuple[int, bytes, bytes, tuple[Header, ...]]
"""An answer: status, content type, body, and headers beyond the usual ones."""


class Intake:
    """The endpoint. Every body ends as an answer of the 2xx or 4xx family, or 503 when the ledger cannot
    be written.
    """

    def __init__(
        self,
        sequencer: SubmitPort,
        metrics: Metrics,
        *,
        max_body_bytes: int,
        body_timeout_s: float,
        retry_after_s: int,
    ) -> None:
        self.desk = Desk(sequencer, metrics)
        self._metrics = metrics
        self._max_body_bytes = max_body_bytes
        self._body_timeout_s = body_timeout_s
        self._retry: tuple[Header, ...] = ((b"retry-after", b"%d" % retry_after_s),)
        self._counted = {
            status: metrics.counter("tallystick_submissions_total", status)
            for status in ("recorded", "duplicate", "conflict", "rejected")
        }
        self._answered: dict[int, Any] = {}
        self._last_moment: tuple[int, str] = (-1, "")

    async def __call__(self, scope: Scope, receive: Receive, send: Send, principal: Principal) -> None:
        """Answer one POST. ``principal`` has been admitted by the gate."""
        if not principal.may_record:
            await self._send(send, self.refusal(problem("not_allowed", READERS_DO_NOT_RECORD)))
            return
        media = length = b""
        for name, value in scope["headers"]:
            if name == b"content-type":
                media = value if not media else b"twice"
            elif name == b"content-length":
                length = value
        body = await self._read(length, receive)
        if body is None:  # the sender went away
            return
        batched = False
        reserved = 0
        extra: tuple[Header, ...] = ()
        if isinstance(body, Problem):
            submissions: list[Submission] = [Rejected(b"", body, agency=principal.agency)]
            extra = _CLOSE  # the rest of the body is not worth reading
        elif media == _STRUCTURED:  # as nearly every sender spells it: no other header matters then
            submissions = [entitled(validate(body, agency=principal.agency), body, principal)]
        else:
            headers = _texts(scope["headers"])
            events = events_from_http(headers, body)
            if isinstance(events, Rejected):
                submissions = [events if principal.agency is None else replace(events, agency=principal.agency)]
            else:
                batched = headers.get("content-type") == BATCHED or mode(headers, body) == "batched"
                try:
                    reserved = self._reserve(principal, len(events))
                except Fault as fault:
                    await self._send(send, self.unrecorded(fault))
                    return
                submissions = await self._judge(events, principal, reserved)
        try:
            outcomes = await self.desk.submit(submissions, principal.sender, reserved=reserved) if submissions else []
        except Fault as fault:
            told = self.unrecorded(fault)
            fault.__traceback__ = None  # or its frames, which hold it, keep the submissions until the collector comes
            await self._send(send, told)
            return
        if batched:
            self._count(outcomes)
            self._tick(200)
            await self._send(send, (200, JSON_TYPE, orjson.dumps(self._batch(outcomes), default=_hex), ()))
        else:
            await self._send(send, self.outcome(outcomes[0], extra))

    def outcome(self, outcome: Outcome, extra: tuple[Header, ...] = ()) -> Told:
        """The answer to one event, counted."""
        self._counted[outcome.status].inc()
        found = outcome.problem
        if found is None:
            status = _STATUS[outcome.status]
            self._tick(status)
            return status, JSON_TYPE, orjson.dumps(self._receipt(outcome)), extra
        if outcome.status == "rejected":
            self._metrics.counter("tallystick_rejections_total", found.code).inc()
        return self.refusal(found, extra)

    def unrecorded(self, fault: Fault) -> Told:
        """The answer where the writer recorded nothing, counted."""
        found = fault.problem
        if found.code == "busy":
            self._metrics.counter("tallystick_busy_total").inc()
        return self.refusal(found, self._retry if found.family == "unavailable" else ())

    def refusal(self, found: Problem, extra: tuple[Header, ...] = ()) -> Told:
        """The answer that is a problem, counted."""
        self._tick(found.http_status)
        return found.http_status, PROBLEM_TYPE, problem_json(found), extra

    async def _send(self, send: Send, told: Told) -> None:
        status, media, body, extra = told
        headers = [(b"content-type", media), NOSNIFF, (b"content-length", b"%d" % len(body)), *extra]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _reserve(self, principal: Principal, size: int) -> int:
        """How many places were kept for a batch: all, or none where its sender is not known before it is judged."""
        if principal.sender is None:
            return 0
        self.desk.reserve(principal.sender, size)
        return size

    async def _judge(self, events: Sequence[bytes], principal: Principal, reserved: int) -> list[Submission]:
        """Each event of the request judged; where that fails, the places that were reserved are given back."""
        agency = principal.agency
        submissions: list[Submission] = []
        try:
            for start in range(0, len(events), _BREATH_EVENTS):
                if start:
                    await asyncio.sleep(0)
                run = events[start : start + _BREATH_EVENTS]
                submissions += [entitled(validate(raw, agency=agency), raw, principal) for raw in run]
        except BaseException:
            if reserved and principal.sender is not None:
                self.desk.give_back(principal.sender, reserved)
            raise
        return submissions

    async def _read(self, length: bytes, receive: Receive) -> bytes | Problem | None:
        limit = self._max_body_bytes
        if length.isdigit() and int(length[:20]) > limit:
            return problem("too_large", f"the body has {length[:20].decode()} bytes, the limit is {limit}", limit=limit)
        # Nearly always the whole body is here already; only a body that is still on its way gets an alarm clock.
        step = receive()
        waiting, message = _begin(step)
        if waiting is None and not message.get("more_body", False) and message["type"] == "http.request":
            whole: bytes = message.get("body", b"")
            return whole if len(whole) <= limit else self._too_long()
        try:
            async with asyncio.timeout(self._body_timeout_s):
                if waiting is not None:
                    message = await _finish(step, waiting)
                return await self._gather(message, receive)
        except TimeoutError:
            return problem("request_invalid", f"the body did not arrive within {self._body_timeout_s:g} s")

    async def _gather(self, message: Message, receive: Receive) -> bytes | Problem | None:
        chunks: list[bytes] = []
        size = 0
        while True:
            if message["type"] == "http.disconnect":
                return None
            chunks.append(message.get("body", b""))
            size += len(chunks[-1])
            if size > self._max_body_bytes:
                return self._too_long()
            if not message.get("more_body", False):
                return b"".join(chunks)
            message = await receive()

    def _too_long(self) -> Problem:
        limit = self._max_body_bytes
        return problem("too_large", f"the body is longer than the limit of {limit} bytes", limit=limit)

    def _count(self, outcomes: list[Outcome]) -> None:
        for status, n in Counter([outcome.status for outcome in outcomes]).items():
            self._counted[status].inc(n)
        for outcome in outcomes:
            if outcome.status == "rejected" and outcome.problem is not None:
                self._metrics.counter("tallystick_rejections_total", outcome.problem.code).inc()

    def _receipt(self, outcome: Outcome) -> dict[str, Any]:
        receipt = outcome.receipt
        assert receipt is not None, "recorded and duplicate always carry a receipt"
        moment_us, text = self._last_moment
        if moment_us != receipt.recorded_at_us:  # one commit, one moment: format it once
            text = format_us(receipt.recorded_at_us)
            self._last_moment = (receipt.recorded_at_us, text)
        return {
            "status": outcome.status,
            "log_index": receipt.log_index,
            "recorded_at": text,
            "digest": receipt.digest.hex(),
        }

    def _batch(self, outcomes: list[Outcome]) -> dict[str, Any]:
        tally = dict.fromkeys(("recorded", "duplicate", "conflict", "rejected"), 0)
        results: list[dict[str, Any]] = []
        for outcome in outcomes:
            tally[outcome.status] += 1
            if outcome.problem is None:
                told = self._receipt(outcome)
                told["source"] = outcome.source
                told["id"] = outcome.id
                results.append(told)
            else:
                results.append(
                    {
                        **problem_body(outcome.problem),
                        "source": outcome.source,
                        "id": outcome.id,
                        "http_status": outcome.problem.http_status,
                        "status": outcome.status,
                    }
                )
        return {**tally, "results": results}

    def _tick(self, status: int) -> None:
        counter = self._answered.get(status)
        if counter is None:
            counter = self._metrics.counter("tallystick_http_requests_total", "POST", PATH, str(status))
            self._answered[status] = counter
        counter.inc()


def _texts(headers: Iterable[Header]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for name, value in headers:
        key = name.decode("latin-1")
        text = value.decode("latin-1")
        texts[key] = f"{texts[key]}, {text}" if key in texts else text
    return texts


def _begin(step: Awaitable[Message]) -> tuple[Any, Message]:
    """Take the first step of an awaitable without a task switch: (what it waits for, {}) or (None, its result)."""
    try:
        return step.send(None), {}  # type: ignore[attr-defined]
    except StopIteration as done:
        return None, done.value


@types.coroutine
def _finish(step: Any, waiting: Any) -> Generator[Any, Any, Message]:
    """Await the rest of what ``_begin`` began."""
    try:
        while True:
            try:
                value = yield waiting
            except BaseException as error:  # noqa: BLE001 - handed on to whom it was meant for (a cancellation)
                waiting = step.throw(error)
            else:
                waiting = step.send(value)
    except StopIteration as done:
        result: Message = done.value
        return result


def _hex(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
