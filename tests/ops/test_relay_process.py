"""``relay`` as a process: it sends, one of several; another takes over from one that is killed; it ends well."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.ops.running import Running, command, gauge, get, until
from tests.ops.scaled import scaled

Raw = Callable[..., bytes]


def _record(settings: dict[str, object], raw: Raw, *numbers: int) -> None:
    lines = "\n".join(raw(number).decode() for number in numbers)
    done = command("record", "-", settings=settings, stdin=lines)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("broker", ["tansu"], indirect=True)  # processes on both: test_scaled_processes
def test_it_sends_and_another_takes_over_when_it_is_killed(
    tmp_path: Path, postgres_address: str, broker: str, topic_prefix: str, raw: Raw
) -> None:
    settings = scaled(tmp_path, postgres_address, broker, topic_prefix, metrics_port=0)
    _record(settings, raw, 1, 2)
    with Running("relay", **settings) as first:
        at = first.used("metrics")
        until(lambda: gauge(at, "tallystick_relay_log_index") == 2, alive=first.alive, told=first.said)
        assert (1, 0) == (gauge(at, "tallystick_relay_sends"), gauge(at, "tallystick_relay_lag_events"))
        assert 200 == get(f"{at}/readyz")[0]
        with Running("relay", **settings) as second:
            by = second.used("metrics")
            until(lambda: get(f"{by}/readyz")[0] == 200, alive=second.alive, told=second.said)
            assert 0 == gauge(by, "tallystick_relay_sends")
            first.kill()
            _record(settings, raw, 3)
            until(lambda: gauge(by, "tallystick_relay_log_index") == 3, alive=second.alive, told=second.said)
            assert 1 == gauge(by, "tallystick_relay_takeovers_total")
            assert 0 == second.end()


@pytest.mark.parametrize(
    ("settings", "code", "status"),
    [
        ({}, "settings_invalid", 3),
        ({"broker": "kafka://127.0.0.1:1"}, "settings_invalid", 3),
        (
            {"database": "postgresql://u:s3cr3t@127.0.0.1:1/d", "broker": "kafka://127.0.0.1:1"},
            "database_unavailable",
            5,
        ),
    ],
)
def test_what_it_cannot_run_with_is_one_fault_and_not_status_0(
    tmp_path: Path, settings: dict[str, str], code: str, status: int
) -> None:
    done = command("relay", settings={"home": tmp_path, **settings})
    assert (status, True) == (done.returncode, done.stderr.startswith(f"error {code}: "))
    assert "Traceback" not in done.stderr
    assert "s3cr3t" not in done.stderr


def test_it_waits_for_a_broker_that_is_away_and_says_so(tmp_path: Path, postgres_address: str) -> None:
    settings = {"home": tmp_path, "database": postgres_address, "broker": "kafka://127.0.0.1:1", "metrics_port": 0}
    with Running("relay", **settings) as relay:
        at = relay.used("metrics")
        told = until(lambda: (body := get(f"{at}/readyz"))[1]["checks"][0]["detail"].startswith("broker_away") and body)
        assert (503, False) == (told[0], told[1]["ready"])
        assert 0 == relay.end()
