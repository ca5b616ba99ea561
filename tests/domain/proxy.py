"""A TCP proxy in front of PostgreSQL that loses the connection at a commit, before or after the server hears of it.

It is here so that the one moment at which nobody but the server knows what was recorded can be met every time.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from threading import Thread
from typing import Literal, Self
from urllib.parse import urlsplit, urlunsplit

Loss = Literal["after the commit", "before the commit", "never told"]
"""``never told``: the server keeps its side of the connection open and waits for a COMMIT that does not come."""


class Proxy:
    """Forwards to the server behind ``address`` until it is told to lose something."""

    def __init__(self, address: str) -> None:
        """Listens on a free port of the loopback."""
        parts = urlsplit(address)
        self._server = (parts.hostname or "127.0.0.1", parts.port or 5432)
        self._listening = socket.create_server(("127.0.0.1", 0))
        port = self._listening.getsockname()[1]
        self.address = urlunsplit(parts._replace(netloc=f"{parts.username}@127.0.0.1:{port}"))
        self._losses: list[Loss] = []
        self._open: list[socket.socket] = []
        self._threads: list[Thread] = []
        self.reachable = True
        self.lost = 0
        self._start(self._accept)

    def lose(self, *losses: Loss) -> None:
        """The next commits are lost, one each."""
        self._losses.extend(losses)

    def close(self) -> None:
        """Close every connection."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for connection in self._open:
            _shut(connection)
        for thread in self._threads:
            thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            if not self.reachable:
                client.close()
                continue
            server = socket.create_connection(self._server)
            self._open += [client, server]
            self._start(self._forward, client, server)
            self._start(self._back, server, client)

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(65536):
                if b"COMMIT\0" in data and self._losses:
                    loss = self._losses.pop(0)
                    self.lost += 1
                    if loss == "after the commit":
                        # Its answer is kept back; once it is there, the transaction has surely ended.
                        self._swallow = client
                        server.sendall(data)
                        return
                    _shut(client)
                    if loss == "before the commit":
                        _shut(server)
                    return
                server.sendall(data)
        _shut(server)

    _swallow: socket.socket | None = None

    def _back(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(65536):
                if self._swallow is client:
                    break
                client.sendall(data)
        _shut(client)
        if self._swallow is client:
            _shut(server)

    def _start(self, target: object, *arguments: object) -> None:
        thread = Thread(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
