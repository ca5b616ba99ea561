"""The scaled system as processes: serve, relay and workers over PostgreSQL and a broker, started, killed and ended."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.ops.running import Running, command, gauge, get, post, until
from tests.ops.scaled import scaled
from tests.streams.kafka_world import read_all, send_all

Raw = Callable[..., bytes]


STRUCTURED = (("content-type", b"application/cloudevents+json"),)


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
        assert "complete up to event 20 of 20" in get(f"{url}/")[1]
        scorecard = get(f"{url}/v1/scorecard")[1]
        assert (20, 20) == (scorecard["position"], scorecard["head"])
        behind = get(f"{url}/v1/cells/K05/1/all/all")[1]
        assert 20 == len(behind["events"])
        assert [0, 0, 0] == [second.end(), relay.end(), server.end()]
    told = command("verify", "--views", settings=settings)
    assert 0 == told.returncode, told.stdout + told.stderr


def test_what_is_sent_over_kafka_is_recorded_by_whom_the_topic_speaks_for_and_answered(
    tmp_path: Path, postgres_address: str, broker: str, topic_prefix: str, raw: Raw
) -> None:
    credentials = tmp_path / "credentials.json"
    own = f"{topic_prefix}.from.police"
    told = [
        {"name": "cad", "role": "agency", "agency": "police", "token_sha256": "0" * 64, "kafka_topic": own},
        {"name": "it", "role": "operator", "token_sha256": "1" * 64},
    ]
    credentials.write_text(json.dumps(told))
    settings = scaled(tmp_path, postgres_address, broker, topic_prefix, metrics_port=0, credentials_file=credentials)
    with Running("relay", **settings) as relay, Running("worker", **settings) as worker:
        at = worker.used("metrics")
        send_all(broker, own, [(b"call/c-1", raw(1), STRUCTURED), (b"call/c-2", raw(2, agency="fire"), STRUCTURED)])
        send_all(broker, f"{topic_prefix}.intake", [(b"call/c-3", raw(3, agency="fire"), STRUCTURED)])
        until(lambda: gauge(at, "tallystick_position_log_index") == 2, alive=worker.alive, told=worker.said)
        until(lambda: get(f"{at}/readyz")[0] == 200, alive=worker.alive, told=worker.said)
        assert [0, 0] == [worker.end(), relay.end()]
    kept = json.loads(command("rejections", "--format", "json", settings=settings).stdout)["rejections"]
    assert ["agency_not_entitled"] == [rejection["code"] for rejection in kept]
    # What is delivered again is answered again, as a duplicate.
    receipts = [json.loads(message.value) for message in read_all(broker, f"{topic_prefix}.receipts")]
    assert ["e-1", "e-3"] == sorted(told["id"] for told in receipts if told["status"] == "recorded")
    refusals = [json.loads(message.value) for message in read_all(broker, f"{topic_prefix}.rejections")]
    assert {("e-2", "agency_not_entitled")} == {(refusal["id"], refusal["code"]) for refusal in refusals}


def test_several_servers_write_to_one_database_and_count_everything_once(
    tmp_path: Path, postgres_address: str, raw: Raw
) -> None:
    settings = {"home": tmp_path, "database": postgres_address, "port": 0, "poll_interval_s": 0.2}
    assert 0 == command("migrate", settings=settings).returncode
    with Running("serve", **settings) as first, Running("serve", **settings) as second:
        urls = [first.used("url"), second.used("url")]
        for number in range(1, 11):
            assert 201 == post(f"{urls[number % 2]}/v1/events", raw(number))[0]
            assert 200 == post(f"{urls[1 - number % 2]}/v1/events", raw(number))[0]
        for url in urls:
            until(_complete(url, 10), alive=second.alive, told=second.said)
        first.kill()
        assert 201 == post(f"{urls[1]}/v1/events", raw(11))[0]
        until(_complete(urls[1], 11), alive=second.alive, told=second.said)
        assert 0 == second.end()
    told = command("verify", "--views", settings=settings)
    assert 0 == told.returncode, told.stdout + told.stderr


def test_a_worker_with_nothing_to_do_or_no_topics_is_one_fault(tmp_path: Path, postgres_address: str) -> None:
    given = {"home": tmp_path, "database": postgres_address, "broker": "kafka://127.0.0.1:1"}
    done = command("worker", "--no-intake", "--no-projection", settings=given)
    assert (3, True) == (done.returncode, done.stderr.startswith("error settings_invalid: "))
    assert 3 == command("worker", settings={"home": tmp_path, "database": postgres_address}).returncode
