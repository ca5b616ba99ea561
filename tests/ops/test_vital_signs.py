"""A worker's and a relay's own answers: alive, ready or not and why, and its metrics."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable

import pytest

from contracts.faults import Fault
from ops.health import Check, Readiness
from ops.metrics import Metrics
from ops.vital_signs import VitalSigns

WELL = Readiness(True, (Check("progress", True, "position 4"),))
ILL = Readiness(False, (Check("progress", False, "5 events wait"),))


def _asked(ready: Callable[[], Readiness], path: str) -> tuple[int, bytes]:
    metrics = Metrics()
    metrics.watch("tallystick_head_log_index", lambda: 7)
    with VitalSigns(metrics, ready, host="127.0.0.1", port=0) as signs:
        try:
            with urllib.request.urlopen(f"{signs.url}{path}", timeout=10) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read()


def test_it_says_that_it_lives_and_what_it_measures() -> None:
    assert (200, {"status": "alive"}) == _read(*_asked(lambda: WELL, "/healthz"))
    status, body = _asked(lambda: WELL, "/metrics")
    assert (200, True) == (status, b"tallystick_head_log_index 7.0" in body)


def _read(status: int, body: bytes) -> tuple[int, object]:
    return status, json.loads(body)


def test_it_says_whether_it_makes_progress_and_if_not_why() -> None:
    assert (200, WELL.to_json()) == _read(*_asked(lambda: WELL, "/readyz"))
    assert (503, ILL.to_json()) == _read(*_asked(lambda: ILL, "/readyz"))


def test_a_question_that_cannot_be_answered_is_not_ready_and_tells_no_detail() -> None:
    def broken() -> Readiness:
        raise RuntimeError("at postgresql://u:s3cr3t@h/db")

    status, body = _asked(broken, "/readyz")
    assert (503, True, False) == (status, b"RuntimeError" in body, b"s3cr3t" in body)


def test_there_is_nothing_else() -> None:
    assert 404 == _asked(lambda: WELL, "/")[0]


def test_a_port_that_is_taken_is_a_fault_that_names_the_setting() -> None:
    with VitalSigns(Metrics(), lambda: WELL, host="127.0.0.1", port=0) as signs:
        port = int(signs.url.rpartition(":")[2])
        with pytest.raises(Fault) as caught:
            VitalSigns(Metrics(), lambda: WELL, host="127.0.0.1", port=port)
    assert ("settings_invalid", "/metrics_port") == (caught.value.problem.code, caught.value.problem.pointer)
