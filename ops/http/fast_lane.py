"""The short way of a single event through the HTTP server: parsed request in, answer out, no task in between.

Nearly every request of a busy server is one structured event that arrives whole on a kept-alive connection. For exactly
those the ASGI ceremony (a task, a scope, three messages) costs more than validating and recording, so they are
answered from the protocol; everything else goes the ordinary way, and a test holds both ways to the same answers.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from httptools import HttpParserInvalidMethodError
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from contracts.faults import Fault, Problem, problem
from contracts.http_binding import STRUCTURED
from contracts.intake import validate
from contracts.limits import EVENT_BYTES_MAX
from contracts.recorded import Outcome
from ops.http.auth import CHALLENGE, entitled
from ops.http.intake import NOSNIFF, PATH, READERS_DO_NOT_RECORD, Told
from ops.http.problem import SECURITY_HEADERS

if TYPE_CHECKING:
    from ops.http.app import Porch

_PATH = PATH.encode()
_STRUCTURED = STRUCTURED.encode()
_LINES = {status.value: b"HTTP/1.1 %d %s\r\n" % (status.value, status.phrase.encode()) for status in HTTPStatus}


class _Turn:
    """Stands where the server keeps the request it is answering, so that what is pipelined behind it waits."""

    __slots__ = ("body", "disconnected", "keep_alive", "message_event", "more_body", "response_complete")

    def __init__(self) -> None:
        self.response_complete = False
        self.disconnected = False
        self.keep_alive = True
        self.more_body = True
        self.body = bytearray()
        self.message_event = _NOBODY_WAITS


def _lines(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    return b"".join([b"%b: %b\r\n" % header for header in headers])


class _Silent:
    def set(self) -> None:
        """Nobody waits for a message of this turn."""


_NOBODY_WAITS = _Silent()


def lane_of(porch: Porch, *, body_timeout_s: float) -> type[HttpToolsProtocol]:
    """The protocol class for a server of this application."""

    class Lane(FastLane):
        pass

    Lane.porch = porch
    Lane.body_timeout_s = body_timeout_s
    return Lane


class FastLane(HttpToolsProtocol):
    """uvicorn's protocol with the short way in front. Made by ``lane_of``."""

    porch: Porch
    body_timeout_s: float
    usual: tuple[Any, bytes] = (None, b"")
    _turn: _Turn | None = None
    _alarm: asyncio.TimerHandle | None = None

    def on_headers_complete(self) -> None:
        """Take the short way where everything speaks for it."""
        if self.url == _PATH and self.parser.get_method() == b"POST" and self._suits():
            self._turn = self.cycle = _Turn()  # type: ignore[assignment]
        else:
            super().on_headers_complete()

    def _suits(self) -> bool:
        before: Any = self.cycle
        if before is not None and not before.response_complete:
            return False
        media = length = b""
        for name, value in self.headers:
            if name == b"content-type":
                if media:
                    return False
                media = value
            elif name == b"content-length":
                length = value
        return (
            media == _STRUCTURED
            and length.isdigit()
            and len(length) < 7
            and int(length) <= EVENT_BYTES_MAX
            and not self.expect_100_continue
            and not self.flow.write_paused
            and self.parser.should_keep_alive()
            and not self.parser.should_upgrade()
            and self.parser.get_http_version() == "1.1"
            and (self.limit_concurrency is None or len(self.connections) < self.limit_concurrency)
            and self.porch.intake is not None
        )

    def on_body(self, body: bytes) -> None:
        """Collect the body; its length was bounded by its header."""
        if self._turn is not None:
            self._turn.body += body
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The event is whole: judge it and hand it in."""
        turn = self._turn
        if turn is None:
            super().on_message_complete()
            return
        self._turn = None
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        try:
            self._take(turn)
        except Exception as error:  # noqa: BLE001 - a fault of ours: told in the one shape, with a reference
            self._answer(turn, self.porch.failed("POST", PATH, error))

    def data_received(self, data: bytes) -> None:
        """As the server does; a body that is still on its way gets an alarm clock."""
        super().data_received(data)
        if self._turn is not None and self._alarm is None:
            self._alarm = self.loop.call_later(self.body_timeout_s, self._late)

    def connection_lost(self, exc: Exception | None) -> None:
        """What was handed in is recorded all the same; only its answer has nobody to go to."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        self._turn = None
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """What the parser cannot read is refused in the one shape of an error too; called from where it raised."""
        if isinstance(sys.exc_info()[1], HttpParserInvalidMethodError):
            found = problem("method_not_allowed", "the request's method is not one of HTTP")
        else:
            hint = "Send an HTTP/1.1 request, and percent-encode what a path may not hold."
            found = problem("request_invalid", "what came is not a well-formed HTTP request", hint=hint)
        status, media, body, extra = self.porch.turned_away("", found, (*SECURITY_HEADERS, (b"connection", b"close")))
        head = b"%b%b%b" % (_LINES[status], _lines(self.server_state.default_headers), _lines(extra))
        self.transport.write(b"%bcontent-type: %b\r\ncontent-length: %d\r\n\r\n%b" % (head, media, len(body), body))
        self.transport.close()

    def _late(self) -> None:
        self._alarm = None
        turn, self._turn = self._turn, None
        if turn is not None:
            turn.keep_alive = False
            found = problem("request_invalid", f"the body did not arrive within {self.body_timeout_s:g} s")
            self._answer(turn, self._intake().refusal(found))

    def _intake(self) -> Any:
        return self.porch.intake

    def _take(self, turn: _Turn) -> None:
        host = authorization = origin = b""
        for name, value in self.headers:
            if name == b"host":
                host = value
            elif name == b"authorization":
                authorization = value
            elif name == b"origin":
                origin = value
        principal = self.porch.gate.admit(host, authorization, origin)
        intake = self._intake()
        if isinstance(principal, Problem):
            challenge = CHALLENGE if principal.http_status == 401 else ()
            self._answer(turn, self.porch.turned_away("POST", principal, (*challenge, *SECURITY_HEADERS)))
            return
        if not principal.may_record:
            self._answer(turn, intake.refusal(problem("not_allowed", READERS_DO_NOT_RECORD)))
            return
        body = bytes(turn.body)
        submission = entitled(validate(body, agency=principal.agency), body, principal)

        def answer(result: list[Outcome] | BaseException) -> None:
            if isinstance(result, Fault):
                told = intake.unrecorded(result)
            elif isinstance(result, BaseException):
                told = self.porch.failed("POST", PATH, result)
            else:
                told = intake.outcome(result[0])
            self._answer(turn, told)

        intake.desk.hand_in(self.loop, [submission], answer, principal.sender)

    def _usual(self) -> bytes:
        """The headers of every answer; the server makes a new list of its own once a second."""
        current = self.server_state.default_headers
        seen, text = FastLane.usual
        if seen is not current:
            text = _lines((*current, NOSNIFF))
            FastLane.usual = current, text
        return text

    def _answer(self, turn: _Turn, told: Told) -> None:
        turn.response_complete = True
        if turn.disconnected or self.transport.is_closing():
            return
        status, media, body, extra = told
        head = b"%b%b%b%b" % (
            _LINES[status],
            self._usual(),
            _lines(extra) if extra else b"",
            b"" if turn.keep_alive else b"connection: close\r\n",
        )
        self.transport.write(b"%bcontent-type: %b\r\ncontent-length: %d\r\n\r\n%b" % (head, media, len(body), body))
        if not turn.keep_alive:
            self.transport.close()
        self.on_response_complete()
