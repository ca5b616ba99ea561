"""A browser without a screen: asks an application in this process, as a person's browser would.

Kept apart from the fixtures so that a test can look through the eyes of somebody else.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any

import httpx


class Browser:
    """Sends GET requests to an ASGI application on a loop of its own."""

    def __init__(self, app: Any) -> None:
        self._runner = asyncio.Runner()
        self._client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://127.0.0.1", headers={"accept": "text/html"}
        )

    def get(self, address: str, headers: dict[str, str] | None = None) -> httpx.Response:
        """The answer to one request; a redirect is not followed."""
        return self._runner.run(self._client.get(address, headers=headers))

    def __enter__(self) -> Browser:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._runner.run(self._client.aclose())
        self._runner.close()
