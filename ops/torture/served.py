"""A `tallystick serve` of the campaign's own: started with settings, asked for its memory, ended as an operator does.

It is here so that what a campaign looks at is the process that people run, not parts of it put together otherwise.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from ops.torture.campaign import REPOSITORY

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 60.0
FAIR = "ops.cli"
UNFAIR = "ops.torture.one_line"
"""The module that is run as the server: as it is, or with all senders in one line (a control)."""
_TOKEN = "token-of-{}"
_AT = re.compile(rb" at http://127\.0\.0\.1:(\d+)/")


class NotServing(Exception):
    """The server did not start or did not end; carries what it said."""


def token_of(agency: str) -> str:
    """The token that ``credentials_for`` gives an agency: no secret, for a server on loopback that lives a minute."""
    return _TOKEN.format(agency)


def credentials_for(agencies: Sequence[str], path: Path) -> None:
    """Write the credentials file of these agencies."""
    lines = [
        {
            "name": agency,
            "role": "agency",
            "agency": agency,
            "token_sha256": hashlib.sha256(token_of(agency).encode()).hexdigest(),
        }
        for agency in agencies
    ]
    path.write_text(json.dumps(lines), encoding="utf-8")


class Served:
    """One running server. ``stop`` it or leave its ``with``."""

    def __init__(self, home: Path, settings: Mapping[str, str], *, module: str = FAIR) -> None:
        """``settings`` by their names, as an operator would put them into the environment. Raises NotServing."""
        told = {f"TALLYSTICK_{name.upper()}": value for name, value in settings.items()}
        clean = {name: value for name, value in os.environ.items() if not name.startswith("TALLYSTICK_")}
        self._said = bytearray()
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, "serve", "--home", str(home), "--port", "0"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=REPOSITORY,
            env={**clean, **told},
        )
        try:
            self.port = self._listening()
        except BaseException:
            self.kill()
            raise

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether its process is there."""
        return self._process.poll() is None

    def peak_bytes(self) -> int:
        """The highest resident memory so far."""
        return _memory_bytes(self.pid, "VmHWM")

    def resident_bytes(self) -> int:
        """The resident memory now."""
        return _memory_bytes(self.pid, "VmRSS")

    def stop(self) -> None:
        """End it with SIGTERM. Raises NotServing where it does not end by itself or ends otherwise than with 0."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired as slow:
            self.kill()
            raise NotServing(f"the server did not end within {STOP_TIMEOUT_S:g} s of SIGTERM") from slow
        self._close()
        if self._process.returncode not in (0, -signal.SIGTERM):
            raise NotServing(f"the server ended with {self._process.returncode}: {self._told()}")

    def kill(self) -> None:
        """End it with SIGKILL; nothing to do where it has ended."""
        self._process.kill()
        self._process.wait()
        self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.running:
            self.kill()
        self._close()

    def _listening(self) -> int:
        until_s = time.monotonic() + START_TIMEOUT_S
        assert self._process.stderr is not None
        with selectors.DefaultSelector() as ready:
            ready.register(self._process.stderr, selectors.EVENT_READ)
            while time.monotonic() < until_s:
                if ready.select(timeout=1.0):
                    read = os.read(self._process.stderr.fileno(), 65_536)
                    self._said += read
                    found = _AT.search(self._said)
                    if found:
                        return int(found.group(1))
                    if not read:
                        break
        raise NotServing(f"the server did not start: {self._told()}")

    def _told(self) -> str:
        return bytes(self._said[-2_000:]).decode(errors="replace")

    def _close(self) -> None:
        if self._process.stderr is not None and not self._process.stderr.closed:
            self._said += self._process.stderr.read() or b""
            self._process.stderr.close()


def _memory_bytes(pid: int, what: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith(what + ":"):
            return int(line.split()[1]) * 1024
    raise LookupError(f"this kernel reports no {what}")
