"""Tallystick's processes as real processes, for the tests that start, ask, kill and end them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60.0
"""So long a test waits for what must happen; on a busy machine a process needs seconds to begin."""


def environment(**settings: Any) -> dict[str, str]:
    """The environment of a process with these settings, and none that this one has."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TALLYSTICK_")}
    return {**kept, "PYTHONPATH": str(ROOT), **{f"TALLYSTICK_{name.upper()}": str(v) for name, v in settings.items()}}


def command(*line: str, settings: Mapping[str, Any] | None = None, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """One command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "ops.cli", *line],
        cwd=ROOT,
        env=environment(**(settings or {})),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
    )


class Running:
    """A process of ``tallystick`` that stays. Left with, it is killed if it still runs."""

    def __init__(self, *line: str, **settings: Any) -> None:
        self._said = tempfile.TemporaryFile("w+b")  # noqa: SIM115 - it lives as long as this
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ops.cli", *line],
            cwd=ROOT,
            env=environment(**settings),
            stdout=self._said,
            stderr=self._said,
            start_new_session=True,
        )

    def said(self) -> str:
        """What it has printed so far."""
        self._said.seek(0)
        return self._said.read().decode()

    def used(self, name: str) -> str:
        """A value of its first line, which is waited for."""
        found = until(lambda: re.search(r"^started .*$", self.said(), re.M), alive=self.alive, told=self.said)
        value = re.search(rf" {name}=(\S+)", found[0])
        assert value is not None, f"the first line has no {name}: {found[0]}"
        return value[1].rstrip("/")

    def alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self._process.kill()
        self._process.wait(PATIENCE_S)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end; its exit status."""
        self._process.send_signal(number)
        return self._process.wait(PATIENCE_S)

    def wait(self) -> int:
        """Its exit status, once it ends by itself."""
        return self._process.wait(PATIENCE_S)

    def __enter__(self) -> Running:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.alive():
            self.kill()
        if error is not None:
            sys.stderr.write(self.said())
        self._said.close()


def until(
    look: Callable[[], Any], *, alive: Callable[[], bool] = lambda: True, told: Callable[[], str] = lambda: ""
) -> Any:
    """What ``look`` finds, once that is something."""
    end_s = time.monotonic() + PATIENCE_S
    while True:
        found = look()
        if found:
            return found
        assert alive(), f"it has ended: {told()}"
        assert time.monotonic() < end_s, f"it does not happen: {told()}"
        time.sleep(0.05)


def get(url: str) -> tuple[int, Any]:
    """Status and body of a GET, parsed where it is JSON."""
    return _asked(urllib.request.Request(url))


def gauge(url: str, name: str) -> float:
    """A value of ``/metrics``; -1 where it is not told."""
    found = re.search(rf"^{re.escape(name)} (\S+)$", get(f"{url}/metrics")[1], re.M)
    return float(found[1]) if found else -1


def post(url: str, body: bytes, media: str = "application/cloudevents+json") -> tuple[int, Any]:
    """Status and body of a POST."""
    return _asked(urllib.request.Request(url, body, {"Content-Type": media}))


def _asked(request: urllib.request.Request) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, _parsed(answer.read())
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, _parsed(refused.read())


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode()
