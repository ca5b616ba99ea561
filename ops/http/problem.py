"""How a fault looks over HTTP: one ``application/problem+json`` shape for every error this server gives.

It lives apart from the routes so that the intake, the API, the pages and the guard at the door answer alike.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

import orjson

from contracts.faults import Problem

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Header = tuple[bytes, bytes]

JSON_TYPE = b"application/json"
PROBLEM_TYPE = b"application/problem+json"

SECURITY_HEADERS: tuple[Header, ...] = (
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; font-src 'self'; "
        b"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)


def problem_body(problem: Problem) -> dict[str, Any]:
    """The problem as a JSON object: ``type`` (docs link), ``title``, ``status``, ``detail``, ``code``,
    ``pointer``, ``hint``, and whatever else the fault knows (both digests of a conflict, the limit that
    was passed)."""
    return {
        **problem.extra,
        "type": problem.docs,
        "title": problem.title,
        "status": problem.http_status,
        "detail": problem.detail,
        "code": problem.code,
        "pointer": problem.pointer,
        "hint": problem.hint,
    }


def problem_json(problem: Problem) -> bytes:
    """``problem_body`` as bytes; a value JSON cannot hold (bytes, a date) is shown as text."""
    return orjson.dumps(problem_body(problem), default=_as_text)


def _as_text(value: Any) -> str:
    return value.hex() if isinstance(value, bytes | bytearray) else str(value)


async def send_bytes(
    send: Send, status: int, body: bytes, content_type: bytes = JSON_TYPE, headers: Iterable[Header] = ()
) -> None:
    """One whole response."""
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", content_type),
                (b"content-length", b"%d" % len(body)),
                (b"x-content-type-options", b"nosniff"),
                *headers,
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})


async def send_problem(send: Send, problem: Problem, headers: Iterable[Header] = ()) -> None:
    """One problem+json response with the fault's own status."""
    await send_bytes(send, problem.http_status, problem_json(problem), PROBLEM_TYPE, headers)
