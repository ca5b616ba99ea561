"""A client that calls an ASGI application directly, with the raw headers and body a test wants to send."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

Header = tuple[bytes, bytes]
EVENT: Header = (b"content-type", b"application/cloudevents+json")
BATCH: Header = (b"content-type", b"application/cloudevents-batch+json")


@dataclass(slots=True)
class Answer:
    """One response."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return orjson.loads(self.body)


async def call(
    app: Any,
    method: str,
    path: str,
    body: bytes = b"",
    headers: Sequence[Header] = (),
    *,
    host: bytes = b"127.0.0.1:8420",
    chunks: Sequence[bytes] | None = None,
) -> Answer:
    """Send one request; ``chunks`` sends the body in pieces."""
    pieces = [body] if chunks is None else list(chunks)
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        if not pieces:
            return {"type": "http.disconnect"}
        piece = pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

    async def send(message: Any) -> None:
        sent.append(message)

    bare, _, query = path.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": bare,
        "raw_path": bare.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"host", host), *headers],
        "server": ("127.0.0.1", 8420),
        "client": ("127.0.0.1", 50_000),
    }
    await app(scope, receive, send)
    start = sent[0]
    return Answer(
        start["status"],
        {name.decode("latin-1"): value.decode("latin-1") for name, value in start["headers"]},
        b"".join(message.get("body", b"") for message in sent[1:]),
    )
