"""The scaled system as processes: serve, relay and workers over PostgreSQL and a broker, started, killed and ended."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.ops.running import Running, command, get, post, until
from tests.ops.scaled import scaled

Raw = Callable[..., bytes]


def _complete(url: str, upto: int) -> Callable[[], Any]:
    def look() -> bool:
        status, told = get(f"{url}/v1/head")
        return status == 200 and told["position"] == told["log_index"] == upto

    return look


def test_what_is_sent_over_http_is_counted_by_workers_whoever_of_them_dies(
    tmp_path: Path, postgres_address: str, broker: str, topic_prefix: str, raw: Raw
) -> None:
    settings = scaled(tmp_path, postgres_address, broker, topic_prefix, metrics_port=0, port=0)
    with ExitStack() as stack:
        server = stack.enter_context(Running("serve", **settings))
        relay = stack.enter_context(Running("relay", **settings))
        first = stack.enter_context(Running("worker", "--no-intake", **settings))
        url = server.used("url")
        for number in range(1, 11):
            assert 201 == post(f"{url}/v1/events", raw(number))[0]
        until(_complete(url, 10), alive=first.alive, told=first.said)
        second = stack.enter_context(Running("worker", "--no-intake", **settings))
        ready = second.used("metrics")
        until(lambda: get(f"{ready}/readyz")[0] == 200, alive=second.alive, told=second.said)
        first.kill()
        for number in range(11, 21):
            assert 201 == post(f"{url}/v1/events", raw(number))[0]
        until(_complete(url, 20), alive=second.alive, told=second.said)
        page = get(f"{url}/")[1]
        assert "event 20" in page
        assert [0, 0, 0] == [second.end(), relay.end(), server.end()]
    told = command("verify", "--views", settings=settings)
    assert 0 == told.returncode, told.stdout + told.stderr
