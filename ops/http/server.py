"""Runs the application on a socket until it is told to stop.

The socket is bound here, so that a port that is taken is a sentence and not a stack trace, and so that
port 0 works.
"""

from __future__ import annotations

import gc
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import uvicorn

from contracts.faults import fault
from ops.http.app import create_app
from ops.http.fast_lane import lane_of
from ops.settings import Settings
from ops.staying import Ending

if TYPE_CHECKING:
    from ops.composition import House

_BACKLOG = 2_048


def bind(host: str, port: int) -> socket.socket:
    """A listening socket. Raises the fault ``settings_invalid`` where the address cannot be had."""
    name = host.strip("[]")
    family = socket.AF_INET6 if ":" in name else socket.AF_INET
    try:
        return socket.create_server((name, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise fault(
            "settings_invalid",
            f"cannot listen on {host}:{port}: {error.strerror or error}",
            "/port",
            hint="Choose another port with --port, or stop what listens there.",
        ) from error


def url_of(listening: socket.socket) -> str:
    """The address people open."""
    host, port = listening.getsockname()[:2]
    if host in ("0.0.0.0", "::"):
        host = "127.0.0.1"
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


class _Server(uvicorn.Server):
    """uvicorn's server, which leaves the signals to the process: its own way ends it before the house is closed."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Hear none."""
        yield


def serve_house(
    house: House, settings: Settings, ending: Ending, *, on_ready: Callable[[str], None] | None = None
) -> None:
    """Serve until ``ending`` is asked for. Requests under way are answered and what they sent is recorded first."""
    app = create_app(house, settings)
    listening = bind(settings.host, settings.port)
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=lane_of(app, body_timeout_s=settings.body_timeout_s),
        ws="none",
        lifespan="off",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        log_level=settings.log_level,
        timeout_keep_alive=settings.keep_alive_s,
        limit_concurrency=settings.max_connections,
        timeout_graceful_shutdown=10,
    )
    house.start()
    # What lives now lives until the end: keep it out of every later collection.
    gc.collect()
    gc.freeze()
    with listening:
        if on_ready is not None:
            on_ready(url_of(listening))
        server = _Server(config)
        ending.then(partial(setattr, server, "should_exit", True))
        server.run(sockets=[listening])
