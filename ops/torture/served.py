"""Processes of Tallystick of the campaign's own: started with settings, asked for their memory, ended or killed.

It is here so that what a campaign looks at are the processes that people run, not parts of it put together otherwise.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
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
_RUNS = re.compile(rb"^started process=", re.MULTILINE)
_POLL_S = 0.02


class NotServing(Exception):
    """A process did not start or did not end; carries what it said."""


def token_of(agency: str) -> str:
    """The token that ``credentials_for`` gives an agency: no secret, for a server on loopback that lives a minute."""
    return _TOKEN.format(agency)


def credentials_for(agencies: Sequence[str], path: Path, topics: Mapping[str, str] | None = None) -> None:
    """Write the credentials file of these agencies; ``topics`` are the Kafka topics of those that have one."""
    of_agency = topics or {}
    lines = [
        {
            "name": agency,
            "role": "agency",
            "agency": agency,
            "token_sha256": hashlib.sha256(token_of(agency).encode()).hexdigest(),
            **({"kafka_topic": of_agency[agency]} if agency in of_agency else {}),
        }
        for agency in agencies
    ]
    path.write_text(json.dumps(lines), encoding="utf-8")


class Started:
    """One running ``tallystick`` command that stays. ``stop`` it or leave its ``with``."""

    def __init__(
        self,
        command: Sequence[str],
        home: Path,
        settings: Mapping[str, str],
        *,
        ready: re.Pattern[bytes] = _RUNS,
        module: str = FAIR,
    ) -> None:
        """Runs ``command`` until ``ready`` is found in what it writes. Raises NotServing.

        ``settings`` by their names, as an operator would put them into the environment.
        """
        self.name = command[0]
        self._asked = False
        self._said = tempfile.NamedTemporaryFile(prefix="tallystick-said-")  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *command, "--home", str(home)],
            stdin=subprocess.DEVNULL,
            stdout=self._said,
            stderr=self._said,
            cwd=REPOSITORY,
            env=environment(settings),
            start_new_session=True,
        )
        try:
            self.found = self._awaited(ready)
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

    def ask_to_end(self) -> None:
        """SIGTERM, where it has not been asked yet: a second one would end it at once."""
        if not self._asked:
            self._asked = True
            self._process.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        """End it with SIGTERM. Raises NotServing where it does not end by itself or ends otherwise than with 0."""
        self.ask_to_end()
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired as slow:
            self.kill()
            raise NotServing(f"{self.name} did not end within {STOP_TIMEOUT_S:g} s of SIGTERM") from slow
        if self._process.returncode not in (0, -signal.SIGTERM):
            raise NotServing(f"{self.name} ended with {self._process.returncode}: {self.told()}")

    def kill(self) -> None:
        """End it with SIGKILL; nothing to do where it has ended."""
        self._process.kill()
        self._process.wait()

    def told(self) -> str:
        """The end of what it wrote."""
        return Path(self._said.name).read_bytes()[-2_000:].decode(errors="replace")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End it where it still runs, and forget what it wrote."""
        if self.running:
            self.kill()
        self._said.close()

    def _awaited(self, ready: re.Pattern[bytes]) -> re.Match[bytes]:
        until_s = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < until_s:
            ended = not self.running
            found = ready.search(Path(self._said.name).read_bytes())
            if found:
                return found
            if ended:
                break
            time.sleep(_POLL_S)
        raise NotServing(f"{self.name} did not start: {self.told()}")


class Served(Started):
    """A running ``tallystick serve`` on a port of its own."""

    def __init__(self, home: Path, settings: Mapping[str, str], *, module: str = FAIR) -> None:
        """As ``Started``."""
        super().__init__(("serve", "--port", "0"), home, settings, ready=_AT, module=module)
        self.port = int(self.found.group(1))


def migrated(home: Path, settings: Mapping[str, str]) -> None:
    """Have ``tallystick migrate`` make the tables, and the topics where a broker is set. Raises NotServing."""
    asked("migrate", home, settings)


def asked(command: str, home: Path, settings: Mapping[str, str], *options: str) -> str:
    """What a command that ends has written to standard output. Raises NotServing where it ended otherwise than with
    0."""
    done = subprocess.run(
        [sys.executable, "-m", FAIR, command, "--home", str(home), *options],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        env=environment(settings),
        check=False,
    )
    if done.returncode:
        raise NotServing(f"{command} ended with {done.returncode}: {done.stdout[-2_000:]}{done.stderr[-2_000:]}")
    return done.stdout


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with these settings of Tallystick and no others."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TALLYSTICK_")}
    return {**clean, **{f"TALLYSTICK_{name.upper()}": value for name, value in settings.items()}}


def _memory_bytes(pid: int, what: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith(what + ":"):
            return int(line.split()[1]) * 1024
    raise LookupError(f"this kernel reports no {what}")
