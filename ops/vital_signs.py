"""A worker's and a relay's own small server: ``/metrics``, ``/healthz`` and ``/readyz``.

It is here because these processes have no web server of their own, and a process that nobody can ask is one whose
standing still goes unnoticed.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client import make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

from contracts.faults import fault
from ops.health import Readiness
from ops.metrics import Metrics
from ops.settings import Settings

StartResponse = Callable[[str, list[tuple[str, str]]], Any]


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *arguments: Any) -> None:
        """Scrapes are not worth a line each."""


class _Server6(ThreadingWSGIServer):
    address_family = socket.AF_INET6


class VitalSigns:
    """Answers on threads of its own until it is closed. ``ready`` is asked at each ``/readyz`` and must not block
    for long; what it raises is a 503."""

    def __init__(self, metrics: Metrics, ready: Callable[[], Readiness], *, host: str, port: int) -> None:
        """Raises the fault ``settings_invalid`` where the address cannot be had. Port 0 takes a free one."""
        self._ready = ready
        self._metrics = make_wsgi_app(metrics.registry)
        kind = _Server6 if ":" in host else ThreadingWSGIServer
        try:
            self._server = make_server(host.strip("[]"), port, self._answer, kind, _Quiet)
        except OSError as error:
            raise fault(
                "settings_invalid",
                f"cannot listen on {host}:{port}: {error.strerror or error}",
                "/metrics_port",
                hint="Choose another metrics_port, 0 for a free one, or stop what listens there.",
            ) from error
        self._thread = threading.Thread(target=self._server.serve_forever, name="vital-signs", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it answers."""
        host, port = self._server.server_address[:2]
        name = host.decode() if isinstance(host, bytes | bytearray) else str(host)
        return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> VitalSigns:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _answer(self, environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO")
        if path == "/metrics":
            answer: Iterable[bytes] = self._metrics(environ, start)
            return answer
        if path == "/healthz":
            return _json(start, "200 OK", {"status": "alive"})
        if path == "/readyz":
            try:
                found = self._ready()
            except Exception as error:  # noqa: BLE001 - a question that cannot be answered is an answer: not ready
                return _json(start, _NOT_READY, {"ready": False, "checks": [], "error": type(error).__name__})
            return _json(start, "200 OK" if found.ready else _NOT_READY, found.to_json())
        return _json(start, "404 Not Found", {"code": "not_found"})


@contextmanager
def answering(metrics: Metrics, ready: Callable[[], Readiness], settings: Settings) -> Iterator[str | None]:
    """Answers where the settings say so; yields the URL, None where they say nowhere."""
    if settings.metrics_port is None:
        yield None
        return
    with VitalSigns(metrics, ready, host=settings.metrics_host, port=settings.metrics_port) as signs:
        yield signs.url


_NOT_READY = "503 Service Unavailable"


def _json(start: StartResponse, status: str, told: dict[str, Any]) -> list[bytes]:
    body = json.dumps(told).encode()
    start(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
