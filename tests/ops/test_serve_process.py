"""``serve`` as a process on SQLite: it says what it uses, records, shows, and ends well when it is asked to."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.ops.running import Running, command, get, post, until

Raw = Callable[..., bytes]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_records_shows_and_ends_with_status_0(tmp_path: Path, raw: Raw, number: signal.Signals) -> None:
    with Running("serve", home=tmp_path / "home", port=0) as server:
        url = server.used("url")
        assert str(tmp_path / "home") == server.used("database")
        assert 201 == post(f"{url}/v1/events", raw(1))[0]
        until(lambda: get(f"{url}/v1/head")[1]["position"] == 1)
        assert 0 == server.end(number)
    told = command("verify", settings={"home": tmp_path / "home"})
    assert (0, True) == (told.returncode, "│ yes │      1 │" in told.stdout)


def test_a_port_that_is_taken_is_one_fault_and_not_status_0(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        told = command("serve", settings={"home": tmp_path / "home", "port": taken.getsockname()[1]})
    assert (3, True) == (told.returncode, told.stderr.startswith("error settings_invalid: "))
    assert "Traceback" not in told.stderr
