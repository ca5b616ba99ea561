"""A password of the database is shown by no command, whatever is wrong with its address and however much it tells."""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.cli import main
from tests.ops.running import ROOT, environment

SECRET = "s3cr3tw0rd"

COMMANDS = {
    "serve": ("serve", "--port", "0"),
    "worker": ("worker",),
    "relay": ("relay",),
    "migrate": ("migrate",),
    "copy": ("copy", "--from", "{database}", "--to", "{home}/other"),
    "doctor": ("doctor", "--format", "json"),
    "verify": ("verify",),
}


class Refusing:
    """A server that asks for the password and refuses it, as PostgreSQL does; it keeps those it was given."""

    def __init__(self) -> None:
        self.given: list[str] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                peer, _ = self._listening.accept()
            except OSError:
                return
            with peer:
                peer.settimeout(60)
                self._refuse(peer)

    def _refuse(self, peer: socket.socket) -> None:
        # https://www.postgresql.org/docs/18/protocol-message-formats.html
        while struct.unpack("!ii", head := _exactly(peer, 8))[1] in (80877103, 80877104):
            peer.sendall(b"N")
        _exactly(peer, struct.unpack("!ii", head)[0] - 8)
        peer.sendall(b"R" + struct.pack("!ii", 8, 3))
        _, size = struct.unpack("!ci", _exactly(peer, 5))
        self.given.append(_exactly(peer, size - 4).rstrip(b"\0").decode())
        told = b'SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed for user "u"\0\0'
        peer.sendall(b"E" + struct.pack("!i", len(told) + 4) + told)

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()


def _exactly(peer: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        found += peer.recv(size - len(found)) or pytest.fail("the client has gone")
    return found


@pytest.fixture
def refusing() -> Iterator[Refusing]:
    server = Refusing()
    yield server
    server.close()


def said_by_all(home: Path, database: str, **more: str) -> dict[str, tuple[int, str]]:
    """The status and all output of every command with this database, told at length; they run beside each other."""
    settings = {"home": home, "database": database, "broker": "kafka://127.0.0.1:1", "log_level": "debug", **more}
    begun = {
        name: subprocess.Popen(
            [sys.executable, "-m", "ops.cli", *(word.format(database=database, home=home) for word in line)],
            cwd=ROOT,
            env=environment(**settings),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for name, line in COMMANDS.items()
    }
    try:
        return {name: (process.wait(120), process.communicate()[0]) for name, process in begun.items()}
    finally:
        for process in begun.values():
            process.kill()


def test_a_password_that_the_server_refuses_is_shown_by_no_command(refusing: Refusing, tmp_path: Path) -> None:
    found = said_by_all(tmp_path, f"postgresql://u:{SECRET}@127.0.0.1:{refusing.port}/d")
    assert {SECRET} == set(refusing.given)
    for name, (status, said) in found.items():
        assert status, name
        assert "password authentication failed" in said, (name, said)
        assert SECRET not in said, name


def test_nor_is_one_beside_a_host_that_is_not_there_or_out_of_its_own_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text(SECRET)
    database = "postgresql://u:0ther@127.0.0.1:1/d?sslpassword=th1rd"
    for name, (status, said) in said_by_all(
        tmp_path, database, database_password_file=str(tmp_path / "password")
    ).items():
        assert status, name
        assert "127.0.0.1" in said, (name, said)
        assert not any(secret in said for secret in (SECRET, "0ther", "th1rd")), (name, said)


@pytest.mark.parametrize(
    "address",
    [
        f"postgresql://u:x@{SECRET}@127.0.0.1:1/d",
        f"postgresql://u:x/{SECRET}@127.0.0.1:1/d",
        f"postgresql://u:x?{SECRET}@127.0.0.1:1/d",
        f"postgresql://u:x#{SECRET}@127.0.0.1:1/d",
        f"postgresql://u:x%ZZ{SECRET}@127.0.0.1:1/d",
        f"postgresql://u@127.0.0.1:1,{SECRET}:y@k/d",
    ],
)
@pytest.mark.parametrize("line", [("doctor",), ("migrate",), ("copy", "--from", "{}", "--to", "there")])
def test_nor_is_one_that_is_not_spelled_as_an_address_asks(
    address: str,
    line: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TALLYSTICK_DATABASE", address)
    assert main([word.format(address) for word in line])
    told = capsys.readouterr()
    said = told.out + told.err
    assert "settings_invalid" in said, said
    assert SECRET not in said, said
